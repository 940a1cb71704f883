"""The CDK app onto the local AWS, and what a client needs to know afterwards."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from infra import LOCAL_API_ID, NODE, ROOT, wirings
from infra.local.server import ACCOUNT, REGION
from infra.local.steps import LocalFailure
from shared.core.settings import Settings

_CDK: Final = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
_DEPLOYED_FROM: Final = (
    *("infra", "functions", "shared", "package-lock.json"),
    *(f"requirements/{name}.txt" for name in wirings.requirements()),
)

# Of the proxy.
OUTBOX_PATH: Final = "/_outbox"
RUN_TIMEOUT_SECONDS: Final = 600
# Streams are read every second or so; a function may take some seconds for a message.
QUIET_SECONDS: Final = 3.0
UNCHANGED_SECONDS: Final = 10.0
DRY_TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """Where the deployed CRM answers, and the names of what it is made of; `.regulars/local.json`.

    Functions call the local AWS by `proxy_url`, everybody else by `endpoint_url`.
    """

    api_url: str
    api_key: str
    outbox_url: str
    endpoint_url: str
    proxy_url: str
    region: str
    customers_table: str
    scorecards_table: str
    purchases_queue_url: str
    points_queue_url: str
    bus_name: str
    feedback_topic_arn: str
    state_machine_arn: str

    def environment(self) -> dict[str, str]:
        """The environment variables with which boto3 and the stores find the local AWS."""
        return {
            **aws_environment(self.endpoint_url),
            "CUSTOMERS_TABLE": self.customers_table,
            "SCORECARDS_TABLE": self.scorecards_table,
        }

    @classmethod
    def load(cls, state: Path) -> "LocalStack | None":
        """The result of the last deployment; None where there was none."""
        try:
            return cls(**json.loads((state / "local.json").read_text()))
        except (FileNotFoundError, TypeError, ValueError):
            return None

    def save(self, state: Path) -> None:
        """Write it for other programs; the key in it opens the local CRM only."""
        (state / "local.json").write_text(json.dumps(asdict(self), indent=2) + "\n")


def aws_environment(endpoint_url: str) -> dict[str, str]:
    """AWS's own environment variables for the local AWS; no profile of the caller's is ever read."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        # By name as well: for S3 the CDK CLI reads only this variable.
        "AWS_ENDPOINT_URL_S3": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Some programs read only the first, some only the second.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def api_url(endpoint_url: str) -> str:
    """The API under a path: `*.localhost` is resolved by browsers, but not by every client.

    `%24` is the `$` of the stage `$default`, which a shell would expand.
    """
    return f"{endpoint_url}/_aws/execute-api/{LOCAL_API_ID}/%24default"


def fingerprint(settings: Settings) -> str:
    """Changes when anything changes that is deployed."""
    digest = hashlib.sha256(json.dumps(settings.to_environment(), sort_keys=True).encode())
    for name in _DEPLOYED_FROM:
        top = ROOT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def synthesise(state: Path, settings: Settings) -> None:
    """Write the cloud assembly, as `cdk synth` does; needs no running AWS."""
    environment = {
        **caller_environment(),
        **settings.to_environment(),
        "CDK_OUTDIR": str(state / "cdk.out"),
        # Without it `infra.app` refuses to make the stage, which has no protection.
        "REGULARS_FOR_THE_LOCAL_AWS": "yes",
    }
    _run(state, "synth", [sys.executable, "-m", "infra.app"], environment, ROOT)


def bootstrap(state: Path, endpoint_url: str) -> None:
    """Make the resources that CDK needs in an account, away from cdk.json: otherwise CDK would synthesise, too."""
    _run(
        state,
        "bootstrap",
        [NODE, _CDK, "bootstrap", f"aws://{ACCOUNT}/{REGION}", "--no-notices"],
        {**caller_environment(), **aws_environment(endpoint_url)},
        state,
    )
    (state / "bootstrapped").touch()


