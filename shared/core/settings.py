"""All settings of a deployment as one typed object: checked at synth, read by functions at run time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from zoneinfo import ZoneInfo

from shared.core.locales import LANGUAGES, SOURCE_LANGUAGE
from shared.core.money import CURRENCY_CODES
from shared.core.web_addresses import is_below, parse

LOCAL_STAGE: Final = "local"
_BOOLEANS: Final = {"yes": True, "no": False}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a deployment. Each field's environment variable is its name in upper case.

    `stage`: names the deployment (`local`, `dev`, `prod`, …); every stack and resource carries it.
    `sender`: the address that mail comes from; its domain or itself must be verified in SES.
    `shop_name`: how the shop calls itself in mails and pages.
    `shop_address`: the postal address that marketing mail has to show; empty shows none.
    `public_url`: where links in mails lead (a custom domain); empty takes the API's own address.
    `allowed_origins`: origins whose pages may call the API from a browser (CORS).
    `allowed_redirects`: addresses that an HTML form may send the browser on to after a signup;
        a form's `redirect` has to equal one of them or lie below it.
    `currency`: the ISO 4217 code that the shop counts in; purchases in another are refused.
    `time_zone`: the IANA zone that decides what a day and a month are.
    `locale`: the language of pages and mails for people whose language is not known, one of LANGUAGES.
    `alarm_email`: the address that alarms are sent to; empty sends none.
    `marketer_email`: the address that mails about cases go to; empty takes the sender's own mailbox.
    `confirmations_per_day`: how many mails signups may have sent in a day by UTC, whoever signs up; what comes after
        is answered as always and has none. An alarm says so.
    `account_concurrency`: how many functions the AWS account may run at once, in all; a new account's ten unless AWS
        gave it more. It bounds how many of ours work off queues and jobs.
    `tracing`: whether AWS X-Ray traces every call, `yes` or `no`; a trace costs more than the call itself.
    `fact_log_days`: how long the bucket keeps the log of all facts.
    `monthly_budget_usd`: the costs of the AWS account in a month, in whole US dollars, above which a mail goes to
        `alarm_email`; 0 sends none.
    `restored_customers_table`, `restored_scorecards_table`: the name of a restored table that takes the place of the
        deployment's own; empty uses its own. `regulars restore` writes them.
    `restored_customers_stream`: the ARN of that customers table's stream.
    """

    stage: str = LOCAL_STAGE
    sender: str = "hello@shop.example"
    shop_name: str = "Our shop"
    shop_address: str = ""
    public_url: str = ""
    allowed_origins: tuple[str, ...] = ()
    allowed_redirects: tuple[str, ...] = ()
    currency: str = "EUR"
    time_zone: str = "UTC"
    locale: str = SOURCE_LANGUAGE
    alarm_email: str = ""
    marketer_email: str = ""
    confirmations_per_day: int = 1_000
    account_concurrency: int = 10
    tracing: bool = False
    fact_log_days: int = 400
    monthly_budget_usd: int = 0
    restored_customers_table: str = ""
    restored_customers_stream: str = ""
    restored_scorecards_table: str = ""

    def __post_init__(self) -> None:
        problems = [text for ok, text in self._checks() if not ok]
        if problems:
            raise ValueError("; ".join(problems))

    def _checks(self) -> list[tuple[bool, str]]:
        address = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
        table = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
        stream = re.compile(
            rf"arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{{12}}:table/{re.escape(self.restored_customers_table)}/stream/[0-9T:.-]+"
        )
        return [
            (
                bool(re.fullmatch(r"[a-z][a-z0-9]{0,11}", self.stage)),
                f"stage {self.stage!r}: want 1 to 12 lower-case letters and digits, a letter first",
            ),
            (bool(address.fullmatch(self.sender)), f"sender {self.sender!r}: want an e-mail address"),
            (0 < len(self.shop_name) <= 60, "shop_name: want 1 to 60 characters"),
            (len(self.shop_address) <= 200, "shop_address: want at most 200 characters"),
            (
                not self.alarm_email or bool(address.fullmatch(self.alarm_email)),
                f"alarm_email {self.alarm_email!r}: want an e-mail address or nothing",
            ),
            (
                not self.marketer_email or bool(address.fullmatch(self.marketer_email)),
                f"marketer_email {self.marketer_email!r}: want an e-mail address or nothing",
            ),
            (
                not self.public_url or _is_web_address(self.public_url),
                f"public_url {self.public_url!r}: want http(s)://…",
            ),
            *(
                (_is_origin(origin), f"allowed_origins {origin!r}: want scheme://host[:port]")
                for origin in self.allowed_origins
            ),
            *((_is_web_address(url), f"allowed_redirects {url!r}: want http(s)://…") for url in self.allowed_redirects),
            (
                self.currency in CURRENCY_CODES,
                f"currency {self.currency!r}: want an ISO 4217 code such as EUR",
            ),
            (
                1 <= self.confirmations_per_day <= 1_000_000,
                f"confirmations_per_day {self.confirmations_per_day}: want 1 to 1000000",
            ),
            (
                10 <= self.account_concurrency <= 1_000_000,
                f"account_concurrency {self.account_concurrency}: want 10 to 1000000",
            ),
            (1 <= self.fact_log_days <= 3650, f"fact_log_days {self.fact_log_days}: want 1 to 3650"),
            (
                not self.monthly_budget_usd or bool(self.alarm_email),
                "monthly_budget_usd: needs alarm_email, to which it is reported",
            ),
            *(
                (not name or bool(table.fullmatch(name)), f"{setting} {name!r}: want the name of a DynamoDB table")
                for setting, name in (
                    ("restored_customers_table", self.restored_customers_table),
                    ("restored_scorecards_table", self.restored_scorecards_table),
                )
            ),
            (
                bool(stream.fullmatch(self.restored_customers_stream))
                if self.restored_customers_table
                else not self.restored_customers_stream,
                f"restored_customers_stream {self.restored_customers_stream!r}: want the ARN of a stream of "
                f"restored_customers_table {self.restored_customers_table!r}, and none without it",
            ),
            (is_time_zone(self.time_zone), f"time_zone {self.time_zone!r}: want an IANA zone such as Europe/Berlin"),
            (self.locale in LANGUAGES, f"locale {self.locale!r}: want one of {', '.join(LANGUAGES)}"),
        ]

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def is_local(self) -> bool:
        """Whether this is the throw-away stage on the local AWS."""
        return self.stage == LOCAL_STAGE

    def resource_name(self, name: str) -> str:
        """The name on AWS of a function, queue, state machine, schedule or alarm; of the stage itself without `name`.

        By these fixed names parts of a deployment know each other.
        """
        return f"regulars-{self.stage}-{name}" if name else f"regulars-{self.stage}"

    def to_environment(self) -> dict[str, str]:
        """The environment variables from which `from_environment` makes an equal object; lists by spaces."""
        return {f.name.upper(): _to_text(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings from environment variables; a missing one keeps its default.

        Raises ValueError naming every setting that is wrong.
        """
        values: dict[str, str | bool | int | tuple[str, ...]] = {}
        for field in fields(cls):
            text = environment.get(field.name.upper(), "").strip()
            if not text:
                continue
            if isinstance(field.default, bool):
                if text not in _BOOLEANS:
                    raise ValueError(f"{field.name} {text!r}: want yes or no")
                values[field.name] = _BOOLEANS[text]
            elif isinstance(field.default, int):
                if not re.fullmatch("[0-9]{1,9}", text):
                    raise ValueError(f"{field.name} {text!r}: want a whole number")
                values[field.name] = int(text)
            else:
                values[field.name] = tuple(text.split()) if field.name.startswith("allowed_") else text
        return cls(**values)  # type: ignore[arg-type]

    def allows_redirect(self, url: str) -> bool:
        """Whether a form may send the browser on to `url`: the origin of an allowed address, its path or below."""
        return any(is_below(url, allowed) for allowed in self.allowed_redirects)


def _to_text(value: str | bool | int | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _is_web_address(url: str) -> bool:
    return parse(url) is not None


def _is_origin(url: str) -> bool:
    parts = parse(url)
    return parts is not None and not (parts.path or parts.query or parts.fragment)


def is_time_zone(name: str) -> bool:
    """Whether this is the name of an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
