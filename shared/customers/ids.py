"""Ids and keys that are made from addresses and do not reveal them."""

from shared.core.addresses import mailbox_of
from shared.core.digests import digest
from shared.customers.customer import MINTED_ID_PREFIX
from shared.customers.pacing import network_of

# 120 bits: no two addresses of a shop meet.
_LENGTH = 15


def mint_customer_id(email: str, taken: int) -> str:
    """An id for an address, the same every time, which does not reveal the address.

    `taken` counts the ids before it that are in use by others (an address may change hands).
    """
    return MINTED_ID_PREFIX + digest(f"customer:{taken}:{email}", _LENGTH).lower()


def address_digest(email: str) -> str:
    """What stands for a normalised address in a key: 24 letters and digits."""
    return digest(f"address:{email}", _LENGTH)


def mailbox_digest(email: str) -> str:
    """What stands for the mailbox of a normalised address in a key: the same for all of its spellings."""
    return digest(f"mailbox:{mailbox_of(email)}", _LENGTH)


def network_digest(ip: str | None) -> str | None:
    """What stands for the network of a caller in a key; None where there is none to pace."""
    network = network_of(ip)
    return digest(f"network:{network}", _LENGTH) if network else None