def deploy(state: Path, endpoint_url: str) -> dict[str, str]:
    """Deploy the synthesised stacks; the outputs of all of them by name."""
    outputs = state / "outputs.json"
    _run(
        state,
        "deploy",
        [
            NODE, _CDK, "deploy", "--app", state / "cdk.out", "--all", "--require-approval", "never",
            "--method", "direct", "--concurrency", "4", "--progress", "events", "--no-notices",
            "--outputs-file", outputs,
        ],
        {**caller_environment(), **aws_environment(endpoint_url)},
        state,
    )  # fmt: skip
    stacks: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return {name: value for stack in stacks.values() for name, value in stack.items()}


def run_dry(endpoint_url: str) -> bool:
    """Wait, for a minute at most, until what is on its way has arrived; False where messages still wait in queues.

    Messages that wait for hours, or in queues of dead letters, stay where they are.
    """
    sqs = _client("sqs", endpoint_url)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + DRY_TIMEOUT_SECONDS
    before, since = None, time.monotonic()
    while True:
        urls = sqs.list_queues(MaxResults=1000).get("QueueUrls", [])
        waiting = {
            url: [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][name] for name in names]
            for url in urls
        }
        now, dry = time.monotonic(), all(set(numbers) == {"0"} for numbers in waiting.values())
        if waiting != before:
            before, since = waiting, now
        if now - since >= (QUIET_SECONDS if dry else UNCHANGED_SECONDS) or now > deadline:
            return dry
        time.sleep(0.5)


def verify_sender(endpoint_url: str, sender: str) -> None:
    """Verify the sender, as a shop does once for its domain: the local SES, too, refuses an unknown sender."""
    ses = _client("sesv2", endpoint_url)
    with suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=sender)


def allow_origins(endpoint_url: str, origins: Sequence[str]) -> None:
    """The API's CORS allow-list, which the local CloudFormation leaves out of an API that it makes."""
    if origins:
        _client("apigatewayv2", endpoint_url).update_api(
            ApiId=LOCAL_API_ID,
            CorsConfiguration={
                "AllowOrigins": list(origins),
                "AllowMethods": ["GET", "POST"],
                "AllowHeaders": ["content-type"],
                "MaxAge": 3600,
            },
        )


def _client(service: str, endpoint_url: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        # A proxy of the caller's knows nothing of this machine.
        config=Config(proxies={}),
    )


def furnish(stack_environment: Mapping[str, str]) -> str:
    """Launch the default loyalty programme; an API key with every scope.

    In a process of its own, for the stores take their table from the environment.
    """
    result = subprocess.run(
        [sys.executable, "-m", "infra.local.furnish"],
        cwd=ROOT,
        env={**caller_environment(), **stack_environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise LocalFailure(f"the new CRM cannot be furnished: {reason(result.stderr)}")
    return result.stdout.strip()


def caller_environment() -> dict[str, str]:
    """The caller's environment, less what points at a real AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return {
        **kept,
        "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def _run(state: Path, name: str, command: list[Any], environment: Mapping[str, str], directory: Path) -> None:
    log = state / f"{name}.log"
    try:
        with log.open("w") as output:
            result = subprocess.run(
                command,
                cwd=directory,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=RUN_TIMEOUT_SECONDS,
            )
    except subprocess.TimeoutExpired:
        raise LocalFailure(f"{name} did not end within {RUN_TIMEOUT_SECONDS} seconds; its log is {log}") from None
    if result.returncode:
        raise LocalFailure(f"{name} failed: {reason(log.read_text())} (the whole log is {log})")


def reason(log: str) -> str:
    """The line that says why: a resource that failed, else the last line that names an error."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    failed = [line.split("|")[-1].strip() for line in lines if re.search(r"\b(CREATE|UPDATE|DELETE)_FAILED\b", line)]
    errors = [line for line in lines if re.search(r"error|failed|cannot", line, re.IGNORECASE)]
    return next(iter(failed or errors[-1:] or lines[-1:]), "it said nothing")
