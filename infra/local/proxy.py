"""The proxy between the functions of the local CRM and the local AWS: an outbox of whole mails, and faults on command.

A program of its own on the standard library. It passes every call on unchanged. MiniStack's outbox has neither the
headers of a mail nor its attachments: `GET /_outbox` answers with all that SES accepted, in MiniStack's form with
members added. `PUT /_faults` makes it an unreliable AWS, for tests; as it starts there are no faults.
"""

import asyncio
import base64
import json
import os
import random
import re
import socket
import sys
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from typing import Any, Final

ACCOUNT: Final = "000000000000"
# The oldest mails are forgotten beyond it.
MAX_OUTBOX_BYTES: Final = 64 * 1024 * 1024
_MAX_HEAD_BYTES: Final = 1024 * 1024

# What the services answer where they are throttled, by the names in the scope of a signature.
_THROTTLED: Final = {
    "dynamodb": (400, "ThrottlingException"),
    "events": (400, "ThrottlingException"),
    "s3": (503, "SlowDown"),
    "ses": (429, "TooManyRequestsException"),
    "sqs": (400, "RequestThrottled"),
}
_THROTTLED_ELSEWHERE: Final = (400, "ThrottlingException")
_FAILED: Final = (500, "InternalServerError")
FAULTS: Final = ("throttled", "failed", "lost", "delayed")
_SCOPE: Final = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_SEND_EMAIL: Final = ("POST", "/v2/email/outbound-emails")


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line, its headers by lower-case names, and both parts as on the wire."""

    first: str
    headers: Mapping[str, str]
    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.first.split(" ")[0]

    @property
    def path(self) -> str:
        """The path of a request, without its query."""
        return self.first.split(" ")[1].partition("?")[0]

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.first.split(" ")[1])

    @property
    def service(self) -> str:
        """The service that a request was signed for, such as `dynamodb`; empty where it is not signed."""
        scope = _SCOPE.search(self.headers.get("authorization", ""))
        return scope[1] if scope else ""

    @property
    def operation(self) -> str:
        """The operation of a request, such as `PutItem`; of a service without names of operations its method."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        return "SendEmail" if (self.method, self.path) == _SEND_EMAIL else self.method


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault for some calls: of a `service` and an `operation` (`*`: of all), with a `probability` from 0 to 1.

    `fault`: "throttled" and "failed" are answered by the proxy, the call has no effect; "lost" has its effect, and the
    connection is closed without an answer; "delayed" waits for `seconds` before the call.
    """

    service: str
    fault: str
    probability: float
    operation: str = "*"
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for a fault that there is not, or what is no probability."""
        if self.fault not in FAULTS or not 0 <= self.probability <= 1 or self.seconds < 0:
            raise ValueError(f"no rule: {self}")

    def concerns(self, request: Message) -> bool:
        """Whether the rule is about a request."""
        return self.service in ("*", request.service) and self.operation in ("*", request.operation)


@dataclass(slots=True)
class Faults:
    """The rules in force, what they draw by, and how many calls each fault has met, by `service.operation fault`."""

    rules: list[Rule] = field(default_factory=list)
    generator: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311  # draws faults, no secret
    injected: Counter[str] = field(default_factory=Counter)

    def command(self, command: bytes) -> None:
        """Take the body of a `PUT`, `{"seed": 1, "rules": [{"service": …}]}`. Raises ValueError or TypeError."""
        members = json.loads(command or b"{}")
        self.rules = [Rule(**rule) for rule in members.get("rules", ())]
        self.generator = random.Random(members.get("seed", 0))  # noqa: S311  # as above

    def rule_for(self, request: Message) -> Rule | None:
        """The first rule about a request whose draw falls on it."""
        for rule in self.rules:
            if rule.concerns(request) and self.generator.random() < rule.probability:
                self.injected[f"{request.service}.{request.operation} {rule.fault}"] += 1
                return rule
        return None


