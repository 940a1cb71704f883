"""Scores as texts, written by this version, by older ones and by newer ones."""

from datetime import date

import pytest

from shared.scorecards.score import Score

SCORE = Score("Champions", 5, 5, 4, date(2026, 11, 22), "LOW", "TOP", "run-1", True, "Loyal Customers")
TEXT = "Champions|5|5|4|LOW|TOP|2026-11-22|run-1|Loyal Customers"


def test_a_score_is_a_text_of_nine_fields() -> None:
    assert SCORE.to_text() == TEXT
    assert Score.from_text(TEXT) == SCORE


def test_the_first_score_of_a_customer_is_a_move_from_no_segment() -> None:
    first = Score("Prospects", None, None, None, date(2026, 11, 22), rescoring_id="run-1", is_move=True)
    assert first.to_text() == "Prospects||||||2026-11-22|run-1|-"
    assert Score.from_text(first.to_text()) == first


@pytest.mark.parametrize("more", ["|", "|0.4", "|a|b|c"])
def test_fields_that_a_newer_version_adds_are_passed_over(more: str) -> None:
    assert Score.from_text(TEXT + more) == SCORE


@pytest.mark.parametrize("fields", range(1, 9))
def test_fields_that_an_older_version_lacks_are_blank(fields: int) -> None:
    shorter = "|".join(TEXT.split("|")[:fields])
    score = Score.from_text(shorter)
    assert score.to_text() == shorter + "|" * (9 - fields)
