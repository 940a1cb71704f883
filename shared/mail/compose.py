"""Mails: rendered from `shared/<capability>/templates/mail` as HTML and plain text, sent through SES."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.header import Header
from email.utils import formataddr
from typing import TYPE_CHECKING, Final
from unicodedata import category

from shared.core.settings import Settings
from shared.edge import templates
from shared.edge.outcomes import Unprocessable
from shared.mail.refusals import is_over_quota

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef

_ENCODED_WORD_MAX_CHARACTERS: Final = 75  # RFC 2047, section 2
_GREETING_MAX_CHARACTERS: Final = 40
_GREETING_MAX_WORDS: Final = 5


class MailRefused(Exception):
    """SES did not take a mail; the message is its error code. With an `http_status` of 500 and more it may have.

    `over_quota`: the account has sent all that it may send in 24 hours.
    """

    def __init__(self, code: str, http_status: int, *, over_quota: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.http_status = http_status
        self.over_quota = over_quota


class BadMail(Unprocessable, ValueError):
    """A mail with an address, a subject or a header that must not leave; the message says which, not what it is."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The content of a mail: the templates `mail/<template>.html` and `.txt`, and their context."""

    template: str
    context: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Email:
    """One mail to one recipient; an answer goes to `reply_to`, else to the sender.

    `headers` come on top of From, To, Reply-To and Subject; `tags` return in SES's events.
    """

    to: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    reply_to: str | None = None

    @property
    def template(self) -> str:
        """The template that it was made from."""
        return self.tags["template"]

    def __post_init__(self) -> None:
        # Refused rather than repaired: a list of addresses, or half an address, must not become somebody else's mail.
        for name, address in (("to", self.to), ("reply_to", self.reply_to)):
            if address is not None and not _is_bare_address(address):
                raise BadMail(f"{name}: want one bare e-mail address")
        if not self.subject or not self.subject.isprintable():
            raise BadMail("subject: want one line of text")
        for name, value in self.headers.items():
            if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not re.fullmatch(r"[ -~]{1,900}", value):
                raise BadMail(f"header {name!r}: want at most 900 printable ASCII characters")


def render_email(
    letter: Letter,
    settings: Settings,
    *,
    language: str,
    to: str,
    unsubscribe_url: str | None,
    tags: Mapping[str, str] | None = None,
    name: str | None = None,
    reply_to: str | None = None,
) -> Email:
    """A mail from the templates of a letter, which see the shop's name and address and the customer's name as well.

    It is in `language`, one of LANGUAGES; its subject is the block `subject` of the plain text.
    With `unsubscribe_url` the mail has the one-click headers of RFC 8058 and shows the link; mail that answers
    a person's own request passes None. Raises ValueError where an address or link could break a header.
    """
    headers = {}
    if unsubscribe_url is not None:
        if not re.fullmatch(r"https?://[!-~]+", unsubscribe_url) or set(unsubscribe_url) & set("<>,"):
            raise ValueError("unsubscribe_url: want an http(s) address in ASCII")
        headers = {
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    values: dict[str, object] = {
        "shop_name": _one_line(settings.shop_name),
        "shop_address": settings.shop_address.strip(),
        "unsubscribe_url": unsubscribe_url,
        "name": _greeting_name(name),
        **letter.context,
    }
    environment = templates.environment(language)
    text = environment.get_template(f"mail/{letter.template}.txt")
    subject = _one_line("".join(text.blocks["subject"](text.new_context(values))))
    return Email(
        to=to,
        subject=subject,
        html=environment.get_template(f"mail/{letter.template}.html").render(values, subject=subject),
        text=text.render(values),
        headers=headers,
        tags={"template": letter.template, **(tags or {})},
        reply_to=reply_to,
    )


def send_email(client: "SESV2Client", email: Email, settings: Settings, configuration_set: str) -> str:
    """Send through SES and return its message id. Raises MailRefused with SES's code, and no more of what it says.

    `Simple` content, not `Raw`: SES composes and signs the MIME message, and the function needs ses:SendEmail
    alone.
    """
    request: SendEmailRequestTypeDef = {
        "FromEmailAddress": _from_header(settings),
        "Destination": {"ToAddresses": [email.to]},
        "ConfigurationSetName": configuration_set,
        "Content": {
            "Simple": {
                "Subject": {"Data": email.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": email.text, "Charset": "UTF-8"},
                    "Html": {"Data": email.html, "Charset": "UTF-8"},
                },
                "Headers": [{"Name": name, "Value": value} for name, value in email.headers.items()],
            }
        },
        "EmailTags": [{"Name": name, "Value": value} for name, value in email.tags.items()],
    }
    if email.reply_to:
        request["ReplyToAddresses"] = [email.reply_to]
    try:
        return client.send_email(**request)["MessageId"]
    except client.exceptions.ClientError as error:
        # SES names the address that it refuses; errors are logged, and logs hold no addresses.
        status, refused = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]
        over_quota = is_over_quota(refused.get("Message", ""))
        raise MailRefused(refused["Code"], status, over_quota=over_quota) from None


def _is_bare_address(text: str) -> bool:
    return bool(re.fullmatch(r"[^@\s,;:<>\"()]+@[^@\s,;:<>\"()]+", text)) and text.isprintable()


def _from_header(settings: Settings) -> str:
    name = _one_line(settings.shop_name)
    if name.isascii():
        return formataddr((name, settings.sender))
    # formataddr makes a single encoded word of any length; RFC 2047 limits their length.
    words = Header(name, "utf-8", maxlinelen=_ENCODED_WORD_MAX_CHARACTERS).encode(linesep="")
    return f"{words} <{settings.sender}>"


def _one_line(text: str) -> str:
    """`text` without anything that could end a header line: control and separator characters become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _greeting_name(name: str | None) -> str | None:
    """The name for "Hello …", or None where the text may be more than a name.

    A name is a few words of letters and their marks, with blanks, apostrophes, hyphens, and dots after a word. A name
    that could carry an advertisement or a link is not repeated.
    """
    text = _one_line(name or "")
    words = text.split(" ")
    if not text or len(text) > _GREETING_MAX_CHARACTERS or len(words) > _GREETING_MAX_WORDS:
        return None
    return text if all(map(_is_word_of_a_name, words)) else None


def _is_word_of_a_name(word: str) -> bool:
    letters = word.removesuffix(".")
    return any(map(str.isalpha, letters)) and all(c in "-'’" or category(c)[0] in "LM" for c in letters)
