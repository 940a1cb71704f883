"""Cases: pk `CASE#<case_id>`, sk `CASE`; messages added to another: sk `JOINED`; rules: `NPS#SURVEYS`, `RULES`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.cases.case import Case, CaseRules
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A message of a customer that was added to an open case; alone it would have opened the case `message_id`."""

    message_id: str
    case_id: str


CASES: Final = Kind(Case, CUSTOMERS, "CASE#{case_id}", "CASE", derived=("status",))
JOINED: Final = Kind(Joined, CUSTOMERS, "CASE#{message_id}", "JOINED", in_key=("message_id",))
RULES: Final = Kind(CaseRules, CUSTOMERS, "NPS#SURVEYS", "RULES")


def get(case_id: str) -> Case | None:
    """The case with this id (1 read unit per 4 KB)."""
    return CASES.get(case_id=case_id)


def get_with_rules(case_id: str) -> tuple[Case | None, CaseRules]:
    """The case with this id, and the rules, in one call (1 read unit per 4 KB, and 1)."""
    case, rules = CUSTOMERS.get_together(CASES.key(case_id=case_id), RULES.key())
    return CASES.entity_if_any(case), RULES.entity_if_any(rules) or CaseRules()


def get_all(case_ids: Sequence[str]) -> list[Case]:
    """The existing cases with these ids, all different, in one call for up to 100."""
    items = CUSTOMERS.get_together(*(CASES.key(case_id=case_id) for case_id in case_ids))
    return [CASES.entity(item) for item in items if item]


def put_joined(message_id: str, case_id: str) -> Write:
    """The write that notes which case took a message, once (2 write units)."""
    return JOINED.put_new(Joined(message_id=message_id, case_id=case_id))


def put_new(case: Case) -> Write:
    """The write of a case that is not there yet (2 write units)."""
    return CASES.put_new(case)


def put(case: Case) -> Write:
    """The write of version n of a case over its version n − 1 (2 write units per KB)."""
    return CASES.put_version(case)
