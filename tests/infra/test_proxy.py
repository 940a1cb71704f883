"""The proxy before the local AWS: whole mails in the outbox, and faults that clients of AWS take for AWS's own."""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.retries.standard import ThrottledRetryableChecker as Throttling

from infra.local import proxy

KEYS = {"pk": {"S": "a"}, "sk": {"S": "b"}}


@dataclass
class Aws:
    """A server that takes everything and remembers it, and the proxy before it."""

    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    url: str = ""

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def outbox(self) -> dict[str, Any]:
        content: dict[str, Any] = httpx.get(f"{self.url}/_outbox", trust_env=False).raise_for_status().json()
        return content

    def inject(self, *rules: dict[str, Any], seed: int = 1) -> httpx.Response:
        return httpx.put(f"{self.url}/_faults", json={"seed": seed, "rules": rules}, trust_env=False)


@pytest.fixture
def aws() -> Iterator[Aws]:
    aws = Aws()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            aws.taken.append((self.command, self.path, body))
            # S3 answers nothing to an upload.
            content = b"" if self.command == "PUT" else json.dumps({"MessageId": f"m{len(aws.taken)}"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815  # the names that the base class calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as upstream, socket.create_server(("127.0.0.1", 0)) as listener:
        upstream.daemon_threads = True
        thread = threading.Thread(target=upstream.serve_forever)
        thread.start()
        aws.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        numbers = [str(listener.fileno()), str(upstream.server_address[1])]
        with subprocess.Popen(
            # `cat` ends with its input.
            [sys.executable, "-I", proxy.__file__, *numbers, "/bin/cat"],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        ):
            listener.close()
            yield aws
        upstream.shutdown()
        thread.join()


def test_a_simple_mail_is_kept_with_headers_attachments_and_tags(aws: Aws) -> None:
    sent = aws.client("sesv2").send_email(
        FromEmailAddress="Tea & Cups <hello@shop.example>",
        ReplyToAddresses=["ada@example.com"],
        Destination={"ToAddresses": ["grace@example.com"]},
        EmailTags=[{"Name": "template", "Value": "receipt"}],
        ConfigurationSetName="regulars",
        Content={
            "Simple": {
                "Subject": {"Data": "Grüße"},
                "Body": {"Text": {"Data": "plain"}, "Html": {"Data": "<p>rich</p>"}},
                "Headers": [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}],
                "Attachments": [{"FileName": "day.ics", "ContentType": "text/calendar", "RawContent": b"BEGIN:\x00"}],
            }
        },
    )
    (mail,) = aws.outbox()["messages"][proxy.ACCOUNT]
    assert mail["MessageId"] == sent["MessageId"] == "m1"
    assert (mail["To"], mail["ReplyTo"]) == (["grace@example.com"], ["ada@example.com"])
    assert (mail["Subject"], mail["BodyText"], mail["BodyHtml"]) == ("Grüße", "plain", "<p>rich</p>")
    assert mail["Headers"] == [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}]
    assert (mail["Tags"], mail["ConfigurationSet"]) == ({"template": "receipt"}, "regulars")
    (attachment,) = mail["Attachments"]
    assert (attachment["FileName"], base64.b64decode(attachment["Data"])) == ("day.ics", b"BEGIN:\x00")


def test_a_raw_mail_is_kept_in_the_same_form(aws: Aws) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "hello@shop.example", "grace@example.com", "Grüße"
    message["List-Unsubscribe"] = "<https://shop.example/u>"
    message.set_content("plain")
    message.add_alternative("<p>rich</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="bill.pdf")
    aws.client("sesv2").send_email(Content={"Raw": {"Data": message.as_bytes()}})
    (mail,) = aws.outbox()["messages"][proxy.ACCOUNT]
    assert (mail["Source"], mail["To"], mail["Subject"]) == ("hello@shop.example", ["grace@example.com"], "Grüße")
    assert (mail["BodyText"].strip(), mail["BodyHtml"].strip()) == ("plain", "<p>rich</p>")
    assert {"Name": "List-Unsubscribe", "Value": "<https://shop.example/u>"} in mail["Headers"]
    (attachment,) = mail["Attachments"]
    assert (attachment["FileName"], attachment["ContentType"]) == ("bill.pdf", "application/pdf")
    assert base64.b64decode(attachment["Data"]) == b"%PDF"


def test_the_outbox_forgets_the_oldest_mails_beyond_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "MAX_OUTBOX_BYTES", 20_000)
    outbox = proxy.Outbox()
    for number in range(5):
        content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": str(number) * 8_000}}}}
        outbox.add(json.dumps({"Content": content}).encode(), b'{"MessageId": "m"}')
    kept = outbox.content()
    assert [mail["BodyText"][0] for mail in kept["messages"][proxy.ACCOUNT]] == ["3", "4"]
    assert kept["forgotten"] == 3


