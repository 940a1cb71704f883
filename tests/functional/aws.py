"""A deployed AWS as moto plays it: the tables, the secret, the bucket and the bus."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import boto3
from moto.dynamodb.models import dynamodb_backends
from moto.ses.models import Message, ses_backends

from shared.core import dynamodb
from tests.functional import second_engine

ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "CUSTOMERS_TABLE": "customers",
    "SCORECARDS_TABLE": "scorecards",
    "DATA_BUCKET": "data",
    "BUS_NAME": "regulars",
    "SIGNING_KEY_SECRET": "signing-key",
    "FAILED_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/publish-changes-failed",
    "PUBLIC_URL": "https://crm.shop.example",
    "CONFIGURATION_SET": "regulars",
    "STAGE": "prod",
    "SENDER": "hello@shop.example",
    "CURRENCY": "EUR",
    "TIME_ZONE": "Europe/Berlin",
    "ALLOWED_REDIRECTS": "https://shop.example/thanks",
    "POWERTOOLS_SERVICE_NAME": "test",
}
_ACCOUNT, _REGION = "123456789012", "eu-central-1"


@cache
def client(service: str) -> Any:
    """The tests' client of a service, made once: making it takes longer than a test, and moto answers all alike."""
    return boto3.client(service, region_name=_REGION)  # type: ignore[call-overload]


def deploy() -> None:
    """Make everything, empty."""
    if second_engine.URL:
        # Moto forgot its tables; the other engine still has those of the test before.
        _delete_tables()
    create_tables()
    client("secretsmanager").create_secret(Name="signing-key", SecretString="k" * 64)
    client("events").create_event_bus(Name="regulars")
    client("sqs").create_queue(QueueName="publish-changes-failed")
    client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": _REGION})
    client("sesv2").create_email_identity(EmailIdentity="hello@shop.example")


def create_tables() -> None:
    """Both tables, empty."""
    for name, keys in (("customers", ("pk", "sk")), ("scorecards", ("customer_id",))):
        client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )


def empty_tables() -> None:
    """Forget everything that was stored, within a test."""
    _delete_tables()
    create_tables()


def contents(leave_out: frozenset[str] | set[str] = frozenset()) -> dict[str, list[dict[str, Any]]]:
    """Everything that both tables hold, sorted by key, without these members and the records of nightly runs."""
    runs = ("SETTLEMENT", "INVITATION")
    stored = {}
    for name in ("customers", "scorecards"):
        pages = client("dynamodb").get_paginator("scan").paginate(TableName=name)
        items = [dynamodb.unpack(item) for page in pages for item in page["Items"]]
        items = [item for item in items if not item.get("pk", "").startswith(runs)]
        kept = [{member: value for member, value in item.items() if member not in leave_out} for item in items]
        stored[name] = sorted(
            kept, key=lambda item: (item.get("pk", ""), item.get("sk", ""), item.get("customer_id", ""))
        )
    return stored


@dataclass(frozen=True)
class Stored:
    """The contents of the tables and the bucket at a moment."""

    tables: Any
    objects: Mapping[str, bytes]


def stored() -> Stored:
    """All that is stored now, for `put_back`."""
    s3 = client("s3")
    objects = {key: s3.get_object(Bucket="data", Key=key)["Body"].read() for key in _keys()}
    return Stored(_items() if second_engine.URL else copy.deepcopy(_dynamodb().tables), objects)


def put_back(kept: Stored) -> None:
    """Put the tables and the bucket back to those contents."""
    if second_engine.URL:
        empty_tables()
        for name, items in kept.tables.items():
            for item in items:
                client("dynamodb").put_item(TableName=name, Item=item)
    else:
        _dynamodb().tables = copy.deepcopy(kept.tables)
    for key in _keys():
        client("s3").delete_object(Bucket="data", Key=key)
    for key, body in kept.objects.items():
        client("s3").put_object(Bucket="data", Key=key, Body=body)


_MADE: dict[Callable[[], object], Stored] = {}


def once(make: Callable[[], object]) -> None:
    """Have an empty deployment hold what `make` stores, which is run for the first test alone: moto takes seconds for
    the many members of a scorecard.
    """
    if make in _MADE:
        put_back(_MADE[make])
    else:
        make()
        _MADE[make] = stored()


def sent_mails() -> list[Message]:
    """What SES has taken, with `subject`, HTML `body` and `destinations`."""
    return list(ses_backends[_ACCOUNT][_REGION].sent_messages)


def make_queue(name: str) -> None:
    """The queue that has this name in its wiring, and its dead letters, both empty."""
    for each in (name, f"{name}-failed"):
        client("sqs").create_queue(QueueName=f"regulars-prod-{each}")


def received(name: str) -> list[dict[str, Any]]:
    """The messages that wait in a queue, taken off it, in the order in which they were sent."""
    url = client("sqs").get_queue_url(QueueName=f"regulars-prod-{name}")["QueueUrl"]
    taken: list[dict[str, Any]] = []
    while (
        messages := client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages")
    ):
        for message in messages:
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        taken += messages
    return taken


def as_event(name: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the consumer of a queue gets of these messages."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "messageAttributes": {
                    attribute: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                    for attribute, value in message.get("MessageAttributes", {}).items()
                },
                "eventSourceARN": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:regulars-prod-{name}",
            }
            for message in messages
        ]
    }


def _delete_tables() -> None:
    kept = client("dynamodb").list_tables()["TableNames"]
    for name in {"customers", "scorecards"} & set(kept):
        client("dynamodb").delete_table(TableName=name)


def _items() -> dict[str, list[dict[str, Any]]]:
    """What each table holds, in DynamoDB's JSON."""
    scan = client("dynamodb").get_paginator("scan")
    return {
        name: [item for page in scan.paginate(TableName=name) for item in page["Items"]]
        for name in ("customers", "scorecards")
    }


def _keys() -> list[str]:
    return [entry["Key"] for entry in client("s3").list_objects_v2(Bucket="data").get("Contents", [])]


def _dynamodb() -> Any:
    return dynamodb_backends[_ACCOUNT][_REGION]
