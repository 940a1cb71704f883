"""The local AWS: from an empty machine to a deployed, serving stack, which keeps its data until they are forgotten."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra import ROOT
from infra.local import deployment, server
from infra.local.deployment import LocalStack
from infra.local.steps import LocalFailure, Say, step
from shared.core.settings import LOCAL_STAGE, Settings

__all__ = ["DEFAULT_PORT", "STATE", "LocalFailure", "LocalStack", "down", "has_data", "running", "up"]

STATE: Final = ROOT / ".regulars"
DEFAULT_PORT: Final = 4566
# With these the form in the README works as it stands, and a page served on the usual ports of this machine may call.
EXAMPLE_SHOP: Final = {
    "ALLOWED_REDIRECTS": "https://shop.example/thanks",
    "ALLOWED_ORIGINS": "https://shop.example http://localhost:3000 http://localhost:8000",
}


def up(
    say: Say, *, port: int | None = None, state: Path = STATE, settings: Mapping[str, str] | None = None
) -> LocalStack:
    """Make sure that the local CRM runs and is what the working tree says; where it is, this costs nothing.

    It goes on with the data that `down` has kept. After a crash these are as of the orderly end before it.

    `port`: where to serve; None takes the port of a running local CRM or of the kept data, else 4566.
    `state`: the folder of everything that belongs to this local AWS; each folder has its own.
    `settings`: a deployer's settings by their environment variables, on top of the caller's own.
    Raises LocalFailure.
    """
    state.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(state, say):
        serving = server.running_port(state)
        if serving and port and serving != port:
            raise LocalFailure(f"the local AWS already runs, on port {serving}; end it first: make down")
        kept = None if serving else _kept_port(state, say)
        if kept and port and kept != port:
            raise LocalFailure(
                f"its data are kept for port {kept}: make up PORT={kept} goes on with them, "
                "`regulars down --forget` forgets them"
            )
        target_port = serving or port or kept or DEFAULT_PORT
        if not serving:
            server.check_port(target_port)
        elif not server.is_healthy(target_port):
            raise LocalFailure(f"the local AWS runs on port {serving}, but does not answer; end it first: make down")
        endpoint_url = f"http://127.0.0.1:{target_port}"
        chosen = _settings(settings or {}, endpoint_url)
        fingerprint = deployment.fingerprint(chosen)
        stack = LocalStack.load(state) if serving or kept else None
        if stack and _deployed(state) == fingerprint:
            if not serving:
                _start(state, target_port, say)
                # The proxy has a new port at each start.
                proxy_url = server.proxy_url(state)
                stack = replace(stack, proxy_url=proxy_url, outbox_url=f"{proxy_url}{deployment.OUTBOX_PATH}")
                stack.save(state)
            return stack

        (state / "local.json").unlink(missing_ok=True)
        with ThreadPoolExecutor(max_workers=1) as meanwhile:
            # The longest part needs no running AWS.
            synthesis = meanwhile.submit(deployment.synthesise, state, chosen)
            if not serving:
                _start(state, target_port, say)
            if not (state / "bootstrapped").exists():
                with step(say, "Preparing it for CDK"):
                    deployment.bootstrap(state, endpoint_url)
            with step(say, "Synthesising the stacks (some 20 s)"):
                synthesis.result()
        with step(say, "Deploying the stacks"):
            outputs = deployment.deploy(state, endpoint_url)
            deployment.verify_sender(endpoint_url, chosen.sender)
            deployment.allow_origins(endpoint_url, chosen.allowed_origins)
        stack = _describe(endpoint_url, server.proxy_url(state), outputs, stack)
        stack.save(state)
        (state / "deployed").write_text(fingerprint)
        return stack


def down(say: Say, *, state: Path = STATE, forget: bool = False) -> None:
    """End the local AWS; harmless where none runs. Raises LocalFailure.

    It first lets queues and streams run dry, for what is on its way would be lost, and keeps its data for `up`.
    With `forget` it ends at once, and all is gone.
    """
    if not state.is_dir():
        return
    with _one_at_a_time(state, say):
        port = server.running_port(state)
        if forget:
            if server.stop(state):
                say("The local AWS has ended.")
            server.forget(state)
            _forget_deployment(state)
            (state / "port").unlink(missing_ok=True)
        elif port:
            if server.is_healthy(port):
                with step(say, "Letting queues and streams run dry"):
                    if not deployment.run_dry(f"http://127.0.0.1:{port}"):
                        say("Some messages still wait in queues, and are kept there.")
            server.end(state)
            say("The local AWS has ended; `make up` goes on with its data, `regulars down --forget` forgets them.")
        for name in ("pid", "lock"):
            (state / name).unlink(missing_ok=True)


def has_data(*, state: Path = STATE) -> bool:
    """Whether there are data of a local CRM that has ended."""
    return server.has_data(state)


def running(*, state: Path = STATE) -> LocalStack | None:
    """The local CRM that runs and serves now, if any."""
    return LocalStack.load(state) if server.running_port(state) else None


def _start(state: Path, port: int, say: Say) -> None:
    if not server.is_installed():
        with step(say, "Installing the local AWS"):
            server.install()
    with step(say, f"Starting it on port {port}"):
        server.start(state, port)


def _kept_port(state: Path, say: Say) -> int | None:
    """The port for which data are kept, None where there are none; says what a crash has taken."""
    port = server.kept_port(state)
    if server.ended_orderly(state) and port:
        return port
    if port:
        say(
            "The local AWS has ended without `make down`: what came since its last orderly end is gone."
            if server.has_data(state)
            else "The local AWS has ended without `make down`, and never did with it: all that it held is gone."
        )
    # What is deployed there is not known.
    (state / "deployed").unlink(missing_ok=True)
    if port and server.has_data(state):
        return port
    server.forget(state)
    _forget_deployment(state)
    return None


def _forget_deployment(state: Path) -> None:
    for name in ("local.json", "deployed", "outputs.json", "bootstrapped"):
        (state / name).unlink(missing_ok=True)


def _settings(overrides: Mapping[str, str], endpoint_url: str) -> Settings:
    pinned = {"STAGE": LOCAL_STAGE, "PUBLIC_URL": deployment.api_url(endpoint_url)}
    try:
        return Settings.from_environment({**EXAMPLE_SHOP, **os.environ, **overrides, **pinned})
    except ValueError as error:
        raise LocalFailure(f"these settings cannot be deployed: {error}") from error


def _describe(endpoint_url: str, proxy_url: str, outputs: Mapping[str, str], before: LocalStack | None) -> LocalStack:
    tables = {"CUSTOMERS_TABLE": outputs["CustomersTable"], "SCORECARDS_TABLE": outputs["ScorecardsTable"]}
    return LocalStack(
        api_url=deployment.api_url(endpoint_url),
        api_key=before.api_key
        if before
        else deployment.furnish({**deployment.aws_environment(endpoint_url), **tables}),
        outbox_url=f"{proxy_url}{deployment.OUTBOX_PATH}",
        endpoint_url=endpoint_url,
        proxy_url=proxy_url,
        region=server.REGION,
        customers_table=outputs["CustomersTable"],
        scorecards_table=outputs["ScorecardsTable"],
        purchases_queue_url=outputs["PurchasesQueueUrl"],
        points_queue_url=outputs["PointsQueueUrl"],
        bus_name=outputs["BusName"],
        feedback_topic_arn=outputs["FeedbackTopicArn"],
        state_machine_arn=outputs["RescoringStateMachineArn"],
    )


def _deployed(state: Path) -> str | None:
    """The fingerprint of what was deployed; None where that was broken off."""
    try:
        return (state / "deployed").read_text()
    except FileNotFoundError:
        return None


@contextmanager
def _one_at_a_time(state: Path, say: Say) -> Iterator[None]:
    with (state / "busy").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another `up` or `down` is at work here; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
