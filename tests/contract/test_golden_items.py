"""What the stores write, as DynamoDB has it, is what they wrote before."""

import pytest

from tests.contract import golden
from tests.contract.conftest import Play
from tests.contract.scenes import SCENES


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_leaves_the_same_items_in_both_tables(play: Play, scene: str) -> None:
    golden.check_items(scene, golden.items_of(play(scene)))
