"""Messages of a queue: looked at, taken, put back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# That long nobody else sees a message that is being looked at; then it is there again, whatever became of us.
LOOK_SECONDS: Final = 30
WORK_SECONDS: Final = 300
BATCH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it was received; `attributes` are those that its sender gave it."""

    id: str
    handle: str
    body: str
    sent_at: datetime
    receives: int
    attributes: Mapping[str, str] = field(default_factory=dict)


@cache
def client() -> "SQSClient":
    """The process's client."""
    return boto3.client("sqs")


def url_of(queue: str) -> str:
    """The URL of a queue. Raises ClientError where there is none of this name."""
    return client().get_queue_url(QueueName=queue)["QueueUrl"]


def take(url: str, *, limit: int | None, seconds: int) -> Iterator[Message]:
    """Messages of a queue, each once, which nobody else sees for so many seconds; ends where none is left."""
    seen: set[str] = set()
    while limit is None or len(seen) < limit:
        answer = client().receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH if limit is None else min(BATCH, limit - len(seen)),
            VisibilityTimeout=seconds,
            # Asks all of SQS's servers: without, a queue of few messages often looks empty.
            WaitTimeSeconds=1,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        fresh = [content for content in answer.get("Messages", ()) if content["MessageId"] not in seen]
        if not fresh:
            return
        seen |= {content["MessageId"] for content in fresh}
        yield from map(_message, fresh)


def put_back(url: str, messages: list[Message]) -> None:
    """Let others see these messages again at once."""
    for start in range(0, len(messages), BATCH):
        client().change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.handle, "VisibilityTimeout": 0}
                for number, message in enumerate(messages[start : start + BATCH])
            ],
        )


def remove(url: str, message: Message) -> None:
    """Take a message out of its queue for good."""
    client().delete_message(QueueUrl=url, ReceiptHandle=message.handle)


def _message(content: Any) -> Message:
    system = content["Attributes"]
    return Message(
        id=content["MessageId"],
        handle=content["ReceiptHandle"],
        body=content["Body"],
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        receives=int(system["ApproximateReceiveCount"]),
        attributes={
            name: value["StringValue"]
            for name, value in content.get("MessageAttributes", {}).items()
            if "StringValue" in value
        },
    )
