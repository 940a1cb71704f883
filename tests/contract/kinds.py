"""Every kind of item that the stores write: its key, its members that are always there, and those that may be."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of item: patterns of its partition and sort key (`*` for anything), and its members but for the keys.

    Members of a map are named as in `signup.name`. `counters` is a pattern of members that are counted up. `where`
    tells kinds with the same key apart: by a member's text, ANY for one that is there, None for one that is not.
    """

    name: str
    pk: str
    sk: str = ""
    always: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    counters: str = ""
    where: Mapping[str, str | None] | None = None

    def matches(self, item: Item) -> bool:
        """Whether the item is of this kind by its key and by `where`."""
        pk, sk = _key_texts(item)
        named = {name: _text(item.get(name)) for name in self.where or {}}
        expected = {
            name: named[name] if text == ANY and named[name] else text for name, text in (self.where or {}).items()
        }
        return _fits(self.pk, pk) and _fits(self.sk, sk) and named == expected

    def members(self, item: Item) -> set[str]:
        """The members of the item as this kind names them, keys and counters left out."""
        names = {name for name in item if name not in ("pk", "sk")}
        names = {name for name in names if not (self.counters and re.fullmatch(self.counters, name))}
        maps = {name.partition(".")[0] for name in (*self.always, *self.maybe) if "." in name}
        return names | {f"{name}.{member}" for name in maps if name in item for member in item[name]["M"]}

    def strange(self, item: Item) -> set[str]:
        """The members that should not be there, or should be and are not (with a minus sign)."""
        there = self.members(item)
        needed = {name for name in self.always if "." not in name or name.partition(".")[0] in item}
        return (there - {*self.always, *self.maybe}) | {f"-{name}" for name in needed - there}

    def untried(self, items: list[Item]) -> Iterator[str]:
        """The members of which no item, or every item, makes use although it may be otherwise."""
        for name in self.maybe:
            outer = name.partition(".")[0]
            there = [name in self.members(item) for item in items if "." not in name or outer in item]
            if not any(there):
                yield name
            elif all(there):
                yield f"no {name}"


ANY: Final = "*"


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _key_texts(item: Item) -> tuple[str, str]:
    if "pk" in item:
        return item["pk"]["S"], item["sk"]["S"]
    return item["customer_id"]["S"], ""


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else str(next(iter(value.values())))


_ENVELOPE: Final = ("type", "id", "customer_id", "occurred_at", "recorded_at")
_ENTRY: Final = ("entry", "points", "balance", "lots", "posted", "number")


def _fact(name: str, *always: str, maybe: tuple[str, ...] = ()) -> Kind:
    return Kind(name=name, pk="CUST#*", sk=f"FACT#*Z#{name}#*", always=(*_ENVELOPE, *always), maybe=maybe)


def _job(name: str, lease_id: str = "run_id") -> tuple[Kind, ...]:
    """The runs of a job, whose turn it is, and those that have not come to their end."""
    run, runs, planned = f"{name.upper()}#*", f"{name.upper()}S", ("as_of", "started_at", "segments")
    always = ("status", "execution_arn", "expires_at")
    return (
        Kind(
            name=f"requested {name}", pk=run, sk="RUN", always=(*always, "requested_at"), where={"status": "QUEUED"}
        ),
        Kind(name=f"running {name}", pk=run, sk="RUN", always=(*always, *planned), where={"status": "RUNNING"}),
        Kind(
            name=f"finished {name}", pk=run, sk="RUN", always=(*always, *planned, "finished_at", "figures"),
            where={"status": "SUCCEEDED"},
        ),
        Kind(name=f"lease of the {name}", pk=runs, sk="LEASE", always=(lease_id, "execution_arn", "started_at")),
        Kind(name=f"unfinished {name}", pk=runs, sk="UNFINISHED#*", always=("started_at",)),
    )  # fmt: skip


_EVIDENCE: Final = ("consent_text", "ip", "user_agent", "form_url")
_CONTACT: Final = ("name", "phone", "birthday", "locale", "time_zone")
_ABOUT: Final = ("segment", "channel", "category", "order_id")
_ORDER: Final = ("order_id", "ordered_at", "currency", "total", "tax", "shipping", "discount", "products")
_READING: Final = ("score", "comment", "themes", "answered_at")
_SURVEY: Final = (
    "survey_id", "enabled", "days_after", "percent", "cooldown_days", "link_days", "edit_hours", "anonymous_per_day",
    "trigger", "texts",
)  # fmt: skip

