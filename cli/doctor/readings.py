"""What `regulars doctor` asks AWS; it reads only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import dns.exception
import dns.resolver
from botocore.exceptions import ClientError

from shared.core.settings import Settings


def mail_account() -> dict[str, Any]:
    """SES's account in this region."""
    return {**boto3.client("sesv2").get_account()}


def identity(name: str) -> dict[str, Any] | None:
    """The identity of a domain or an address, None where there is none."""
    try:
        return {**boto3.client("sesv2").get_email_identity(EmailIdentity=name)}
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise


def dmarc(domain: str) -> list[str]:
    """The TXT records at `_dmarc` of a domain, else of a domain above it (RFC 7489 §6.6.3)."""
    labels = domain.split(".")
    for at in range(max(len(labels) - 1, 1)):
        try:
            answer = dns.resolver.resolve("_dmarc." + ".".join(labels[at:]), "TXT")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return []


def concurrency() -> int:
    """How many functions the account may run at once."""
    limit: int = boto3.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    return limit


def alarms(settings: Settings) -> list[dict[str, Any]]:
    """The alarms of a stage."""
    pages = (
        boto3.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"regulars-{settings.stage}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    return [alarm for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page.get(kind, ())]


def subscriptions(alarms: list[dict[str, Any]]) -> list[str]:
    """The ARNs of all subscriptions to the topics that alarms speak to; one that is not confirmed has no ARN."""
    topics = {action for alarm in alarms for action in alarm.get("AlarmActions", ()) if ":sns:" in action}
    paginator = boto3.client("sns").get_paginator("list_subscriptions_by_topic")
    return [
        subscription["SubscriptionArn"]
        for topic in sorted(topics)
        for page in paginator.paginate(TopicArn=topic)
        for subscription in page["Subscriptions"]
    ]


def schedules(settings: Settings) -> dict[str, str]:
    """The states of a stage's schedules, by name."""
    pages = boto3.client("scheduler").get_paginator("list_schedules").paginate(NamePrefix=f"regulars-{settings.stage}-")
    return {schedule["Name"]: schedule["State"] for page in pages for schedule in page["Schedules"]}


def failed(settings: Settings, queues: list[str]) -> dict[str, int]:
    """How many messages lie in each of these queues."""
    sqs = boto3.client("sqs")
    counts = {}
    for name in queues:
        url = sqs.get_queue_url(QueueName=f"regulars-{settings.stage}-{name}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        counts[name] = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
    return counts


def executions(settings: Settings, jobs: list[str]) -> Iterator[tuple[str, list[dict[str, Any]] | None]]:
    """The last executions of each job, newest first; None where its state machine is missing."""
    states = boto3.client("stepfunctions")
    arns = {
        machine["name"]: machine["stateMachineArn"]
        for page in states.get_paginator("list_state_machines").paginate()
        for machine in page["stateMachines"]
    }
    for job in jobs:
        arn = arns.get(f"regulars-{settings.stage}-{job}")
        last = states.list_executions(stateMachineArn=arn, maxResults=20)["executions"] if arn else None
        yield job, None if last is None else [{**execution} for execution in last]


def backups(tables: list[str]) -> dict[str, bool]:
    """Whether each table has point-in-time recovery."""
    dynamodb = boto3.client("dynamodb")
    return {
        table: dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"][
            "PointInTimeRecoveryDescription"
        ]["PointInTimeRecoveryStatus"]
        == "ENABLED"
        for table in tables
    }


def cost(stage: str, now: datetime) -> tuple[float | None, str]:
    """The costs of a stage in this month so far and their currency, by its tag; AWS takes 0.01 USD for the answer."""
    day = now.astimezone(UTC).date()
    first = day.replace(day=1)
    # The end is not included, and must lie after the start.
    end = max(day, first.replace(day=2))
    # Cost Explorer answers in a single region of each partition.
    answer = boto3.client("ce", region_name="us-east-1").get_cost_and_usage(
        TimePeriod={"Start": first.isoformat(), "End": end.isoformat()},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        Filter={"Tags": {"Key": "regulars:stage", "Values": [stage], "MatchOptions": ["EQUALS"]}},
    )
    totals = [period["Total"]["UnblendedCost"] for period in answer["ResultsByTime"] if period["Total"]]
    amount = sum(float(total["Amount"]) for total in totals)
    return (amount or None), (totals[0]["Unit"] if totals else "USD")
