"""The segments of RFM codes."""

import pytest

from shared.scorecards import rfm


def test_the_segments_are_an_exact_partition_of_the_125_codes() -> None:
    named = [rfm.segment(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)]
    assert len(named) == 125
    assert set(named) == set(rfm.SEGMENTS) - {rfm.PROSPECTS}
    assert len(rfm._SEGMENT_OF) == sum(len(codes.split()) for codes in rfm._CODES.values()) == 125


@pytest.mark.parametrize(
    ("code", "segment"),
    [
        ("555", "Champions"),
        ("111", "Lost"),
        ("511", "New Customers"),
        ("155", "Can't Lose Them"),
        ("543", "Loyal Customers"),
    ],
)
def test_well_known_codes_have_their_segment(code: str, segment: str) -> None:
    assert rfm.segment(*map(int, code)) == segment
