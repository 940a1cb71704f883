"""Counting answers: how each moves the counts, and that every theme has its place among the figures."""

from datetime import UTC, datetime

from shared.nps import counting
from shared.nps.comments import Theme
from shared.nps.margin import Group
from shared.nps.store.figures import THEMES
from shared.nps.survey import Answer, Invitation

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)


def answer(score: int, *themes: str) -> Answer:
    return Answer(score=score, answered_at=NOW, themes=themes)


def test_a_first_answer_adds_and_a_change_moves() -> None:
    assert counting.score_counts(answer(9), None) == {9: 1}
    assert counting.score_counts(answer(8), answer(9)) == {8: 1, 9: -1}
    assert counting.score_counts(answer(9), answer(9)) == {}


def test_themes_move_between_groups_and_those_that_stay_are_not_written() -> None:
    before = answer(9, "SERVICE", "DELIVERY")
    assert counting.theme_counts(before, None) == {Group.PROMOTER: {"SERVICE": 1, "DELIVERY": 1}}
    assert counting.theme_counts(answer(10, "SERVICE"), before) == {Group.PROMOTER: {"DELIVERY": -1}}
    assert counting.theme_counts(answer(8, "SERVICE"), answer(9, "SERVICE")) == {
        Group.PASSIVE: {"SERVICE": 1},
        Group.PROMOTER: {"SERVICE": -1},
    }


def test_an_invitation_is_counted_by_the_dimensions_that_are_known() -> None:
    invitation = Invitation(
        invitation_id="after-purchase.2026-11-14",
        customer_id="K-1",
        survey_id="after-purchase",
        run="2026-11-14",
        invited_at=NOW,
        send_at=NOW,
        expires_at=NOW,
        about={"channel": "web", "order_id": "A-1001"},
    )
    assert counting.dimensions_of(invitation) == {"survey_id": "after-purchase", "channel": "web"}


def test_every_theme_is_declared_among_the_figures() -> None:
    assert set(Theme) <= set(THEMES.declared)
