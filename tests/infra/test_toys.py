"""A new capability is its folders and nothing else: one that is put into a copy of the tree is deployed with it."""

import json
import shutil
from collections.abc import Mapping
from typing import Any, Final

import pytest

from shared.core.settings import Settings
from tests.infra import tree
from tests.infra.conftest import Assembly

WIRING: Final = '''
"""How toys are deployed."""

from shared.edge.wiring import Capability, Function, Hears, Job, Route, Schedule, Step

TOYS = Capability(
    "toys",
    Function(
        "lend_toy",
        Route(
            "POST /toys/{toy_id}/loans",
            scope="toys:write",
            body="LoanPayload",
            answers={201: "Loan", 200: "Loan"},
            throttle=(1, 2),
            summary="Lend a toy",
        ),
        customers=("GetItem", "PutItem"),
        signing_key=True,
    ),
    Function(
        "praise_buyers",
        Hears("PurchaseRecorded", patient=True),
        customers=("GetItem",),
        sends_mail=True,
        alarm="Buyers are not praised",
    ),
    Function("count_toys", Schedule(every_hours=2), scorecards=("Scan",), alarm="Toys are not counted"),
    Job(
        "tidying",
        Step(Function("plan_tidying", scorecards=("DescribeTable",))),
        Step(Function("tidy_up", bucket=("PutObject",), folders=("toys",), layers=("numeric",)), each=True),
        schedule=Schedule(hour=3),
        alarm="Toys lie about",
    ),
)
'''
LENDING: Final = '''
"""POST /toys/{toy_id}/loans → the loan."""

from functions.toys.wiring import TOYS
from shared.edge.http import Request, Response, respond, serve
from shared.toys import shelf


def lend(request: Request) -> Response:
    """The loan."""
    return respond(201, {"toy_id": shelf.toy(request.path["toy_id"])})


handler = serve(TOYS, {"POST /toys/{toy_id}/loans": lend})
'''
OTHER: Final = '''
"""Something → nothing."""


def handler(_event: object, _context: object) -> None:
    """Do nothing."""
'''
FILES: Final = {
    "functions/toys/__init__.py": "",
    "functions/toys/wiring.py": WIRING,
    **{
        f"functions/toys/{name}/{file}": content
        for name in ("lend_toy", "praise_buyers", "count_toys", "plan_tidying", "tidy_up")
        for file, content in (("__init__.py", ""), ("handler.py", LENDING if name == "lend_toy" else OTHER))
    },
    "shared/toys/__init__.py": "",
    "shared/toys/shelf.py": "def toy(toy_id: str) -> str:\n    return toy_id\n",
    "shared/toys/payloads.py": "from pydantic import BaseModel\n\n\nclass LoanPayload(BaseModel):\n    days: int\n",
    "shared/toys/answers.py": "from pydantic import BaseModel\n\n\nclass Loan(BaseModel):\n    toy_id: str\n",
    "shared/toys/templates/toy.html": "<p>A toy</p>",
}
# They say nothing of toys, and each is some seconds of work.
LEFT_OUT: Final = ("cases", "loyalty", "nps", "scoring")
_SYNTHESISE: Final = """
import sys
from pathlib import Path
from infra.app import build_app
from infra.constructs.code import stage_code
from shared.core.settings import Settings
build_app(Settings(stage="prod"), outdir=sys.argv[1], is_deployable=False).synth()
for name in sys.argv[2:]:
    stage_code(name, Path(sys.argv[1], "zips", name))
"""


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """What is deployed from the tree with the toys in it."""
    folder, outdir = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("out")
    tree.copy_to(folder)
    for name in LEFT_OUT:
        shutil.rmtree(folder / "functions" / name)
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content.lstrip())
    tree.run(folder, _SYNTHESISE, str(outdir), "lend_toy", "describe_api", "register_customer", "record_purchase")
    return Assembly(outdir, Settings(stage="prod"))


def _of(assembly: Assembly, kind: str) -> list[Mapping[str, Any]]:
    """The properties of the toys' resources of a kind."""
    resources = assembly.template("Toys")["Resources"].values()
    return [resource["Properties"] for resource in resources if resource["Type"] == kind]


def test_the_toys_have_a_stack_with_their_functions_and_nag_says_nothing(assembly: Assembly) -> None:
    names = {function["FunctionName"] for function in _of(assembly, "AWS::Lambda::Function")}
    assert names == {
        f"regulars-prod-{name}" for name in ("lend_toy", "praise_buyers", "count_toys", "plan_tidying", "tidy_up")
    }
    report = json.loads((assembly.path / "validation-report.json").read_text())
    assert not [plugin for plugin in report["pluginReports"] if plugin.get("violations")]