def test_the_proxy_ends_with_the_process_that_it_serves() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        command = [sys.executable, "-I", proxy.__file__, str(listener.fileno()), "1", "/bin/cat"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    httpx.get(f"http://127.0.0.1:{address[1]}/_outbox", trust_env=False).raise_for_status()
    process.communicate()
    end = monotonic() + 10
    while serves(address):
        assert monotonic() < end, "the proxy serves on"
        sleep(0.1)


@pytest.mark.parametrize("service", ["dynamodb", "sesv2", "sqs", "events", "s3"])
def test_clients_take_a_throttled_call_for_throttling_and_it_has_no_effect(aws: Aws, service: str) -> None:
    aws.inject({"service": "*", "fault": "throttled", "probability": 1})
    with pytest.raises(ClientError) as refused:
        _call(aws, service)
    code = refused.value.response["Error"]["Code"]
    assert code in vars(Throttling)["_THROTTLED_ERROR_CODES"]
    assert aws.taken == []
    assert aws.outbox()["messages"] == {proxy.ACCOUNT: []}


@pytest.mark.parametrize("service", ["dynamodb", "sesv2", "sqs", "events", "s3"])
def test_a_failed_call_is_a_server_error_without_effect(aws: Aws, service: str) -> None:
    aws.inject({"service": "*", "fault": "failed", "probability": 1})
    with pytest.raises(ClientError) as failed:
        _call(aws, service)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert aws.taken == []


def test_a_lost_answer_has_its_effect_and_the_mail_is_in_the_outbox(aws: Aws) -> None:
    aws.inject({"service": "*", "fault": "lost", "probability": 1})
    with pytest.raises(ConnectionClosedError):
        _call(aws, "dynamodb")
    with pytest.raises(ConnectionClosedError):
        _send(aws, "it left")
    assert [path for _, path, _ in aws.taken] == ["/", "/v2/email/outbound-emails"]
    (mail,) = aws.outbox()["messages"][proxy.ACCOUNT]
    assert mail["BodyText"] == "it left"


def test_a_delayed_call_is_answered_later(aws: Aws) -> None:
    aws.inject({"service": "dynamodb", "fault": "delayed", "probability": 1, "seconds": 0.3})
    started = monotonic()
    _call(aws, "dynamodb")
    assert monotonic() - started >= 0.3
    assert len(aws.taken) == 1


def test_a_rule_concerns_its_operation_only_and_no_rules_end_the_faults(aws: Aws) -> None:
    aws.inject({"service": "dynamodb", "operation": "GetItem", "fault": "failed", "probability": 1})
    aws.client("dynamodb").put_item(TableName="t", Item=KEYS)
    _call(aws, "sqs")
    with pytest.raises(ClientError):
        _call(aws, "dynamodb")
    counted = httpx.get(f"{aws.url}/_faults", trust_env=False).json()
    assert counted["injected"] == {"dynamodb.GetItem failed": 1}
    aws.inject()
    _call(aws, "dynamodb")


def test_the_same_seed_meets_the_same_calls(aws: Aws) -> None:
    def outcomes(seed: int) -> list[bool]:
        aws.inject({"service": "dynamodb", "fault": "throttled", "probability": 0.5}, seed=seed)
        met = []
        for _ in range(30):
            try:
                _call(aws, "dynamodb")
                met.append(False)
            except ClientError:
                met.append(True)
        return met

    first = outcomes(7)
    assert outcomes(7) == first
    assert outcomes(8) != first
    assert 0 < sum(first) < 30


def test_an_unknown_fault_is_refused_and_what_was_in_force_stays(aws: Aws) -> None:
    aws.inject({"service": "dynamodb", "fault": "throttled", "probability": 1})
    assert aws.inject({"service": "dynamodb", "fault": "lightning", "probability": 1}).status_code == 400
    assert aws.inject({"service": "dynamodb", "fault": "lost", "probability": 2}).status_code == 400
    with pytest.raises(ClientError):
        _call(aws, "dynamodb")


def test_chunks_uploads_that_wait_and_heads_pass_through_unchanged(aws: Aws) -> None:
    with httpx.Client(base_url=aws.url, trust_env=False) as client:
        assert client.head("/bucket/key").headers["content-length"] == str(len('{"MessageId": "m1"}'))
        # On the same connection: nothing of the last answer is left in it.
        assert client.get("/bucket/key?x=%2F").json() == {"MessageId": "m2"}
    aws.client("s3").put_object(Bucket="b", Key="k", Body=b"x" * 300_000)
    assert aws.taken[1][1] == "/bucket/key?x=%2F"
    assert len(aws.taken[2][2]) >= 300_000


def serves(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def _call(aws: Aws, service: str) -> None:
    client = aws.client(service)
    match service:
        case "dynamodb":
            client.get_item(TableName="t", Key=KEYS)
        case "sesv2":
            _send(aws, "text")
        case "sqs":
            client.send_message(QueueUrl=f"{aws.url}/000000000000/q", MessageBody="m")
        case "events":
            client.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])
        case "s3":
            client.put_object(Bucket="b", Key="k", Body=b"x")


def _send(aws: Aws, text: str) -> None:
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": text}}}}
    aws.client("sesv2").send_email(
        FromEmailAddress="a@example.com", Destination={"ToAddresses": ["b@example.com"]}, Content=content
    )
