"""What callers get and what is sent is what it was before; the words that people read are kept apart."""

import pytest

from infra import wirings
from tests.contract import golden, seen
from tests.contract.conftest import Play
from tests.contract.scenes import SCENES


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_is_answered_the_same_and_sends_the_same(play: Play, scene: str) -> None:
    golden.check(f"answers/{scene}", seen.answers_of(play(scene)))


@pytest.mark.parametrize("scene", SCENES)
def test_the_pages_and_mails_of_a_scene_read_the_same(play: Play, scene: str) -> None:
    golden.check_entry("pages", scene, seen.pages_of(play(scene)))


def test_every_route_is_answered_well_in_some_scene() -> None:
    answered = {
        (call["route"], call["answer"]["statusCode"])
        for scene in SCENES
        for call in golden.read(f"answers/{scene}")
        if "answer" in call
    }
    assert {key for key, route in wirings.routes().items() if (key, min(route.answers)) not in answered} == set()


def test_no_golden_file_is_left_of_a_scene_that_is_gone() -> None:
    alone = {"bus.json", "pages.json"}
    files = {path.relative_to(golden.FOLDER).as_posix() for path in golden.FOLDER.rglob("*.json")}
    scenes = {path.rpartition("/")[2] for path in files - alone}
    assert scenes == {f"{scene}.json" for scene in SCENES}
    assert set(golden.read("pages")) == set(SCENES)