FACTS: Final = (
    _fact("CustomerSignedUp", "signup_id", "topics", maybe=("locale",)),
    _fact("ConsentGranted", "channel", "topics", maybe=("signup_id",)),
    _fact("ConsentWithdrawn", "channel", "topics"),
    _fact("ConsentSuppressed", "channel", "reason", "feedback_id"),
    _fact("CustomerSignedOut", "epoch"),
    _fact("MailPaused", "until"),
    _fact("MailResumed"),
    _fact("EmailSent", "template", "message_id", maybe=("to",)),
    _fact("EmailSkipped", "topic", "reason"),
    _fact("EmailUnknown", "template"),
    _fact("PurchaseRecorded", "version", *_ORDER, maybe=("coupon", "channel", "imported")),
    _fact(
        "PurchaseRefunded", "refund_id", "order_id", "refunded_at", "amount", "currency", "ordered_at", "order_total",
        "whole", maybe=("products",),
    ),
    _fact("RefundRejected", "refund_id", "order_id", "refunded_at", "reason", maybe=("amount", "products")),
    _fact(
        "PointsEarned", *_ENTRY, "source", "negative", "earned", "expires", "available_on", "program_version",
        "tier_percent", maybe=("order_id", "about", "bonus", "period"),
    ),
    _fact(
        "PointsRefunded", *_ENTRY, "source", "forgiven",
        maybe=("negative", "lapsed", "earned", "order_id", "about", "redemption_id"),
    ),
    _fact("PointsRedeemed", *_ENTRY, "redemption_id", "reward_id", "reward_name", "code"),
    _fact("RedemptionCancelled", *_ENTRY, "negative", "redemption_id", "reward_id", "code"),
    _fact("PointsAdjusted", *_ENTRY, "negative", "operator"),
    _fact("PointsExpired", *_ENTRY, "month"),
    _fact("PointsActivated", "points", "lots", "posted", "number"),
    _fact("PointsExpiring", "month", "points", "expires_on", "posted", "number"),
    _fact("TierChanged", "from", "to", "qualifying_points", "posted", "number"),
    _fact("TierEnding", "tier", "ends_on", "missing", "posted", "number"),
    _fact("TierKept", "tier", "posted", "number"),
    _fact("SurveyInvited", "survey_id", "run", "send_at", "expires_at", maybe=(*_ABOUT, "case_id")),
    _fact("SurveySkipped", "survey_id", "run", "reason"),
    _fact(
        "SurveyAnswered", "survey_id", "run", "score", "group", "themes", maybe=(*_ABOUT, "sentiment", "points")
    ),
    _fact(
        "SurveyAnswerChanged", "survey_id", "run", "score", "score_before", "group", "themes",
        maybe=(*_ABOUT, "sentiment", "points"),
    ),
    _fact("CaseOpened", "case_id", "origin", "priority", "due_at", maybe=("owner", "score")),
    _fact(
        "CaseContinued", "case_id", "message_id", "origin", "priority", "due_at", maybe=("owner", "score")
    ),
    _fact("CaseAssigned", "case_id", "owner"),
    _fact("CaseCommented", "case_id", "author"),
    _fact("CaseChanged", "case_id", "score"),
    _fact("CaseOverdue", "case_id", "due_at", maybe=("owner",)),
    _fact("CaseResolved", "case_id", "outcome", "minutes", maybe=("owner",)),
    _fact("SegmentChanged", "to", "as_of", maybe=("from", "r", "f", "m")),
)  # fmt: skip

