"""What is written to the bucket is what was written before."""

import pytest

from tests.contract import golden, seen
from tests.contract.conftest import Play


@pytest.mark.parametrize("scene", ["nps", "scoring", "scoring_fitted"])
def test_a_scene_leaves_the_same_objects_in_the_bucket(play: Play, scene: str) -> None:
    golden.check(f"bucket/{scene}", seen.objects_of(play(scene)))
