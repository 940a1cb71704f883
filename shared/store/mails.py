"""Sent mails: pk `CUST#<customer_id>`, sk `MAIL#<mail_id>`, gone after KEEP_DAYS; the fact `EmailSent` stays."""

from datetime import datetime, timedelta
from typing import Final

from shared.domain.facts import Fact
from shared.store import facts, table

KEEP_DAYS: Final = 30


def was_sent(customer_id: str, mail_id: str) -> bool:
    """Whether this mail is on record (1 read unit)."""
    return table.get(table.customers_table(), _key(customer_id, mail_id)) is not None


def record_sent(customer_id: str, mail_id: str, template: str, message_id: str, now: datetime) -> None:
    """Put a sent mail on record, with its fact (4 write units); once, whoever else sent it too."""
    item = {
        **_key(customer_id, mail_id),
        "message_id": message_id,
        "expires_at": int((now + timedelta(days=KEEP_DAYS)).timestamp()),
    }
    fact = Fact(
        type="EmailSent",
        id=mail_id,
        customer_id=customer_id,
        occurred_at=now,
        recorded_at=now,
        data={"template": template, "message_id": message_id},
    )
    for _ in table.tries():
        try:
            table.transact([table.put_new(table.customers_table(), item), facts.record(fact)])
        except table.Cancelled as cancelled:
            if not cancelled.refused(0):
                continue
        return


def _key(customer_id: str, mail_id: str) -> dict[str, str]:
    return {"pk": facts.partition(customer_id), "sk": f"MAIL#{mail_id}"}
