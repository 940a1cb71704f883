"""Lines of the fact log, and what they may hold."""

from datetime import UTC, date, datetime

import pytest

from infra.event_docs import example_of, fact_types, open_members
from shared.core import fact_log, fact_store
from shared.core.facts import FactType
from shared.core.settings import Settings

TYPES = fact_types()


@pytest.mark.parametrize("type_", TYPES.values(), ids=TYPES)
def test_a_line_is_read_back_as_what_was_written_but_for_what_is_personal(type_: FactType) -> None:
    fact = fact_store.from_members(example_of(type_))
    kept = open_members()[type_.name]
    entry = fact_log._logged(fact_log.line(fact, "7" * 21, kept))
    assert entry.fact.data == {name: value for name, value in fact.data.items() if name in kept}
    assert (entry.fact.id, entry.fact.version, entry.sequence) == (fact.id, fact.version, int("7" * 21))
    assert entry.is_partial == (set(kept) < set(fact.data))
    assert entry.key == {name: fact_store.to_item(fact)[name] for name in ("pk", "sk")}


def test_no_type_of_fact_has_a_member_that_the_log_has_for_itself() -> None:
    assert not any(fact_log.OWN_MEMBERS & set(example_of(type_)) for type_ in TYPES.values())


def test_what_proves_a_consent_and_what_staff_wrote_is_in_no_line() -> None:
    kept = open_members()
    assert {"ip", "requested_from_ip"}.isdisjoint(kept["ConsentGranted"])
    assert {"reason", "operator"}.isdisjoint(kept["PointsAdjusted"])
    assert {"order_id", "products", "total"} <= set(kept["PurchaseRecorded"])


def test_keys_are_in_the_order_of_the_stream() -> None:
    numbers = ["9", "10", "4" * 21, "1" * 22]
    keys = [fact_log.key(date(2026, 11, 21), number) for number in numbers]
    assert keys == sorted(keys)
    assert [fact_log.first_sequence(key) for key in keys] == [int(number) for number in numbers]
    assert fact_log.key(datetime(2026, 11, 21, tzinfo=UTC).date(), "9") == f"facts/2026-11-21/{'0' * 39}9.jsonl"


def test_a_budget_needs_somebody_to_tell() -> None:
    with pytest.raises(ValueError, match="monthly_budget_usd: needs alarm_email"):
        Settings(monthly_budget_usd=50)
    assert Settings(monthly_budget_usd=50, alarm_email="owner@shop.example").monthly_budget_usd == 50


def test_the_fact_log_is_kept_for_a_day_at_least() -> None:
    with pytest.raises(ValueError, match="fact_log_days 0: want 1 to 3650"):
        Settings(fact_log_days=0)
