"""Which deployment a command talks to: the local one, or one on AWS by the caller's own credentials."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from shared.core import environment
from shared.core.errors import RegularsError
from shared.core.settings import LOCAL_STAGE, Settings

STATE: Final = Path(__file__).resolve().parent.parent / ".regulars"
# Its environment names all that a command needs, with the very values that the deployed code works with.
MODEL_FUNCTION: Final = "record_purchase"
_TAKEN_OVER: Final = ("CUSTOMERS_TABLE", "SCORECARDS_TABLE", "SIGNING_KEY_SECRET", "CURRENCY", "TIME_ZONE", "SHOP_NAME")


class Unreachable(Exception):
    """The deployment cannot be talked to; the message is a sentence that says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment that answers. `local` is what `.regulars/local.json` says, empty for one on AWS."""

    stage: str
    region: str
    settings: Settings
    local: Mapping[str, Any]


def connect(stage: str, state: Path = STATE) -> Deployment:
    """Point this process, by its environment, to a deployment's tables and signing key.

    Raises Unreachable where there is no such deployment or no access to it.
    """
    local = _read_local(state) if stage == LOCAL_STAGE else {}
    if local:
        _use_local(local)
    else:
        use_named_region()
    region = ""
    try:
        functions = boto3.client("lambda")
        region = functions.meta.region_name
        deployed = functions.get_function_configuration(FunctionName=f"regulars-{stage}-{MODEL_FUNCTION}")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            what = "`make up`" if stage == LOCAL_STAGE else f"`make deploy STAGE={stage}`"
            raise Unreachable(f"Nothing is deployed as stage {stage!r} in {region}; {what} does that.") from None
        raise Unreachable(explain(error)) from None
    except BotoCoreError as error:
        if local:
            raise Unreachable("The local CRM does not answer; `make up` starts it.") from None
        raise Unreachable(explain(error)) from None
    variables = deployed["Environment"]["Variables"]
    os.environ.update({name: variables[name] for name in _TAKEN_OVER if name in variables})
    environment.forget()
    return Deployment(stage=stage, region=region, settings=Settings.from_environment(variables), local=local)


def take_over(deployment: Deployment, function: str, *names: str) -> None:
    """Take further variables from the environment of a function, such as DATA_BUCKET of `publish_changes`.

    Raises Unreachable where the deployment has no such function, or is so old that it has no such variable.
    """
    try:
        configuration = boto3.client("lambda").get_function_configuration(
            FunctionName=f"regulars-{deployment.stage}-{function}"
        )
    except (BotoCoreError, ClientError) as error:
        raise Unreachable(explain(error)) from None
    variables = configuration["Environment"]["Variables"]
    lacking = [name for name in names if name not in variables]
    if lacking:
        raise Unreachable(f"Stage {deployment.stage!r} is older than this command; `make deploy` brings it up to date.")
    os.environ.update({name: variables[name] for name in names})
    environment.forget()


def use_named_region() -> None:
    """Take the region from AWS_REGION, as CDK and every other tool of AWS do; boto3 reads AWS_DEFAULT_REGION only."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


def explain(error: Exception) -> str:
    """One sentence for a person about a call to AWS that failed."""
    if isinstance(error, NoCredentialsError):
        return "There are no AWS credentials; `aws configure` or the variable AWS_PROFILE gives them."
    if isinstance(error, NoRegionError):
        return "There is no AWS region; the variable AWS_REGION or `aws configure` gives it."
    if isinstance(error, EndpointConnectionError):
        return f"{error.kwargs['endpoint_url']} does not answer."
    if isinstance(error, ClientError):
        about = error.response["Error"]
        return f"AWS refused {error.operation_name}: {about.get('Message') or about['Code']}".rstrip(".") + "."
    if isinstance(error, RegularsError):
        return f"The tables do not keep up: {error.detail}."
    return f"AWS could not be talked to: {error}".rstrip(".") + "."


def _read_local(state: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((state / "local.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreachable("The local CRM is not running; `make up` starts it.") from None
    except ValueError:
        raise Unreachable(f"{state / 'local.json'} is damaged; `make down` and `make up` make it anew.") from None
    return content


def _use_local(local: Mapping[str, Any]) -> None:
    # A profile, a session or an endpoint of the caller's would lead to the real AWS.
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=local["endpoint_url"],
        AWS_REGION=local["region"],
        AWS_DEFAULT_REGION=local["region"],
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 (no secret: the local AWS takes any)
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )
    known = os.environ.get("NO_PROXY", "")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, [known, "127.0.0.1", "localhost"]))
