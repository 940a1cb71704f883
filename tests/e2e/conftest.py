"""The deployed CRM on a local AWS of its own, driven from outside: HTTP, pages, mails."""

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from cli.deployment import connect
from infra import local
from infra.local import LocalStack
from shared.core import dynamodb
from shared.core import environment as environment_of_functions

SETTINGS = {
    "SHOP_NAME": "Tea & Cups",
    "SHOP_ADDRESS": "1 Harbour Street, Exampleton",
    "CURRENCY": "EUR",
    "TIME_ZONE": "Europe/Berlin",
}
Value = TypeVar("Value")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"),
        reason="no Chromium on this machine: install one (Debian: apt-get install chromium)",
    ),
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, one of them has the deployed CRM and all tests of it; before xdist reads the marks."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "crm" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("e2e"))


@dataclass(frozen=True)
class Mail:
    """A mail as it lies in the outbox."""

    to: str
    subject: str
    html: str
    text: str
    template: str


@dataclass(frozen=True)
class Crm:
    """The running CRM, as a shop and its customers meet it."""

    stack: LocalStack
    client: httpx.Client

    def call(self, method: str, path: str, *, key: str | None = "own", **kwargs: Any) -> httpx.Response:
        """One request; `key` None sends none."""
        headers = dict(kwargs.pop("headers", {}))
        if key:
            headers["authorization"] = f"Bearer {self.stack.api_key if key == 'own' else key}"
        return self.client.request(method, self.stack.api_url + path, headers=headers, **kwargs)

    def customer(self, email: str) -> dict[str, Any]:
        """The single customer view."""
        view: dict[str, Any] = self.call("GET", "/customers", params={"email": email}).raise_for_status().json()
        return view

    def facts(self, customer_id: str) -> list[dict[str, Any]]:
        """The newest hundred facts of a customer."""
        path = f"/customers/{customer_id}/timeline"
        listed: list[dict[str, Any]] = self.call("GET", path, params={"limit": 100}).raise_for_status().json()["facts"]
        return listed

    def statuses(self, email: str) -> set[str]:
        """Where the customer's e-mail consents stand."""
        return {consent["status"] for consent in self.customer(email)["consents"].get("EMAIL", {}).values()}

    def mails(self, to: str) -> list[Mail]:
        """The mails to an address, oldest first."""
        return [mail for mail in self.all_mails() if mail.to == to]

    def all_mails(self) -> list[Mail]:
        """The mails to everybody, oldest first."""
        accounts: Mapping[str, Any] = self.client.get(self.stack.outbox_url).json()["messages"]
        return [_mail(message) for account in accounts.values() for message in account]

    def sign_up(self, email: str, **more: object) -> str:
        """Sign up by JSON; the link in the mail that follows."""
        before = len(self.mails(email))
        body = {"email": email, "name": "Ada", "consent": True, "consent_text": "v1", "source": "e2e", **more}
        answer = self.call("POST", "/signups", key=None, json=body)
        assert (answer.status_code, answer.json()) == (202, {"status": "PENDING"})
        mails = eventually(lambda: self.mails(email)[before:])
        return link_in(mails[0])


def _mail(message: Mapping[str, Any]) -> Mail:
    return Mail(
        to=message["To"][0],
        subject=message["Subject"],
        html=message["BodyHtml"],
        text=message["BodyText"],
        template=message["Tags"]["template"],
    )


def link_in(mail: Mail) -> str:
    """The first link of a mail's plain text."""
    match = re.search(r"https?://\S+", mail.text)
    assert match, mail.text
    return match[0]


def eventually(look: Callable[[], Value | None], seconds: float = 60) -> Value:
    """What `look` finds as soon as it finds something; streams and queues take their time."""
    end = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.3)
    return value


def workers(stack: LocalStack) -> dict[int, str]:
    """The processes of this local AWS that run functions, each with the name of its function."""
    running = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            content = (folder / "environ").read_text(errors="replace")
        except OSError:
            continue
        variables = dict(entry.partition("=")[::2] for entry in content.split("\0"))
        name = variables.get("AWS_LAMBDA_FUNCTION_NAME", "")
        if name and variables.get("AWS_ENDPOINT_URL") == stack.proxy_url:
            running[int(folder.name)] = name.removeprefix("regulars-local-")
    return running


def kill(worker: int) -> None:
    """End a process as a machine that dies would."""
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run's local AWS."""
    return tmp_path_factory.mktemp("local-aws")


@pytest.fixture(scope="session")
def stack(state: Path) -> Iterator[LocalStack]:
    """The stacks, deployed to a local AWS on a free port, and nothing left of it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        yield local.up(print, port=port, state=state, settings=SETTINGS)
    finally:
        local.down(print, state=state, forget=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, kept from looking up anything outside."""
    assert CHROMIUM, "CI has to install Chromium: the pages may not go untried there"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*quiet, "--disable-component-update"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def crm(stack: LocalStack) -> Iterator[Crm]:
    """The running CRM."""
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield Crm(stack, client)


@pytest.fixture(scope="session")
def environment(stack: LocalStack, state: Path) -> dict[str, str]:
    """What a command's environment is once it is connected to the local CRM."""
    before = dict(os.environ)
    try:
        connect("local", state)
        return {name: value for name, value in os.environ.items() if before.get(name) != value}
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def store(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stores in this process work on the local CRM's tables, for one test."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    caches = (
        dynamodb.client,
        environment_of_functions.variables,
        environment_of_functions.settings,
    )
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(scope="session")
def aws(stack: LocalStack) -> Callable[[str], Any]:
    """`aws("sns")`: a client of the local AWS."""

    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=stack.endpoint_url,
            region_name=stack.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return client


def event(name: str) -> dict[str, Any]:
    """The JSON of an event file."""
    payload: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / f"{name}.json").read_text())
    return payload
