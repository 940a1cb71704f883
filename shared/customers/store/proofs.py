"""Evidence of consents: pk `CUST#<customer_id>`, sk `EVIDENCE#<type of the fact>#<id of the fact>`; all personal."""

from collections.abc import Sequence
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import Fact
from shared.core.kind import Kind
from shared.customers.customer import ConsentEvidence

EVIDENCE: Final = Kind(
    ConsentEvidence,
    CUSTOMERS,
    "CUST#{customer_id}",
    "EVIDENCE#{fact_type}#{fact_id}",
    in_key=("customer_id", "fact_type", "fact_id"),
)


def put(evidence: ConsentEvidence) -> Write:
    """The write of a fact's evidence, in the transaction of the fact (2 write units)."""
    return EVIDENCE.put_new(evidence)


def of(facts: Sequence[Fact]) -> dict[tuple[str, str], ConsentEvidence]:
    """The evidence of those facts that have any, by type and id, in one call (1 read unit each)."""
    keys = [EVIDENCE.key(customer_id=fact.customer_id, fact_type=fact.type, fact_id=fact.id) for fact in facts]
    known = [EVIDENCE.entity(item) for item in CUSTOMERS.batch_get(keys, consistent=True)]
    return {(evidence.fact_type, evidence.fact_id): evidence for evidence in known}
