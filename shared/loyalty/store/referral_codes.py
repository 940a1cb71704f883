"""Referrals: a code's owner at pk `REFERRAL#<code>`, a friend's at pk `REFERRED#<digest>`, both with sk `GUARD`."""

from dataclasses import dataclass
from typing import Annotated, Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.core.privacy import REFERRAL
from shared.loyalty.referral import Referral


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralCode:
    """The owner of a code."""

    code: Annotated[str, REFERRAL]
    customer_id: str


CODES: Final = Kind(ReferralCode, CUSTOMERS, "REFERRAL#{code}", "GUARD", in_key=("code",))
REFERRALS: Final = Kind(Referral, CUSTOMERS, "REFERRED#{mailbox}", "GUARD", in_key=("mailbox",))


def get_owner(code: str) -> str | None:
    """The id of the customer whose code this is, as `referral.normalise_code` writes it (1 read unit)."""
    referral_code = CODES.get(code=code)
    return referral_code.customer_id if referral_code else None


def put_code(code: str, customer_id: str) -> Write:
    """The write that gives a customer a code that has no owner yet (1 write unit)."""
    return CODES.put_new(ReferralCode(code=code, customer_id=customer_id))


def get_referral(mailbox: str) -> Referral | None:
    """The rewarded referral of a mailbox, by its digest (1 read unit)."""
    return REFERRALS.get(mailbox=mailbox)


def put_referral(referral: Referral) -> Write:
    """The write of version n of a referral over its version n − 1 (2 write units)."""
    return REFERRALS.put_version(referral)
