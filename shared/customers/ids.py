"""Ids of customers that are minted from their addresses."""

from shared.core.digests import digest
from shared.customers.customer import MINTED_ID_PREFIX


def mint_customer_id(email: str, taken: int) -> str:
    """An id for an address, the same every time, which does not reveal the address.

    `taken` counts the ids before it that are in use by others (an address may change hands).
    """
    return MINTED_ID_PREFIX + digest(f"customer:{taken}:{email}", 15).lower()