def test_their_route_wants_its_scope_and_has_its_throttle(assembly: Assembly) -> None:
    (route,) = _of(assembly, "AWS::ApiGatewayV2::Route")
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /toys/{toy_id}/loans", "CUSTOM")
    (stage,) = (stage["Properties"] for _, stage in assembly.resources("AWS::ApiGatewayV2::Stage"))
    assert stage["RouteSettings"]["POST /toys/{toy_id}/loans"] == {
        "ThrottlingRateLimit": 1,
        "ThrottlingBurstLimit": 2,
    }


def test_their_queue_hears_the_fact(assembly: Assembly) -> None:
    queues = {queue["QueueName"]: queue for queue in _of(assembly, "AWS::SQS::Queue")}
    assert queues.keys() == {"regulars-prod-praise-buyers", "regulars-prod-praise-buyers-failed"}
    assert queues["regulars-prod-praise-buyers"]["RedrivePolicy"]["maxReceiveCount"] == 100
    (rule,) = _of(assembly, "AWS::Events::Rule")
    assert rule["EventBusName"] == "regulars-prod"
    assert rule["EventPattern"] == {"source": ["regulars"], "detail-type": ["PurchaseRecorded"]}


def test_their_schedules_and_their_job_are_there(assembly: Assembly) -> None:
    schedules = {
        properties["Name"]: properties["ScheduleExpression"] for properties in _of(assembly, "AWS::Scheduler::Schedule")
    }
    assert schedules == {
        "regulars-prod-count-toys": "rate(2 hours)",
        "regulars-prod-tidying": "cron(0 3 * * ? *)",
    }
    (machine,) = _of(assembly, "AWS::StepFunctions::StateMachine")
    assert machine["StateMachineName"] == "regulars-prod-tidying"
    assert '"MaxConcurrency":2' in json.dumps(machine["DefinitionString"]).replace("\\", "")


def test_they_may_do_what_their_wiring_says(assembly: Assembly) -> None:
    policies = {
        policy["PolicyName"]: json.dumps(policy["PolicyDocument"]) for policy in _of(assembly, "AWS::IAM::Policy")
    }
    (lending,) = (text for name, text in policies.items() if name.startswith("lendtoy"))
    assert '["dynamodb:GetItem", "dynamodb:PutItem"]' in lending
    assert "secretsmanager:GetSecretValue" in lending
    assert "ses:SendEmail" not in lending
    (sending,) = (name for name, text in policies.items() if "ses:SendEmail" in text)
    assert sending.startswith("praisebuyers")


def test_alarms_and_the_dashboard_know_them(assembly: Assembly) -> None:
    alarms = {
        alarm["Properties"]["AlarmName"]: alarm["Properties"]["AlarmDescription"]
        for _, alarm in assembly.resources("AWS::CloudWatch::Alarm")
    }
    assert alarms["regulars-prod-praise-buyers-failed"].startswith("Buyers are not praised")
    assert alarms["regulars-prod-count-toys-errors"].startswith("Toys are not counted")
    assert alarms["regulars-prod-tidying-failed"].startswith("Toys lie about")
    assert "regulars-prod-praise-buyers-waiting" in alarms
    ((_, dashboard),) = assembly.resources("AWS::CloudWatch::Dashboard")
    shown = json.dumps(dashboard)
    for name in ("lend_toy", "praise_buyers", "count_toys", "plan_tidying", "tidy_up", "praise-buyers", "tidying"):
        assert f"regulars-prod-{name}" in shown, name


def test_the_contract_describes_their_route(assembly: Assembly) -> None:
    zip_ = assembly.path / "zips" / "describe_api"
    contract = json.loads((zip_ / "functions/platform/describe_api/openapi.json").read_text())
    operation = contract["paths"]["/toys/{toy_id}/loans"]["post"]
    assert operation["operationId"] == "lendToy"
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/LoanPayload"
    }
    for status in ("200", "201"):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Loan"}


def test_their_zip_holds_their_package_and_other_zips_do_not(assembly: Assembly) -> None:
    own = assembly.path / "zips" / "lend_toy"
    assert {path.name for path in (own / "shared").iterdir()} == {"__init__.py", "core", "edge", "toys"}
    assert (own / "shared/toys/templates/toy.html").is_file()
    assert (own / "functions/toys/wiring.py").is_file()
    for name in ("register_customer", "record_purchase"):
        assert (assembly.path / "zips" / name / "shared/core").is_dir()
        assert not (assembly.path / "zips" / name / "shared/toys").exists()
