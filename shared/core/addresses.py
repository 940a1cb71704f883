"""E-mail addresses in the normal form under which they are unique."""

import re
from typing import Final

import idna

from shared.core.errors import Invalid

# RFC 5321: 64 octets before the @, 254 in all; SES takes ASCII only before the @ (RFC 5322 dot-atom).
_LOCAL_PART: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MAX_LOCAL_LENGTH: Final = 64
MAX_ADDRESS_LENGTH: Final = 254
# Providers that deliver mail for ada.lovelace@ to adalovelace@, and have a second name.
_DOTS_DO_NOT_COUNT: Final = frozenset({"gmail.com", "googlemail.com"})


def normalise_email(text: str) -> str:
    """Lower case, the domain in its ASCII form (IDNA 2008): ` Ada@Bücher.Example` → `ada@xn--bcher-kva.example`.

    Raises Invalid where mail cannot be sent to the text. The error does not repeat the text: errors are logged, and
    logs hold no addresses.
    """
    local, at, domain = text.strip().rpartition("@")
    local = local.lower()
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > _MAX_LOCAL_LENGTH:
        raise Invalid("this is not an e-mail address")
    try:
        host = idna.encode(domain.rstrip("."), uts46=True, std3_rules=True).decode().lower()
    except idna.IDNAError:
        raise Invalid("this e-mail address has no valid domain") from None
    address = f"{local}@{host}"
    if "." not in host or host.rpartition(".")[2].isdigit() or len(address) > MAX_ADDRESS_LENGTH:
        raise Invalid("this e-mail address has no valid domain")
    return address


def mailbox_of(email: str) -> str:
    """A normalised address without the parts that its owner may vary: a plus sign and what follows, and at Gmail dots.

    `ada+shop@example.com` → `ada@example.com`, `a.d.a@googlemail.com` → `ada@gmail.com`.
    """
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTS_DO_NOT_COUNT:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"
