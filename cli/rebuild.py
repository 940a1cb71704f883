"""`regulars rebuild`: state compared with the facts that it comes from, and made again from them."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import tzinfo
from itertools import islice
from typing import Annotated, Any, Final, NamedTuple

import typer

from cli.console import complain, console
from cli.deployment import connect
from cli.explained import explained
from shared.core import fact_store
from shared.core.differences import Difference
from shared.core.settings import LOCAL_STAGE
from shared.customers import actions as customers
from shared.loyalty.actions import rebuilding as loyalty
from shared.scorecards import actions as scorecards

MAX_SHOWN: Final = 100
MAX_VALUE: Final = 200
_THREADS: Final = 8
_TOGETHER: Final = 200


class Rebuilt(NamedTuple):
    """What differs of a customer, by the part of their state; None where there is no profile."""

    customer_id: str
    parts: Mapping[str, tuple[Difference, ...]] | None


def rebuild(
    customer: Annotated[str, typer.Option(help="Only this customer, by id. All if none.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what differs.")] = False,
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Compare consents, points accounts and scorecards with their facts, show what differs, and mend it.

    What no fact has stays as it is: names, addresses, signups that wait, vouchers, scores. A customer without a
    profile is left alone. For all customers it reads the whole table, and facts three times.

    With --dry-run it ends with 1 where something differs.
    """
    with explained():
        zone = connect(stage).settings.zone
        ids: Iterable[str] = [customer] if customer else fact_store.customers()
        looked_at, different, without = 0, 0, 0
        for result in _rebuilt(ids, zone, write=not dry_run):
            looked_at += 1
            if result.parts is None:
                without += 1
                continue
            changed = {part: members for part, members in result.parts.items() if members}
            different += bool(changed)
            if changed and different <= MAX_SHOWN:
                _show(result.customer_id, changed)
    if customer and without:
        complain(f"There is no customer {customer}.")
        raise typer.Exit(1)
    if different > MAX_SHOWN:
        console.print(f"… and {different - MAX_SHOWN:,} more", style="dim")
    outcome = "differ" if dry_run else "differed and were made again"
    console.print(f"{looked_at:,} customers: {different:,} {outcome}, {without:,} without a profile left alone.")
    if different and dry_run:
        raise typer.Exit(1)


def _rebuilt(ids: Iterable[str], zone: tzinfo, *, write: bool) -> Iterator[Rebuilt]:
    """The customers in their order, some at a time."""
    waiting = iter(ids)
    with ThreadPoolExecutor(_THREADS) as pool:
        while together := list(islice(waiting, _TOGETHER)):
            yield from pool.map(lambda customer_id: _of(customer_id, zone, write=write), together)


def _of(customer_id: str, zone: tzinfo, *, write: bool) -> Rebuilt:
    profile = customers.rebuild(customer_id, write=write)
    if profile is None:
        return Rebuilt(customer_id, None)
    parts = {
        "profile": profile,
        "points account": loyalty.rebuild(customer_id, write=write),
        "scorecard": scorecards.rebuild(customer_id, zone, write=write),
    }
    return Rebuilt(customer_id, parts)


def _show(customer_id: str, parts: Mapping[str, tuple[Difference, ...]]) -> None:
    for part, different in parts.items():
        console.print(f"{customer_id}, {part}", style="bold", markup=False)
        for difference in different:
            stored, rebuilt = _short(difference.stored), _short(difference.rebuilt)
            console.print(f"  {difference.member}: {stored} → {rebuilt}", markup=False)


def _short(value: Any) -> str:
    text = str(sorted(value)) if isinstance(value, frozenset) else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
