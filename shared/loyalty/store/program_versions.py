"""The loyalty programme's versions: pk `LOYALTY#PROGRAM`, sk `VERSION#<six digits>`; never changed once written."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from shared.core import old_table as table
from shared.core.facts import from_timestamp, to_timestamp
from shared.loyalty.program import Bonus, Downgrade, Multiplier, NegativeBalance, Program, Rounding, Tier

_PARTITION: Final = "LOYALTY#PROGRAM"
_PREFIX: Final = "VERSION#"
_PLAIN: Final = (
    "version",
    "points",
    "per_amount",
    "pending_days",
    "expiry_months",
    "expiry_warning_days",
    "qualifying_months",
    "grace_days",
)


def versions() -> list[Program]:
    """Every version, oldest first (1 read unit per 4 KB of all of them; a plain one has some 700 bytes)."""
    return [from_members(item) for item in table.query(table.customers_table(), _PARTITION, _PREFIX)]


def latest() -> Program | None:
    """The version in force, None before the programme was launched (1 read unit)."""
    found = table.query(table.customers_table(), _PARTITION, _PREFIX, limit=1, newest_first=True)
    return from_members(found[0]) if found else None


def points_for_answer(own: int | None) -> int:
    """What the answer to a survey earns: the survey's `own` points, else the programme's; 0 while there is none."""
    program = latest()
    if program is None:
        return 0
    return program.bonuses.get(Bonus.SURVEY_ANSWERED, 0) if own is None else own


def publish(decide: Callable[[Program | None], Program]) -> Program:
    """Write the version that `decide` makes of the latest, if it makes a new one (1 write unit per KB)."""
    for _ in table.tries():
        before = latest()
        wanted = decide(before)
        if wanted == before:
            return wanted
        key = {"pk": _PARTITION, "sk": f"{_PREFIX}{wanted.version:06d}"}
        try:
            table.apply(table.put_new(table.customers_table(), {**key, **to_members(wanted)}))
        except table.Cancelled:
            continue
        return wanted
    raise AssertionError("tries() ends by raising")


def to_members(program: Program) -> dict[str, Any]:
    """A programme as the members of an item or an answer; what is not set is None."""
    return {
        **{name: getattr(program, name) for name in _PLAIN},
        "starts_at": to_timestamp(program.starts_at),
        "published_at": to_timestamp(program.published_at),
        "rounding": program.rounding,
        "downgrade": program.downgrade,
        "negative_balance": program.negative_balance,
        "bonuses": dict(program.bonuses),
        "tiers": [{"name": tier.name, "threshold": tier.threshold, "percent": tier.percent} for tier in program.tiers],
        "multipliers": [_multiplier_members(one) for one in program.multipliers],
    }


def from_members(members: Mapping[str, Any]) -> Program:
    """The programme of an item."""
    plain: dict[str, Any] = {name: members.get(name) for name in _PLAIN}
    return Program(
        **plain,
        starts_at=from_timestamp(members["starts_at"]),
        published_at=from_timestamp(members["published_at"]),
        rounding=Rounding(members["rounding"]),
        downgrade=Downgrade(members["downgrade"]),
        negative_balance=NegativeBalance(members["negative_balance"]),
        bonuses={Bonus(name): points for name, points in members["bonuses"].items()},
        tiers=tuple(Tier(**tier) for tier in members["tiers"]),
        multipliers=tuple(_multiplier_from(one) for one in members["multipliers"]),
    )


def _multiplier_members(one: Multiplier) -> dict[str, Any]:
    return {
        "name": one.name,
        "percent": one.percent,
        "skus": sorted(one.skus),
        "categories": sorted(one.categories),
        "starts_on": one.starts_on.isoformat() if one.starts_on else None,
        "ends_on": one.ends_on.isoformat() if one.ends_on else None,
    }


def _multiplier_from(members: Mapping[str, Any]) -> Multiplier:
    starts_on, ends_on = members.get("starts_on"), members.get("ends_on")
    return Multiplier(
        name=members["name"],
        percent=members["percent"],
        skus=frozenset(members["skus"]),
        categories=frozenset(members["categories"]),
        starts_on=date.fromisoformat(starts_on) if starts_on else None,
        ends_on=date.fromisoformat(ends_on) if ends_on else None,
    )