CUSTOMERS: Final = (
    Kind(
        name="profile", pk="CUST#*", sk="PROFILE",
        always=(
            "customer_id", "created_at", "consents", "version", "signup.signup_id", "signup.requested_at",
            "signup.source", "signup.topics", "signup.attempt",
        ),
        maybe=(
            "email", *_CONTACT, "consents.EMAIL", "consents.SMS", "paused_until", "referral_code", "referred_at",
            "signup", *(f"signup.{name}" for name in (*_CONTACT, *_EVIDENCE, "referral_code")),
            "confirmed_signup_id", "epoch", "changed_at",
        ),
    ),
    Kind(name="address guard", pk="EMAIL#*", sk="GUARD", always=("customer_id",)),
    Kind(
        name="evidence", pk="CUST#*", sk="EVIDENCE#*#*", always=("recorded_at", "source"),
        maybe=(*_EVIDENCE, "requested_from_ip"),
    ),
    *FACTS,
    Kind(
        name="mail on record", pk="CUST#*", sk="MAIL#*", always=("message_id", "expires_at"), where={"message_id": ANY}
    ),
    Kind(name="mail claimed", pk="CUST#*", sk="MAIL#*", always=("claimed_at", "expires_at"), where={"claimed_at": ANY}),
    Kind(
        name="mail released", pk="CUST#*", sk="MAIL#*", always=("released_at", "expires_at"), where={"released_at": ANY}
    ),
    *(
        Kind(
            name=f"mail settled as {outcome}", pk="CUST#*", sk="MAIL#*", always=("outcome", "expires_at"),
            where={"outcome": outcome},
        )
        for outcome in ("EmailSent", "EmailSkipped", "EmailUnknown")
    ),
    Kind(
        name="points account", pk="CUST#*", sk="POINTS",
        always=(
            "customer_id", "lots", "negative", "forgiven", "books", "months", "earned", "tiers", "bonuses", "warned",
            "entry", "version",
        ),
        maybe=("tier_ends_on",),
    ),
    Kind(
        name="refunds of an order", pk="CUST#*", sk="POINTS#*",
        always=("quantities", "amount", "refunded", "given_back"),
    ),
    Kind(
        name="voucher", pk="CUST#*", sk="REDEMPTION#*",
        always=(
            "redemption_id", "customer_id", "reward_id", "reward_name", "points", "code", "status", "redeemed_at",
            "lots", "counted",
        ),
        where={"status": "ISSUED"},
    ),
    Kind(
        name="cancelled voucher", pk="CUST#*", sk="REDEMPTION#*",
        always=(
            "redemption_id", "customer_id", "reward_id", "reward_name", "points", "code", "status", "redeemed_at",
            "cancelled_at", "lots", "counted",
        ),
        where={"status": "CANCELLED"},
    ),
    Kind(name="adjustment", pk="CUST#*", sk="ADJUSTMENT#*", always=("points", "reason", "operator")),
    Kind(name="referral code", pk="REFERRAL#*", sk="GUARD", always=("customer_id",)),
    Kind(
        name="referred mailbox", pk="REFERRED#*", sk="GUARD",
        always=(
            "customer_id", "referrer_id", "version",
            *(f"{side}.{name}" for side in ("friend", "referrer") for name in
              ("at", "points", "expires", "available_on", "earned")),
        ),
        maybe=("friend", "referrer", "taken_back_at"),
    ),
    Kind(
        name="programme", pk="LOYALTY#PROGRAM", sk="VERSION#*",
        always=(
            "version", "points", "per_amount", "pending_days", "expiry_warning_days", "qualifying_months",
            "grace_days", "starts_at", "published_at", "rounding", "downgrade", "negative_balance", "bonuses", "tiers",
            "multipliers",
        ),
        maybe=("expiry_months",),
    ),
    Kind(
        name="reward", pk="LOYALTY#REWARDS", sk="REWARD#*", always=("reward_id", "redeemed", "name", "cost"),
        maybe=("description", "stock", "starts_at", "ends_at", "limit_per_customer", "tier"),
    ),
    Kind(
        name="order", pk="ORDER#*", sk="ORDER",
        always=("order_id", "total", "fingerprint", "refunded", "quantities", "refunds", "version"),
        maybe=("customer_id", "ordered_at", "awaiting_bytes"),
    ),
    *(
        Kind(
            name=f"{status.lower()} refund", pk="ORDER#*", sk="REFUND#*",
            always=("refund_id", "order_id", "refunded_at", "fingerprint", "status", *applied),
            maybe=("amount", "products"), where={"status": status},
        )
        for status, applied in (("PARKED", ()), ("APPLIED", ("applied",)), ("REJECTED", ()))
    ),
    Kind(name="survey", pk="NPS#SURVEYS", sk="SURVEY#*", always=(*_SURVEY, "version"), maybe=("points",)),
    Kind(
        name="rules", pk="NPS#SURVEYS", sk="RULES",
        always=(
            "cooldown_days", "quiet_from", "quiet_until", "due_hours_high", "due_hours_normal", "due_hours_low",
            "recovery_after_days", "recovery_question",
        ),
        maybe=("owner",),
    ),
    Kind(name="care", pk="CUST#*", sk="CARE", maybe=("invited_at", "invited", "open_cases", "cases", "last_case")),
    Kind(
        name="invitation", pk="CUST#*", sk="INVITATION#*",
        always=(
            "invitation_id", "customer_id", "survey_id", "run", "invited_at", "send_at", "open_until", "about",
            "version", *(f"answer.{name}" for name in (*_READING, "changes")),
        ),
        maybe=("case_id", "answer", "answer.sentiment", *(f"about.{name}" for name in _ABOUT)),
        where={"refusal": None},
    ),
    Kind(
        name="refused invitation", pk="CUST#*", sk="INVITATION#*", always=("refusal", "expires_at"),
        where={"refusal": ANY},
    ),
    Kind(
        name="anonymous answer", pk="FEEDBACK#*", sk="ANSWER#*", always=("place", *_READING), maybe=("sentiment",)
    ),
    Kind(name="anonymous answers of a day", pk="FEEDBACK#*", sk="DAY#*", always=("answers",)),
    Kind(
        name="comment of a customer", pk="COMMENTS#*", sk="*", always=("survey_id", "customer_id", *_READING),
        maybe=("sentiment", *_ABOUT), where={"place": None},
    ),
    Kind(
        name="anonymous comment", pk="COMMENTS#*", sk="*", always=("survey_id", "place", "sentiment", *_READING),
        where={"place": ANY},
    ),
    Kind(
        name="NPS figures", pk="NPS#*", sk="ANSWERS#*", always=("survey_id",),
        maybe=("segment", "channel", "category", "invited"), counters="s[0-9]|s10",
    ),
    Kind(name="NPS figures added up", pk="NPS#*", sk="TOTAL", always=("rows", "version")),
    Kind(
        name="message that waits for its time", pk="DUE#*", sk="*",
        always=("due_at", "due_id", "queue", "message", "attempt"), maybe=("customer_id",),
    ),
    Kind(name="when a message is due", pk="CUST#*", sk="DUE#*", always=("due_at", "expires_at")),
    Kind(name="NPS themes", pk="NPS#*", sk="THEMES#*", counters="[A-Z_]+"),
    Kind(name="NPS cases", pk="NPS#*", sk="CASES", always=("opened",), maybe=("resolved", "minutes")),
    Kind(
        name="case", pk="CASE#*", sk="CASE",
        always=(
            "case_id", "customer_id", "status", "origin", "priority", "opened_at", "due_at", "text", "themes", "notes",
            "about", "version",
        ),
        maybe=("owner", "score", "sentiment", "outcome", "resolved_at", "escalated_at"),
    ),
    Kind(name="message in another case", pk="CASE#*", sk="JOINED", always=("case_id",)),
    Kind(name="open case", pk="CASES#OPEN", sk="*", always=("case_id",)),
    Kind(name="resolved case", pk="CASES#RESOLVED", sk="*", always=("case_id",)),
    Kind(name="case to ask about", pk="CASES#RECOVERY", sk="*", always=("case_id",)),
    Kind(
        name="API key", pk="KEY#*", sk="KEY", always=("key_id", "name", "scopes", "created_at", "valid_until"),
        maybe=("last_used_on",),
    ),
    Kind(name="listed API key", pk="KEYS", sk="KEY#*", always=("digest",)),
    Kind(
        name="pace of a mailbox", pk="PACE#*", sk="MAILBOX",
        always=("customer_id", "signup_id", "asked_at", "attempt", "version", "expires_at"),
    ),
    Kind(
        name="pace of a network", pk="PACE#*", sk="NETWORK", always=("sent", "confirmed", "expires_at"),
        maybe=("asked_at",),
    ),
    Kind(name="pace of a day", pk="PACE#*", sk="DAY", always=("sent", "expires_at")),
    Kind(name="bonus of a mailbox", pk="BONUS#*", sk="GUARD", always=("customer_id",)),
    *_job("rescoring", lease_id="rescoring_id"),
    *_job("settlement"),
    *_job("invitation"),
    Kind(
        name="scanned segment", pk="RESCORING#*", sk="SCAN#*",
        always=("scanned", "half_read_units", "milliseconds", "expires_at"),
    ),
    Kind(name="segment that is being written", pk="RESCORING#*", sk="BEGUN#*", always=("expires_at",)),
    Kind(
        name="written segment", pk="RESCORING#*", sk="WRITE#*",
        always=("changed", "given_way", "score_units", "fact_units", "milliseconds", "expires_at"),
    ),
    Kind(
        name="settled segment", pk="SETTLEMENT#*", sk="SETTLE#*",
        always=(
            "customers", "changed", "half_read_units", "write_units", "statement", "milliseconds", "expires_at",
        ),
    ),
    Kind(
        name="decided segment", pk="INVITATION#*", sk="DECIDE#*",
        always=("customers", "decisions", "half_read_units", "milliseconds", "expires_at"),
    ),
    Kind(name="size of a snapshot", pk="RESCORINGS", sk="SNAPSHOT#*", always=("parts",)),
    Kind(
        name="forecaster",
        pk="FORECASTER",
        sk="LATEST",
        always=("fitted_on", "customers", "buyers", "format", "content"),
    ),
    *(
        Kind(name=f"{name} report", pk=f"REPORT#{name}", sk="LATEST", always=("started_at", "content"))
        for name in ("SEGMENTS", "FORECAST", "LIFECYCLE", "COHORTS")
    ),
    Kind(
        name="statement of liability", pk="REPORT#LOYALTY", sk="LATEST",
        always=("settlement_id", "as_of", "started_at", "finished_at", "statement"),
    ),
)  # fmt: skip

SCORECARDS: Final = (
    Kind(
        name="scorecard", pk="*", always=("customer_id", "orders", "version"),
        maybe=("spent", "first_order_on", "last_order_on", "order_days", "months", "score"),
    ),
)  # fmt: skip

KINDS: Final = {"customers": CUSTOMERS, "scorecards": SCORECARDS}
