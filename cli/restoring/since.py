"""What was recorded after the moment that the customers table was restored to, by the fact log."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cli.republish import Span
from shared.core import fact_log, fact_store
from shared.core.dynamodb import Cancelled, apply
from shared.core.errors import Busy
from shared.core.facts import Fact
from shared.customers import actions as customers
from shared.customers import facts

# Nobody who said so may be written to again. Their facts are whole in the log, and state follows from them alone.
# What allows mail again is left to the customer: its evidence is not in the log.
OPT_OUTS: Final = frozenset(
    type_.name
    for type_ in (facts.CONSENT_WITHDRAWN, facts.CONSENT_SUPPRESSED, facts.CUSTOMER_SIGNED_OUT, facts.MAIL_PAUSED)
)
# A fact is written some time after the moment that it is recorded with.
MARGIN: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Since:
    """How many facts were recorded, by type; and those by which customers do not want mail, by customer."""

    counts: Mapping[str, int]
    opt_outs: Mapping[str, tuple[Fact, ...]]


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How many facts were written anew, of how many customers; and the customers who are not in the table."""

    facts: int
    customers: int
    unknown: int


def read(span: Span) -> Since:
    """Read the log of a span; a fact that lies there twice counts once."""
    seen: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    opt_outs: dict[str, tuple[Fact, ...]] = {}
    early = Span(start=span.start - MARGIN, end=span.end)
    for day in early.days():
        for key in fact_log.keys(day):
            for entry in fact_log.read(key):
                fact, at = entry.fact, (entry.key["pk"], entry.key["sk"])
                if at in seen or not early.has(fact):
                    continue
                seen.add(at)
                counts[fact.type] += span.has(fact)
                if fact.type in OPT_OUTS:
                    opt_outs[fact.customer_id] = (*opt_outs.get(fact.customer_id, ()), fact)
    return Since(counts=+counts, opt_outs=opt_outs)


def replay(opt_outs: Mapping[str, tuple[Fact, ...]]) -> Replayed:
    """Write these facts into the customers table where they are not there, and make their customers' profiles again.

    The stream publishes them once more. A customer without a profile signed up later and is in no list to write to.
    """
    written, changed, unknown = 0, 0, 0
    for customer_id, lost in opt_outs.items():
        if customers.rebuild(customer_id, write=False) is None:
            unknown += 1
            continue
        fresh = sum(_write(fact) for fact in lost)
        # Also where none is fresh: an earlier attempt may have ended between the two.
        customers.rebuild(customer_id, write=True)
        written, changed = written + fresh, changed + bool(fresh)
    return Replayed(facts=written, customers=changed, unknown=unknown)


def _write(fact: Fact) -> bool:
    try:
        apply(fact_store.record(fact))
    except Cancelled as error:
        if not error.refused(0):
            raise Busy("others are changing the customer; the same command goes on from here") from error
        return False
    return True
