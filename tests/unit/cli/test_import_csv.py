"""A shop's CSV export becomes orders, and what cannot be one says why."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cli.exports.rows import (
    UnreadableFile,
    as_cells,
    describe_problem,
    header_of_rejects,
    read_layout,
    read_orders,
    to_payload,
)
from shared.core.errors import Invalid
from shared.purchases.payloads import PurchasePayload

BARE = "order_id,email,ordered_at,total,currency"
LINES = f"{BARE},sku,name,category,quantity,price"


def write(folder: Path, *rows: str, encoding: str = "utf-8") -> Path:
    path = folder / "purchases.csv"
    path.write_bytes("".join(f"{row}\n" for row in rows).encode(encoding))
    return path


def payloads(folder: Path, *rows: str, encoding: str = "utf-8") -> list[PurchasePayload | str]:
    """What each order of the file becomes: a purchase, or the reason why not."""
    path = write(folder, *rows, encoding=encoding)
    layout = read_layout(path)
    converted: list[PurchasePayload | str] = []
    for order in read_orders(path, layout):
        try:
            converted.append(to_payload(layout, order.rows))
        except (Invalid, ValidationError, OverflowError) as error:
            converted.append(describe_problem(error))
    return converted


def only(folder: Path, *rows: str) -> PurchasePayload:
    (payload,) = payloads(folder, *rows)
    assert isinstance(payload, PurchasePayload), payload
    return payload


def reason(folder: Path, *rows: str) -> str:
    (text,) = payloads(folder, *rows)
    assert isinstance(text, str), text
    return text


def test_a_row_becomes_an_order_in_minor_units(tmp_path: Path) -> None:
    payload = only(tmp_path, BARE, "#1,Ada@Example.com,2026-11-20 10:00,12.5,eur")
    assert payload == PurchasePayload.model_validate(
        {
            "order_id": "#1",
            "customer": {"email": "ada@example.com"},
            "ordered_at": "2026-11-20T10:00:00",
            "currency": "EUR",
            "total": 1250,
        }
    )


def test_header_names_may_be_in_any_case_and_order_with_spaces_and_a_bom(tmp_path: Path) -> None:
    (payload,) = payloads(
        tmp_path, " Total ;CURRENCY;Customer_ID;Order_Id;ordered_at", "3;EUR;K-1;1;2026-01-01", encoding="utf-8-sig"
    )
    assert isinstance(payload, PurchasePayload)
    assert (payload.total, payload.customer.customer_id, payload.order_id) == (300, "K-1", "1")


@pytest.mark.parametrize(("cell", "total"), [("12,50", 1250), ("12.50", 1250), ("7", 700)])
def test_a_file_with_semicolons_may_have_decimal_commas(tmp_path: Path, cell: str, total: int) -> None:
    assert only(tmp_path, BARE.replace(",", ";"), f"1;a@b.de;2026-01-01;{cell};EUR").total == total


def test_a_comma_before_three_digits_is_not_guessed_at(tmp_path: Path) -> None:
    text = reason(tmp_path, BARE.replace(",", ";"), "1;a@b.de;2026-01-01;1,234;EUR")
    assert text == "total: '1,234' is not a decimal number such as 12.50"


@pytest.mark.parametrize("later", ["1,a@b.de,2026-01-01,25,EUR", "1,,,,", ",,,,", ",a@b.de,,25,"])
def test_rows_of_an_order_are_its_lines_whether_they_repeat_its_columns_or_not(tmp_path: Path, later: str) -> None:
    payload = only(tmp_path, LINES, "1,a@b.de,2026-01-01,25,EUR,cup,Cup,Kitchen,2,10", f"{later},mug,,,1,5")
    assert [(line.sku, line.name, line.quantity, line.price) for line in payload.products] == [
        ("cup", "Cup", 2, 1000),
        ("mug", None, 1, 500),
    ]


def test_a_row_without_a_line_of_its_own_heads_the_lines_below_it(tmp_path: Path) -> None:
    payload = only(tmp_path, LINES, "1,a@b.de,2026-01-01,5,EUR,,,,,", ",,,,,mug,,,1,5")
    assert [line.sku for line in payload.products] == ["mug"]


def test_a_row_that_lost_its_id_does_not_spoil_the_order_above_it(tmp_path: Path) -> None:
    first, second = payloads(
        tmp_path, LINES, "1,a@b.de,2026-01-01,5,EUR,mug,,,1,5", ",c@d.de,2026-01-02,5,EUR,mug,,,1,5"
    )
    assert isinstance(first, PurchasePayload)
    assert second == "order_id: missing"


def test_rows_of_an_order_that_contradict_each_other_are_rejected_together(tmp_path: Path) -> None:
    rows = (LINES, "1,a@b.de,2026-01-01,5,EUR,mug,,,1,5", "1,a@b.de,2026-01-01,6,EUR,cup,,,1,6")
    assert reason(tmp_path, *rows) == "total: the rows of the order say '5' and '6'"


@pytest.mark.parametrize(
    ("columns", "cells", "sums"),
    [
        ("", "", (0, 490, 0)),
        (",coupon", ",SPRING", (0, 490, 0)),
        (",tax,shipping", ",1.90,3.00", (190, 300, 0)),
        (",tax,shipping,discount", ",1.90,4.00,1", (190, 400, 100)),
    ],
)
def test_what_the_total_has_above_the_lines_is_shipping_unless_columns_say_else(
    tmp_path: Path, columns: str, cells: str, sums: tuple[int, int, int]
) -> None:
    payload = only(tmp_path, LINES + columns, f"1,a@b.de,2026-01-01,14.90,EUR,mug,,,2,5{cells}")
    assert (payload.tax, payload.shipping, payload.discount) == sums


def test_what_the_total_has_below_the_lines_is_a_discount_unless_a_column_says_else(tmp_path: Path) -> None:
    assert only(tmp_path, LINES, "1,a@b.de,2026-01-01,8,EUR,mug,,,2,5").discount == 200
    text = reason(tmp_path, f"{LINES},discount", "1,a@b.de,2026-01-01,8,EUR,mug,,,2,5,1")
    assert text == ("total is 800, but products − discount + tax + shipping is 1000 − 100 + 0 + 0 = 900")


def test_a_surplus_that_a_tax_column_does_not_explain_is_rejected(tmp_path: Path) -> None:
    assert reason(tmp_path, f"{LINES},tax", "1,a@b.de,2026-01-01,12,EUR,mug,,,2,5,1").startswith("total is 1200")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (",a@b.de,2026-01-01,5,EUR", "order_id: missing"),
        ("1,a@b.de,,5,", "ordered_at, currency: missing"),
        ("1,,2026-01-01,5,EUR", "customer: give either customer_id or email"),
        ("1,nobody,2026-01-01,5,EUR", "email: this is not an e-mail address"),
        ("1,a@b.de,2026-01-01,5,EURO", "currency: 'EURO' is not an ISO 4217 code such as EUR"),
        ("1,a@b.de,2026-01-01,-5,EUR", "total: '-5' is not between 0 and 1000000000000 minor units"),
        ("1,a@b.de,2026-01-01,1e999999,EUR", "total: '1e999999' is not a decimal number such as 12.50"),
        ("1,a@b.de,2026-01-01,5.001,EUR", "total: '5.001' is finer than the smallest unit of EUR"),
        (
            "1,a@b.de,1767225600,5,EUR",
            "ordered_at: want an ISO 8601 date or time such as 2026-11-21T20:14:00+01:00",
        ),
        ("1,a@b.de,2026-01-01,5,EUR,x,y", "the row has more cells than the header: x, y"),
    ],
)
def test_an_order_that_cannot_be_taken_says_why(tmp_path: Path, row: str, expected: str) -> None:
    assert reason(tmp_path, BARE, row) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (",Mug,,1,5", "sku: missing"),
        ("mug,,,,5", "quantity: missing"),
        ("mug,,,1,", "price: missing"),
        ("mug,,,half,5", "quantity: 'half' is not a whole number"),
        ("mug,,,0,5", "quantity of line 1: Input should be greater than or equal to 1"),
    ],
)
def test_a_line_that_cannot_be_taken_says_why(tmp_path: Path, cells: str, expected: str) -> None:
    assert reason(tmp_path, LINES, f"1,a@b.de,2026-01-01,5,EUR,{cells}") == expected


def test_both_an_address_and_a_customer_number_are_rejected(tmp_path: Path) -> None:
    text = reason(tmp_path, f"{BARE},customer_id", "1,a@b.de,2026-01-01,5,EUR,K-1")
    assert text == "customer: give either customer_id or email"


def test_a_row_that_is_not_utf_8_is_rejected_and_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_bytes(f"{BARE},channel\n1,a@b.de,2026-01-01,5,EUR,B".encode() + b"\xfcro\n")
    layout = read_layout(path)
    (order,) = read_orders(path, layout)
    with pytest.raises(Invalid, match="not in UTF-8"):
        to_payload(layout, order.rows)
    assert as_cells(layout, order.rows[0], "x")[5].encode("utf-8", "surrogateescape") == b"B\xfcro"


def test_empty_lines_and_a_missing_newline_at_the_end_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(f"{BARE}\n\n1,a@b.de,2026-01-01,5,EUR\n,,,,\n\n2,a@b.de,2026-01-01,5,EUR")
    assert len(list(read_orders(path, read_layout(path)))) == 2


def test_cells_may_hold_line_breaks_and_delimiters(tmp_path: Path) -> None:
    mug = only(tmp_path, LINES, '1,a@b.de,2026-01-01,5,EUR,mug,"Mug, blue",,1,5')
    assert mug.products[0].name == "Mug, blue"
    rows = (f"{BARE},coupon", '"1",a@b.de,2026-01-01,5,EUR,"two', 'lines"', "2,a@b.de,2026-01-01,5,EUR,")
    assert [isinstance(payload, str) for payload in payloads(tmp_path, *rows)] == [True, False]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("order_id,email,total", "lacks the columns: ordered_at, currency"),
        ("order_id,ordered_at,total,currency", "lacks the columns: email or customer_id"),
        (f"{BARE},sku", "lacks the columns: quantity, price"),
        (f"{BARE},Total", "has the column total more than once"),
        ("", "lacks the columns: order_id"),
    ],
)
def test_a_file_without_the_needed_columns_is_refused_in_one_sentence(
    tmp_path: Path, header: str, sentence: str
) -> None:
    with pytest.raises(UnreadableFile, match=sentence):
        read_layout(write(tmp_path, header))


def test_a_spreadsheets_utf_16_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="UTF-8"):
        read_layout(write(tmp_path, BARE, encoding="utf-16"))


def test_an_unclosed_quotation_mark_is_reported_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, BARE, "1,a@b.de,2026-01-01,5,EUR", '2,"a@b.de,2026-01-01,5,EUR', "x" * 140_000)
    orders = read_orders(path, read_layout(path))
    with pytest.raises(UnreadableFile, match="from line 3"):
        list(orders)


def test_reading_goes_on_from_where_an_order_ended(tmp_path: Path) -> None:
    rows = [f"{number},ä{number}@b.de,2026-01-01,5,EUR" for number in range(20)]
    path = write(tmp_path, BARE, *rows, encoding="utf-8-sig")
    layout = read_layout(path)
    orders = list(read_orders(path, layout))
    for number, order in enumerate(orders):
        rest: list[Any] = list(read_orders(path, layout, order.end))
        assert [left.rows for left in rest] == [left.rows for left in orders[number + 1 :]]


def test_an_unknown_column_is_named_but_not_the_reason_of_a_rejects_file(tmp_path: Path) -> None:
    layout = read_layout(write(tmp_path, f"{BARE},Prise,reason"))
    assert layout.unknown == ["Prise"]
    assert header_of_rejects(layout) == [*BARE.split(","), "Prise", "reason"]
