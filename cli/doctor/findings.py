"""The rules of `regulars doctor`: answers of AWS in, findings out, each with what to do about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from shared.core.settings import Settings

# A night and two hours: a job that takes long is not late yet.
MAX_AGE_OF_A_NIGHT: Final = timedelta(hours=26)
MAX_SHARE_OF_QUOTA: Final = 0.8


class State(StrEnum):
    """How a matter stands; UNKNOWN where AWS did not say."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it stands, in a sentence, and what to do; `to_do` is empty where it stands well."""

    about: str
    state: State
    text: str
    to_do: str = ""


def of_settings(settings: Settings) -> list[Finding]:
    """Settings that a deployment lives with, and a shop should not."""
    lacking = [
        ("SHOP_ADDRESS", settings.shop_address, "marketing mail has to show a postal address"),
        ("ALARM_EMAIL", settings.alarm_email, "nobody hears of alarms"),
        ("PUBLIC_URL", settings.public_url, "links in mails lead to the API's own address, which readers do not know"),
    ]
    problems = [
        Finding("settings", State.WARN, f"{name} is empty: {why}", f"set it in stages/{settings.stage}.env and deploy")
        for name, value, why in lacking
        if not value
    ]
    return problems or [Finding("settings", State.OK, "nothing is missing")]


def of_mail_account(account: Mapping[str, Any]) -> list[Finding]:
    """SES's account in this region, as GetAccount answers: whether it sends, to whom, and how much is left today."""
    problems = []
    if not account.get("ProductionAccessEnabled"):
        problems.append(
            Finding(
                "SES",
                State.FAIL,
                "the account is in the sandbox: SES writes to verified addresses only",
                "ask for production access in the SES console (Account dashboard)",
            )
        )
    if not account.get("SendingEnabled") or account.get("EnforcementStatus", "HEALTHY") == "SHUTDOWN":
        problems.append(
            Finding("SES", State.FAIL, "sending is paused", "look into the account's reputation in the SES console")
        )
    elif account.get("EnforcementStatus", "HEALTHY") != "HEALTHY":
        problems.append(
            Finding("SES", State.WARN, "the account is on probation", "answer the case that AWS has opened about it")
        )
    quota = account.get("SendQuota", {})
    most, sent = quota.get("Max24HourSend", 0), quota.get("SentLast24Hours", 0)
    if most > 0 and sent >= MAX_SHARE_OF_QUOTA * most:
        problems.append(
            Finding(
                "SES",
                State.WARN,
                f"{sent:,.0f} of {most:,.0f} mails of 24 hours are sent",
                "ask for a higher quota in Service Quotas (Amazon SES, sending quota)",
            )
        )
    return problems or [Finding("SES", State.OK, f"sends to everybody; {sent:,.0f} of {most:,.0f} mails of 24 hours")]


def of_identity(sender: str, domain: Mapping[str, Any] | None, address: Mapping[str, Any] | None) -> list[Finding]:
    """The sender's identities, as GetEmailIdentity answers; None where there is none."""
    name = sender.partition("@")[2]
    if not any(identity and identity.get("VerifiedForSendingStatus") for identity in (domain, address)):
        to_do = f"add the identity {name} in the SES console and put its three CNAME records into the DNS"
        return [Finding("sender", State.FAIL, f"neither {name} nor {sender} is verified: no mail leaves", to_do)]
    dkim = (domain or {}).get("DkimAttributes", {})
    if dkim.get("Status") != "SUCCESS" or not dkim.get("SigningEnabled"):
        text = f"mail of {name} is not signed by DKIM: Gmail and Yahoo refuse it in bulk"
        return [Finding("sender", State.FAIL, text, f"verify the domain {name} with Easy DKIM in the SES console")]
    problems = [Finding("sender", State.OK, f"{name} is verified and signed by DKIM")]
    mail_from = (domain or {}).get("MailFromAttributes", {})
    if mail_from.get("MailFromDomainStatus", "SUCCESS") != "SUCCESS":
        text = f"the MAIL FROM domain {mail_from.get('MailFromDomain')} is {mail_from['MailFromDomainStatus']}: no SPF"
        problems.append(Finding("sender", State.WARN, text, "put its MX and TXT records into the DNS"))
    return problems


def of_dmarc(domain: str, records: Sequence[str]) -> list[Finding]:
    """The TXT records of `_dmarc.<domain>`, or of the domain above it that has any."""
    policies = [record for record in records if record.replace(" ", "").lower().startswith("v=dmarc1")]
    if len(policies) == 1:
        return [Finding("DMARC", State.OK, policies[0])]
    to_do = f'publish a TXT record _dmarc.{domain} with "v=DMARC1; p=none; rua=mailto:you@{domain}"'
    text = f"{domain} has no DMARC record" if not policies else f"{domain} has {len(policies)}, so that none counts"
    return [Finding("DMARC", State.FAIL, f"{text}: Gmail and Yahoo refuse bulk mail without one", to_do)]