@dataclass(slots=True)
class Outbox:
    """The mails that SES accepted, oldest first; `forgotten` counts those that were too many bytes ago."""

    mails: deque[tuple[int, dict[str, Any]]] = field(default_factory=deque)
    size: int = 0
    forgotten: int = 0

    def add(self, request: bytes, answer: bytes) -> None:
        """Keep a mail: the bodies of a `SendEmail` and of its answer."""
        mail = {
            "MessageId": json.loads(answer)["MessageId"],
            "Timestamp": datetime.now(UTC).isoformat(),
            **mail_of(json.loads(request)),
        }
        self.mails.append((len(request), mail))
        self.size += len(request)
        while self.size > MAX_OUTBOX_BYTES and len(self.mails) > 1:
            self.size -= self.mails.popleft()[0]
            self.forgotten += 1

    def content(self) -> dict[str, Any]:
        """The answer to `GET /_outbox`."""
        return {"messages": {ACCOUNT: [mail for _, mail in self.mails]}, "forgotten": self.forgotten}


def mail_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """A `SendEmail` of SES v2 as the outbox has it; `Data` of an attachment is base64."""
    content = request["Content"]
    destination = request.get("Destination") or {}
    mail = {
        "Source": request.get("FromEmailAddress", ""),
        "To": destination.get("ToAddresses") or [],
        "CC": destination.get("CcAddresses") or [],
        "BCC": destination.get("BccAddresses") or [],
        "ReplyTo": request.get("ReplyToAddresses") or [],
        "Tags": {tag["Name"]: tag["Value"] for tag in request.get("EmailTags") or ()},
        "ConfigurationSet": request.get("ConfigurationSetName"),
    }
    if "Raw" in content:
        return {**mail, "Type": "Raw", **_raw_parts(mail, base64.b64decode(content["Raw"]["Data"]))}
    if "Simple" not in content:
        return {**mail, "Type": "Template", "Subject": "", "Template": content.get("Template")}
    simple = content["Simple"]
    body = simple["Body"]
    return {
        **mail,
        "Type": "Simple",
        "Subject": simple["Subject"]["Data"],
        "BodyText": body.get("Text", {}).get("Data", ""),
        "BodyHtml": body.get("Html", {}).get("Data"),
        "Headers": [{"Name": header["Name"], "Value": header["Value"]} for header in simple.get("Headers") or ()],
        "Attachments": [
            {
                "FileName": attachment["FileName"],
                "ContentType": attachment.get("ContentType", "application/octet-stream"),
                "ContentDisposition": attachment.get("ContentDisposition", "ATTACHMENT"),
                "ContentId": attachment.get("ContentId"),
                "Data": attachment["RawContent"],
            }
            for attachment in simple.get("Attachments") or ()
        ],
    }


