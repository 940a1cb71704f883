"""Codes that people read and type: of referrals, and of vouchers."""

import secrets
from typing import Final

from shared.core.digests import digest

# Crockford's base 32.
_VOUCHER_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def mint_referral_code(customer_id: str, taken: int) -> str:
    """A customer's referral code, the same every time: eight letters and digits that are hard to confuse.

    `taken` counts the codes before it that belong to others.
    """
    return digest(f"referral:{taken}:{customer_id}", 5)


def new_voucher_code() -> str:
    """A voucher's code: 60 random bits in three groups, without letters and digits that look alike."""
    letters = [secrets.choice(_VOUCHER_ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))
