"""Every operation of the OpenAPI document, sent what the document allows and what it forbids.

A few examples of each are enough for every run; REGULARS_THOROUGH=1 sends five times as many.
"""

import json
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from moto.core.models import MockAWS
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra import wirings
from shared.edge import openapi
from tests.contract.gateway import Gateway
from tests.examples import examples
from tests.functional.aws import client
from tests.functional.conftest import start_empty
from tests.functional.scenes import Invoke

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT: Final[dict[str, Any]] = json.loads(json.dumps(openapi.describe(wirings.capabilities())))
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(autouse=True)
def deployment(moto: MockAWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty deployment with a state machine for each job, for there are operations that start one."""
    start_empty(moto, monkeypatch)
    role = "arn:aws:iam::123456789012:role/states"
    for job in (job for capability in wirings.capabilities() for job in capability.jobs):
        machine = client("stepfunctions").create_state_machine(name=job.name, definition="{}", roleArn=role)
        monkeypatch.setenv(f"{job.name.upper()}_STATE_MACHINE_ARN", machine["stateMachineArn"])


@schema.parametrize()
@settings(
    max_examples=examples(25),
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_an_operation_answers_as_the_document_says(case: schemathesis.Case[Any], invoke: Invoke) -> None:
    case.call_and_validate(app=Gateway(lambda function, event: invoke(function, event)), checks=CHECKS)