def of_concurrency(limit: int, settings: Settings) -> list[Finding]:
    """How many functions the account may run at once, against the setting."""
    if limit < settings.account_concurrency:
        text = f"the account runs {limit} functions at once, ACCOUNT_CONCURRENCY says {settings.account_concurrency}"
        to_do = "ask for more (Service Quotas, L-B99A9384), or lower the setting"
        return [Finding("concurrency", State.FAIL, text, to_do)]
    if limit > settings.account_concurrency:
        text = f"the account runs {limit} functions at once, of which ACCOUNT_CONCURRENCY uses no share"
        return [Finding("concurrency", State.WARN, text, f"set ACCOUNT_CONCURRENCY={limit} and deploy")]
    if limit < 100:
        text = f"the account runs {limit} functions at once: a busy hour is refused calls"
        return [Finding("concurrency", State.WARN, text, "ask for a thousand (Service Quotas, L-B99A9384)")]
    return [Finding("concurrency", State.OK, f"{limit} functions at once")]


def of_alarms(alarms: Iterable[Mapping[str, Any]], subscriptions: Iterable[str]) -> list[Finding]:
    """The alarms of a stage, and the ARNs of who hears them; an ARN that is none waits for its confirmation."""
    arns, alarms = list(subscriptions), list(alarms)
    problems = []
    if not arns:
        problems.append(Finding("alarms", State.WARN, "nobody has subscribed to alarms", "set ALARM_EMAIL and deploy"))
    elif not any(arn.startswith("arn:") for arn in arns):
        to_do = "open the link in the mail from AWS Notifications; deploy anew where it is lost"
        problems.append(Finding("alarms", State.FAIL, "the subscription to alarms is not confirmed", to_do))
    problems += [
        Finding(
            "alarms",
            State.FAIL,
            f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}",
            "docs/operations.md says what to do",
        )
        for alarm in alarms
        if alarm.get("StateValue") == "ALARM"
    ]
    if not alarms:
        problems.append(Finding("alarms", State.FAIL, "there are no alarms", "deploy the stack Watch"))
    return problems or [Finding("alarms", State.OK, f"{len(alarms)} alarms, none raised, and somebody hears them")]


def of_schedules(wired: Iterable[str], states: Mapping[str, str]) -> list[Finding]:
    """The schedules of the wirings, against the states that EventBridge Scheduler has by name."""
    wired = list(wired)
    problems = [
        Finding(
            "schedules",
            State.FAIL,
            f"{name} is {'switched off' if name in states else 'missing'}",
            "switch it on in the EventBridge console" if name in states else "deploy",
        )
        for name in wired
        if states.get(name) != "ENABLED"
    ]
    return problems or [Finding("schedules", State.OK, f"all {len(wired)} are on")]


def of_failed(failed: Mapping[str, int]) -> list[Finding]:
    """How many messages lie in each dead-letter queue."""
    problems = [
        Finding(
            "queues",
            State.FAIL,
            f"{count} in {name} failed for good",
            f"`regulars queues peek {name.removesuffix('-failed')}`, mend, then `redrive`",
        )
        for name, count in failed.items()
        if count
    ]
    return problems or [Finding("queues", State.OK, "nothing has failed for good")]


def of_job(name: str, executions: Sequence[Mapping[str, Any]] | None, now: datetime) -> list[Finding]:
    """The last executions of a nightly job, newest first, as ListExecutions answers; None without a state machine."""
    if executions is None:
        return [Finding(name, State.FAIL, "its state machine is missing", "deploy")]
    ended = [execution for execution in executions if execution["status"] != "RUNNING"]
    if ended and ended[0]["status"] != "SUCCEEDED":
        text = f"its last execution, {ended[0]['name']}, is {ended[0]['status']}"
        return [Finding(name, State.FAIL, text, "look at the step that failed in the Step Functions console")]
    if not ended:
        running = "it is running for the first time" if executions else "it has never run"
        return [Finding(name, State.WARN, running, "wait for the first night, or start it")]
    age = now - ended[0]["stopDate"]
    if age > MAX_AGE_OF_A_NIGHT:
        text = f"it last came to its end {age.total_seconds() / 3600:.0f} hours ago"
        return [Finding(name, State.FAIL, text, "is its schedule on, and did it fail? see above")]
    return [Finding(name, State.OK, f"came to its end at {ended[0]['stopDate']:%Y-%m-%d %H:%M} UTC")]


def of_backups(enabled: Mapping[str, bool]) -> list[Finding]:
    """Whether each table can be restored to a moment of the last 35 days."""
    problems = [
        Finding("backups", State.FAIL, f"{table} has no point-in-time recovery", "deploy the stack Data")
        for table, is_on in enabled.items()
        if not is_on
    ]
    return problems or [Finding("backups", State.OK, "both tables can be restored to any moment of the last 35 days")]


def of_cost(amount: float | None, currency: str, day: datetime) -> list[Finding]:
    """The costs of this stage in the month so far; None where no cost carries its tag."""
    if amount is None:
        to_do = "activate the cost allocation tag `regulars:stage` (Billing console); it counts from the next day on"
        return [Finding("cost", State.UNKNOWN, "no cost carries this stage's tag", to_do)]
    return [Finding("cost", State.OK, f"{amount:,.2f} {currency} in {day:%B} so far")]
