"""Facts and their versions, as members of items and events."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypedDict

from shared.core import fact_store
from shared.core.facts import FactType, Member

NOW = datetime(2026, 11, 21, 20, 14, tzinfo=UTC)


class _Members(TypedDict):
    points: Annotated[int, Member("points", 1)]


def _type(version: int) -> FactType:
    return FactType(name="Toy", summary="A toy.", id=Member("the toy", "1"), data=_Members, version=version)


def test_version_one_is_written_as_no_member_and_read_back() -> None:
    fact = _type(1).fact(id="1", customer_id="K-1", now=NOW, data={"points": 1})
    members = fact_store.to_members(fact)
    assert "version" not in members
    assert fact_store.from_members(members) == fact


def test_a_later_version_is_a_member_and_read_back() -> None:
    fact = _type(2).fact(id="1", customer_id="K-1", now=NOW, data={"points": 1})
    members = fact_store.to_members(fact)
    assert members["version"] == 2
    assert fact_store.from_members(members) == fact


def test_members_that_are_none_are_left_out() -> None:
    assert _type(1).fact(id="1", customer_id="K-1", now=NOW, data={"points": 1, "reason": None}).data == {"points": 1}


def test_a_fact_happened_when_it_is_recorded_unless_its_time_is_given() -> None:
    type_, before = _type(1), NOW - timedelta(days=1)
    now = type_.fact(id="1", customer_id="K-1", now=NOW, data={})
    earlier = type_.fact(id="1", customer_id="K-1", now=NOW, data={}, occurred_at=before)
    assert (now.occurred_at, now.recorded_at) == (NOW, NOW)
    assert (earlier.occurred_at, earlier.recorded_at) == (before, NOW)
