"""The CDNOW sample becomes purchases that the import takes, every one of them."""

from pathlib import Path

import pytest

from cli.demo import cdnow
from cli.exports.rows import read_layout, read_orders, to_payload


def test_a_price_is_given_only_where_the_pieces_come_out_even(tmp_path: Path) -> None:
    sample, target = tmp_path / "sample.txt", tmp_path / "cdnow.csv"
    sample.write_text(" 00004 0001 19970101  2   29.33\n 00004 0001 19970101  2   29.72\n\n")
    cdnow.to_csv(sample, target)
    assert target.read_text().splitlines()[1:] == [
        "cdnow-00004-19970101-1,cdnow-00004,1997-01-01,29.33,USD,,,,,",
        "cdnow-00004-19970101-2,cdnow-00004,1997-01-01,29.72,USD,CD,Compact disc,Music,2,14.86",
    ]


def test_all_6919_purchases_of_2357_customers_can_be_imported(tmp_path: Path) -> None:
    sample = cdnow.find()
    if sample is None:
        pytest.skip("the package that ships the CDNOW sample is not installed")
    target = tmp_path / "cdnow.csv"
    cdnow.to_csv(sample, target)
    layout = read_layout(target)
    payloads = [to_payload(layout, order.rows) for order in read_orders(target, layout)]
    assert len({payload.order_id for payload in payloads}) == 6_919
    assert len({payload.customer.customer_id for payload in payloads}) == 2_357
    assert sum(payload.total for payload in payloads) == 24_409_194
