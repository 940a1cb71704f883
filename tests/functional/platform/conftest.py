"""A stage as the command line finds it: the functions whose environment it reads, and the queues by their names."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.queues.pairs import pairs
from tests.functional.aws import ENVIRONMENT, client
from tests.functional.calls import CALLS, Interceptor

Intercept = Callable[[Interceptor], None]
Command = Callable[..., Result]


@pytest.fixture
def intercept() -> Iterator[Intercept]:
    """`intercept(answer)`: have `answer` asked before each call to AWS, until the test ends."""
    before = list(CALLS.interceptors)
    yield CALLS.interceptors.append
    CALLS.interceptors[:] = before


@pytest.fixture
def prod(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage prod."""
    # Moto does not know the addresses of AWS's accounts, by which botocore asks for what has an ARN.
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", "")
    names = {
        "record_purchase": ("STAGE", "CUSTOMERS_TABLE", "SCORECARDS_TABLE", "CURRENCY", "TIME_ZONE"),
        "publish_changes": ("BUS_NAME", "DATA_BUCKET"),
        "ask_recovery": (),
    }
    for name, variables in names.items():
        client("lambda").create_function(
            FunctionName=f"regulars-prod-{name}",
            Runtime="python3.13",
            Role=role,
            Handler="handler.handler",
            Code={"ZipFile": content.getvalue()},
            Environment={"Variables": {variable: ENVIRONMENT[variable] for variable in variables}},
        )
    for pair in pairs().values():
        client("sqs").create_queue(QueueName=pair.failed("prod"))
        if pair.has_queue:
            client("sqs").create_queue(QueueName=pair.queue("prod"))
    # What a command that was ended leaves behind.
    monkeypatch.setattr("cli.republish.STATE", tmp_path)
    monkeypatch.setattr("cli.restoring.command.STAGES", tmp_path)


@pytest.fixture
def command(prod: None) -> Command:
    """`command("queues", "list")`: the `regulars` command, on the stage prod."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--stage", "prod"], catch_exceptions=False)

    return run


def send(queue: str, body: object, **attributes: str) -> None:
    """Put a message into a queue of the stage prod."""
    client("sqs").send_message(
        QueueUrl=client("sqs").get_queue_url(QueueName=f"regulars-prod-{queue}")["QueueUrl"],
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def received(queue_url: str) -> list[dict[str, Any]]:
    """What waits in a queue, taken out of it."""
    bodies: list[dict[str, Any]] = []
    while messages := client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def waiting(queue: str) -> list[dict[str, Any]]:
    """What waits in a queue of the stage prod, taken out of it."""
    return received(client("sqs").get_queue_url(QueueName=f"regulars-prod-{queue}")["QueueUrl"])


@pytest.fixture
def listener() -> str:
    """A queue that hears every fact on the bus."""
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName="regulars", EventPattern=json.dumps({"source": ["regulars"]}))
    events.put_targets(Rule="all", EventBusName="regulars", Targets=[{"Id": "1", "Arn": arn}])
    return str(url)