def _raw_parts(mail: Mapping[str, Any], raw: bytes) -> dict[str, Any]:
    message = message_from_bytes(raw, EmailMessage, policy=policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    # As SES does: what the call does not say is in the mail.
    said = {
        "Source": message.get("From", ""),
        "To": _addresses(message, "To"),
        "CC": _addresses(message, "Cc"),
        "ReplyTo": _addresses(message, "Reply-To"),
    }
    return {
        **{name: mail[name] or value for name, value in said.items()},
        "Subject": message.get("Subject", ""),
        "BodyText": text.get_content() if text else "",
        "BodyHtml": html.get_content() if html else None,
        "Headers": [{"Name": name, "Value": str(value)} for name, value in message.items()],
        "Attachments": [
            {
                "FileName": part.get_filename() or "",
                "ContentType": part.get_content_type(),
                "ContentDisposition": (part.get_content_disposition() or "attachment").upper(),
                "ContentId": part.get("Content-ID"),
                "Data": base64.b64encode(_content(part)).decode(),
            }
            for part in message.iter_attachments()
        ],
    }


def _content(part: EmailMessage) -> bytes:
    # None of a part that has parts itself, such as a forwarded mail.
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else part.as_bytes()


def _addresses(message: EmailMessage, name: str) -> list[str]:
    header = message.get(name)
    return [address.addr_spec for address in header.addresses] if header else []


@dataclass(frozen=True, slots=True)
class Proxy:
    """What all connections share."""

    upstream_port: int
    outbox: Outbox = field(default_factory=Outbox)
    faults: Faults = field(default_factory=Faults)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until either side closes it; it has a connection to the local AWS of its own."""
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while request := await _read_request(reader, writer):
                if request.path in ("/_outbox", "/_faults"):
                    writer.write(self._own(request))
                    await writer.drain()
                    continue
                rule = self.faults.rule_for(request)
                if rule and rule.fault in ("throttled", "failed"):
                    writer.write(_fault_answer(request, rule))
                    await writer.drain()
                    continue
                if rule and rule.fault == "delayed":
                    await asyncio.sleep(rule.seconds)
                if upstream is None or upstream[0].at_eof():
                    if upstream:
                        upstream[1].close()
                    upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=_MAX_HEAD_BYTES)
                answer = await _ask(upstream, request)
                if request.operation == "SendEmail" and answer.status == HTTPStatus.OK:
                    self.outbox.add(request.body, answer.body)
                if rule and rule.fault == "lost":
                    return
                writer.write(answer.head + answer.body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            # Whoever asked meets a connection closed without an answer, as they would without the proxy.
            pass
        finally:
            for side in (writer, upstream[1] if upstream else None):
                if side:
                    side.close()

    def _own(self, request: Message) -> bytes:
        """The answer of the proxy itself."""
        match request.method, request.path:
            case "GET", "/_outbox":
                return _json_answer(200, self.outbox.content())
            case "PUT", "/_faults":
                try:
                    self.faults.command(request.body)
                except (TypeError, ValueError) as error:
                    return _json_answer(400, {"message": str(error)})
                return _json_answer(200, {"rules": len(self.faults.rules)})
            case "GET", "/_faults":
                return _json_answer(200, {"injected": self.faults.injected})
        return _json_answer(405, {"message": f"{request.method} {request.path}"})


async def _ask(upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: Message) -> Message:
    reader, writer = upstream
    writer.write(request.head + request.body)
    await writer.drain()
    while True:
        first, headers, head = await _read_head(reader)
        status = int(first.split(" ")[1])
        if status >= HTTPStatus.OK:
            break
    bodiless = request.method == "HEAD" or status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    if bodiless:
        return Message(first, headers, head, b"")
    if "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", ""):
        # An answer that ends with its connection gets a length, for that of whoever asked stays.
        body = await reader.read(-1)
        return Message(first, headers, head[:-2] + b"content-length: %d\r\n\r\n" % len(body), body)
    return Message(first, headers, head, await _read_body(reader, headers))


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Message | None:
    """The next request of a connection; None where it is over."""
    try:
        first, headers, head = await _read_head(reader)
    except asyncio.IncompleteReadError:
        return None
    if "expect" in headers:
        # The local AWS does not wait, nor does the proxy.
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = re.sub(rb"(?i)\r\nexpect:[^\r]*", b"", head)
    return Message(first, headers, head, await _read_body(reader, headers))


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in fields}, head


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    """A body as it is on the wire: a chunked one with its chunks."""
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    parts = []
    while True:
        line = await reader.readuntil(b"\r\n")
        parts.append(line)
        size = int(line.split(b";")[0], 16)
        if not size:
            break
        parts.append(await reader.readexactly(size + 2))
    # Behind the last chunk: trailers, up to an empty line.
    while parts[-1] != b"\r\n":
        parts.append(await reader.readuntil(b"\r\n"))
    return b"".join(parts)


def _fault_answer(request: Message, rule: Rule) -> bytes:
    """An error as the service of a request would answer it."""
    status, code = _THROTTLED.get(request.service, _THROTTLED_ELSEWHERE) if rule.fault == "throttled" else _FAILED
    message = "a fault that was asked for"
    if request.service == "s3":
        code = "InternalError" if rule.fault == "failed" else code
        content = (
            f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
        return _answer(status, "application/xml", content.encode())
    return _json_answer(status, {"__type": code, "message": message}, {"x-amzn-errortype": code})


def _json_answer(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
    return _answer(status, "application/json", json.dumps(content).encode(), headers)


def _answer(status: int, media_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    lines = {"content-type": media_type, "content-length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + body


async def run(listener: socket.socket, upstream_port: int) -> None:
    """Serve on a listening socket until the process that started this one ends."""
    parent = os.getppid()
    async with await asyncio.start_server(Proxy(upstream_port).serve, sock=listener, limit=_MAX_HEAD_BYTES):
        while os.getppid() == parent:
            await asyncio.sleep(1)
        # Connections that are open would be waited for.
        os._exit(0)


def main() -> None:
    """`proxy.py <number of the listening socket> <port of the local AWS> <command>…`: serve beside the command."""
    listener, upstream_port, *command = sys.argv[1:]
    if os.fork():
        os.close(int(listener))
        os.execv(command[0], command)  # noqa: S606  # the local AWS, and no shell
    asyncio.run(run(socket.socket(fileno=int(listener)), int(upstream_port)))


if __name__ == "__main__":
    main()
