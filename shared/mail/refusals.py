"""SES refuses a mail: whether the same mail may succeed in a moment, in hours, or never."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Remedy(StrEnum):
    """The remedy for a refused mail: try it AGAIN soon, WAIT for hours, or NONE."""

    AGAIN = "AGAIN"
    WAIT = "WAIT"
    NONE = "NONE"


# SES v2's errors of SendEmail, and what they were called before. What is not here may pass, and is tried again.
REMEDIES: Final[Mapping[str, Remedy]] = {
    # Too many in a second; or, as is_over_quota tells, in a day.
    "TooManyRequestsException": Remedy.AGAIN,
    "ThrottlingException": Remedy.AGAIN,
    "Throttling": Remedy.AGAIN,
    # The account or its configuration set may not send, until AWS or the shop says otherwise.
    "SendingPausedException": Remedy.WAIT,
    "AccountSendingPausedException": Remedy.WAIT,
    "ConfigurationSetSendingPausedException": Remedy.WAIT,
    "AccountSuspendedException": Remedy.WAIT,
    "LimitExceededException": Remedy.WAIT,
    # A record of the shop's DNS is missing or cannot be read: nothing is wrong with the mail.
    "MailFromDomainNotVerifiedException": Remedy.WAIT,
    # Content or an address that SES does not take, a sender or, in the sandbox, a recipient that is not verified.
    "MessageRejected": Remedy.NONE,
    "BadRequestException": Remedy.NONE,
    "InvalidParameterValue": Remedy.NONE,
    "ValidationException": Remedy.NONE,
    # There is no such configuration set, or the function may not use it: somebody has to mend the deployment.
    "NotFoundException": Remedy.NONE,
    "ConfigurationSetDoesNotExistException": Remedy.NONE,
    "AccessDeniedException": Remedy.NONE,
}


def is_over_quota(message: str) -> bool:
    """Whether SES's message says that the account has sent all that it may send in 24 hours.

    The error has the same code as the one for too many mails in a second.
    """
    return "quota" in message.lower()


def remedy(code: str, *, over_quota: bool) -> Remedy:
    """The remedy for a mail that SES certainly did not take, by the code of its error."""
    return Remedy.WAIT if over_quota else REMEDIES.get(code, Remedy.AGAIN)
