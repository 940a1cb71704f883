"""Every function is built alike, holds its own code and nothing else, and may do exactly what is listed here."""

import ast
import json
import os
import re
import stat
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from infra import FUNCTION_FOLDERS, ROOT
from infra.constructs import layer
from infra.constructs.function import module_of, stage_code
from tests.infra.conftest import Assembly

CHANGE: Final = {"GetItem", "PutItem"}
COUNT: Final = {"GetItem", "UpdateItem"}
CONSUME: Final = {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl"}
SECRET: Final = {"GetSecretValue"}

# What each function may do, on top of writing its own log and sending its traces.
GRANTS: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "authorize_request": {"customers": {"GetItem"}},
    "register_customer": {"customers": CHANGE, "signing key": SECRET},
    "confirm_signup": {"customers": CHANGE, "scorecards": {"UpdateItem"}, "signing key": SECRET},
    "manage_preferences": {"customers": CHANGE, "signing key": SECRET},
    "unsubscribe_customer": {"customers": CHANGE, "signing key": SECRET},
    "record_purchase": {"customers": CHANGE | {"Query"}, "scorecards": COUNT, "signing key": SECRET},
    "refund_purchase": {"customers": CHANGE, "scorecards": COUNT},
    "view_customer": {"customers": {"GetItem", "Query"}, "scorecards": {"GetItem"}},
    "report_segments": {"customers": {"GetItem"}},
    "report_forecast": {"customers": {"GetItem"}},
    "report_lifecycle": {"customers": {"GetItem"}},
    "report_cohorts": {"customers": {"GetItem"}},
    "start_rescoring": {"customers": {"PutItem"}, "rescoring": {"StartExecution"}},
    "view_rescoring": {"customers": {"Query"}, "rescoring executions": {"DescribeExecution"}},
    "configure_loyalty": {"customers": CHANGE | {"UpdateItem", "Query"}},
    "view_points": {"customers": CHANGE | {"Query"}, "signing key": SECRET},
    "adjust_points": {"customers": CHANGE | {"Query"}, "scorecards": {"UpdateItem"}},
    "redeem_reward": {"customers": CHANGE | {"UpdateItem", "Query"}},
    "show_points_page": {"customers": CHANGE | {"UpdateItem", "Query"}, "signing key": SECRET},
    "start_settlement": {"settlement": {"StartExecution"}},
    "report_loyalty": {"customers": {"GetItem"}},
    "configure_surveys": {"customers": CHANGE | {"Query"}, "signing key": SECRET},
    "start_invitations": {"invitations machine": {"StartExecution"}},
    "answer_survey": {
        "customers": CHANGE | {"UpdateItem", "BatchGetItem", "Query"},
        "scorecards": {"GetItem"},
        "signing key": SECRET,
    },
    "answer_anonymously": {"customers": CHANGE | {"UpdateItem"}, "signing key": SECRET},
    "take_complaint": {
        "customers": CHANGE | {"UpdateItem", "BatchGetItem"},
        "scorecards": {"GetItem"},
        "signing key": SECRET,
    },
    "manage_cases": {"customers": CHANGE | {"UpdateItem", "DeleteItem", "BatchGetItem", "Query"}},
    "report_nps": {"customers": {"Query"}},
    "send_survey_invitation": {
        "customers": CHANGE | {"BatchGetItem", "Query"},
        "signing key": SECRET,
        "surveys": CONSUME,
        "sender": {"SendEmail"},
    },
    "send_referral_invitation": {
        "customers": CHANGE | {"Query"},
        "signing key": SECRET,
        "promoters": CONSUME,
        "sender": {"SendEmail"},
    },
    "notify_marketer": {"customers": CHANGE, "cases": CONSUME, "sender": {"SendEmail"}},
    "watch_cases": {"customers": CHANGE | {"UpdateItem", "DeleteItem", "BatchGetItem", "Query"}},
    "plan_invitations": {"scorecards": {"DescribeTable"}},
    "decide_invitations": {
        "customers": CHANGE | {"UpdateItem", "BatchGetItem", "Query"},
        "scorecards": {"Scan"},
        "decisions": {"PutObject"},
    },
    "describe_api": {},
    "publish_changes": {
        "changes of customers": {"DescribeStream", "GetRecords", "GetShardIterator"},
        "everything": {"ListStreams"},
        "bus": {"PutEvents"},
        "publish-changes-failed": {"SendMessage", "GetQueueAttributes", "GetQueueUrl"},
    },
    "ingest_purchases": {
        "customers": CHANGE | {"Query"},
        "scorecards": COUNT,
        "signing key": SECRET,
        "purchases": CONSUME,
    },
    "send_confirmation": {
        "customers": CHANGE,
        "signing key": SECRET,
        "confirmations": CONSUME,
        "sender": {"SendEmail"},
    },
    "record_mail_events": {"customers": CHANGE, "feedback": CONSUME},
    "post_points": {"customers": CHANGE | {"Query"}, "scorecards": COUNT | {"ConditionCheckItem"}, "points": CONSUME},
    "send_points_reminder": {
        "customers": CHANGE | {"Query"},
        "signing key": SECRET,
        "reminders": CONSUME,
        "sender": {"SendEmail"},
    },
    "plan_settlement": {"scorecards": {"DescribeTable"}},
    "settle_points": {"customers": CHANGE | {"Query", "BatchGetItem"}, "scorecards": {"Scan"}},
    "close_settlement": {"customers": CHANGE},
    "plan_rescoring": {
        "customers": CHANGE | {"Query"},
        "scorecards": {"DescribeTable", "Scan"},
        "rescoring executions": {"DescribeExecution"},
    },
    "scan_scorecards": {"customers": {"PutItem"}, "scorecards": {"Scan"}, "rescorings": {"PutObject"}},
    "rank_scorecards": {"customers": {"GetItem"}, "rescorings": {"GetObject", "PutObject"}},
    "fit_forecaster": {"customers": {"PutItem"}, "rescorings": {"GetObject", "PutObject"}},
    "write_scores": {
        "customers": {"GetItem", "PutItem", "BatchWriteItem"},
        "scorecards": {"GetItem", "PartiQLUpdate", "Scan"},
        "rescorings": {"GetObject", "PutObject"},
    },
    "report_rescoring": {
        "customers": CHANGE | {"UpdateItem", "DeleteItem", "Query"},
        "rescorings": {"GetObject", "PutObject", "DeleteObject"},
        "snapshots": {"GetObject", "PutObject", "DeleteObject"},
    },
}

# Those that reckon with many customers at once have the layer of numpy and msgspec, and nobody else does.
NUMERIC: Final = {"scan_scorecards", "rank_scorecards", "fit_forecaster", "write_scores", "report_rescoring"}

# How a resource is written in a policy, and what it is called above; the first that fits.
_CALLED: Final = (
    (r'^"\*"$', "everything"),
    (r"CustomersD?\w*StreamArn", "changes of customers"),
    (r"OutputFnGetAttCustomers\w*Arn", "customers"),
    (r"OutputFnGetAttScorecards\w*Arn", "scorecards"),
    (r"OutputFnGetAttData\w*Arn.*/rescorings/\*", "rescorings"),
    (r"OutputFnGetAttData\w*Arn.*/scores/\*", "snapshots"),
    (r":execution:regulars-prod-rescoring:\*", "rescoring executions"),
    (r"SigningKey", "signing key"),
    (r'GetAtt": \["Bus', "bus"),
    (r"RefRescoring", "rescoring"),
    (r"RefSettlement", "settlement"),
    (r"RefInvitations", "invitations machine"),
    (r"OutputFnGetAttData\w*Arn.*/invitations/\*", "decisions"),
    (r"identity/\*|configuration-set/", "sender"),
    (r'GetAtt": \["publishchangesfailed', "publish-changes-failed"),
    (r'GetAtt": \["purchases\w*"', "purchases"),
    (r'GetAtt": \["confirmations[0-9A-F]{8}"', "confirmations"),
    (r'GetAtt": \["feedback[0-9A-F]{8}"', "feedback"),
    (r'GetAtt": \["points[0-9A-F]{8}"', "points"),
    (r'GetAtt": \["reminders[0-9A-F]{8}"', "reminders"),
    (r'GetAtt": \["surveys[0-9A-F]{8}"', "surveys"),
    (r'GetAtt": \["promoters[0-9A-F]{8}"', "promoters"),
    (r'GetAtt": \["cases[0-9A-F]{8}"', "cases"),
    (r'GetAtt": \["\w*logs', "own log"),
)


def _called(resource: object) -> str:
    text = json.dumps(resource)
    return next((name for pattern, name in _CALLED if re.search(pattern, text)), text)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _allowed(assembly: Assembly, role: str) -> dict[str, set[str]]:
    """What the policies of a role allow, by resource, without the service before the action's name."""
    allowed: defaultdict[str, set[str]] = defaultdict(set)
    for _, policy in assembly.resources("AWS::IAM::Policy"):
        if {"Ref": role} in policy["Properties"]["Roles"]:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for resource in _as_list(statement["Resource"]):
                    actions = {action.split(":")[1] for action in _as_list(statement["Action"])}
                    allowed[_called(resource)] |= actions
    return dict(allowed)


def test_every_folder_with_a_handler_is_a_function_and_every_function_has_its_list_of_grants(
    production: Assembly,
) -> None:
    folders = set(FUNCTION_FOLDERS)
    assert set(production.functions()) == folders == set(GRANTS)


@pytest.mark.parametrize("name", sorted(GRANTS))
def test_a_function_may_do_what_is_listed_and_nothing_else(production: Assembly, name: str) -> None:
    role = production.functions()[name]["Role"]["Fn::GetAtt"][0]
    allowed = _allowed(production, role)
    assert allowed.pop("own log") == {"CreateLogStream", "PutLogEvents"}
    allowed["everything"] -= {"PutTraceSegments", "PutTelemetryRecords"}
    assert {resource: actions for resource, actions in allowed.items() if actions} == GRANTS[name]


def test_mail_leaves_as_the_shops_sender_only(production: Assembly) -> None:
    statements = [
        statement
        for _, policy in production.resources("AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ses:SendEmail" in _as_list(statement["Action"])
    ]
    senders = [name for name, grants in GRANTS.items() if "sender" in grants]
    as_the_shop = {"StringEquals": {"ses:FromAddress": "hello@shop.example"}}
    assert [statement["Condition"] for statement in statements] == [as_the_shop] * len(senders)


def test_no_role_carries_a_policy_that_somebody_else_may_change(production: Assembly) -> None:
    roles = dict(production.resources("AWS::IAM::Role"))
    assert roles
    assert not [name for name, role in roles.items() if "ManagedPolicyArns" in role["Properties"]]


@pytest.mark.parametrize("name", sorted(GRANTS))
def test_a_zip_holds_its_own_function_and_what_all_share(production: Assembly, name: str) -> None:
    staged = production.asset(production.functions()[name]["Code"]["S3Key"])
    own = FUNCTION_FOLDERS[name]
    wanted = {
        path.relative_to(ROOT)
        for top in (own, ROOT / "shared")
        for path in top.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {(package / "__init__.py").relative_to(ROOT) for package in own.parents[:2]}
    assert {path.relative_to(staged) for path in staged.rglob("*") if path.is_file()} == wanted
    assert (staged / own.relative_to(ROOT) / "handler.py").read_text() == (own / "handler.py").read_text()


def test_what_lies_in_a_zip_may_be_read_by_whoever_runs_the_function(
    tmp_path: Path,
) -> None:
    before = os.umask(0o077)
    try:
        stage_code("describe_api", tmp_path)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.rglob("*")}
    assert modes == {(True, 0o755), (False, 0o644)}


def test_a_python_that_does_not_start_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, does in (("shim", "exit 127"), ("other", "echo 3.12")):
        (tmp_path / folder).mkdir()
        shim = tmp_path / folder / "python3.99"
        shim.write_text(f"#!/bin/sh\n{does}\n")
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'shim'}:{tmp_path / 'other'}:/usr/bin:/bin")
    assert layer.interpreter("3.99") is None
    layer.interpreter.cache_clear()
    (tmp_path / "other" / "python3.99").write_text("#!/bin/sh\necho 3.99\n")
    assert layer.interpreter("3.99") == str(tmp_path / "other" / "python3.99")


def test_without_a_python_to_compile_with_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(layer, "interpreter", lambda _: None)
    layer.say_that_nothing_compiles.cache_clear()
    assert layer.compile_command(is_local=False) == layer.compile_command(is_local=False) == []
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "uv python install 3.13" in told


def test_every_function_is_built_the_same_way(production: Assembly) -> None:
    log_groups = dict(production.resources("AWS::Logs::LogGroup"))
    for name, function in production.functions().items():
        assert function["Runtime"] == "python3.13", name
        assert function["Architectures"] == ["arm64"], name
        assert function["Handler"] == f"{module_of(name)}.handler"
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert function["LoggingConfig"]["LogFormat"] == "JSON", name
        log_group = log_groups[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
        assert log_group == {
            "LogGroupName": f"/aws/lambda/regulars-prod-{name}",
            "RetentionInDays": 90,
            "Tags": [{"Key": "regulars:stage", "Value": "prod"}],
        }
        assert len(function["Layers"]) == (2 if name in NUMERIC else 1), name
        assert "ReservedConcurrentExecutions" not in function, name


def test_a_function_is_told_of_what_it_may_use_and_of_nothing_else(production: Assembly) -> None:
    told_by = {
        "CUSTOMERS_TABLE": "customers",
        "SCORECARDS_TABLE": "scorecards",
        "SIGNING_KEY_SECRET": "signing key",
        "BUS_NAME": "bus",
        "CONFIGURATION_SET": "sender",
        "RESCORING_STATE_MACHINE_ARN": "rescoring",
        "SETTLEMENT_STATE_MACHINE_ARN": "settlement",
        "INVITATIONS_STATE_MACHINE_ARN": "invitations machine",
        "INVITATIONS_QUEUE_URL": "surveys",
    }
    for name, function in production.functions().items():
        variables = function["Environment"]["Variables"]
        assert {told_by[variable] for variable in told_by.keys() & variables.keys()} == (
            set(told_by.values()) & GRANTS[name].keys()
        ), name
        assert ("DATA_BUCKET" in variables) == bool({"rescorings", "decisions"} & GRANTS[name].keys()), name
        assert variables["POWERTOOLS_SERVICE_NAME"] == name
        assert variables["SHOP_NAME"] == "The Corner Shop"


def test_links_in_mails_lead_to_the_api_where_no_other_address_is_set(production: Assembly) -> None:
    functions = production.functions()
    assert "ApiEndpoint" in json.dumps(functions["send_confirmation"]["Environment"]["Variables"]["PUBLIC_URL"])


def test_the_layer_holds_wheels_for_the_machine_that_the_functions_run_on(production: Assembly) -> None:
    for logical_id, version in production.resources("AWS::Lambda::LayerVersion"):
        python = production.asset(version["Properties"]["Content"]["S3Key"]) / "python"
        assert (python / ("numpy" if logical_id.startswith("Numeric") else "pydantic")).is_dir()
        compiled = [path for path in python.rglob("*.so") if not path.parent.name.endswith(".libs")]
        assert compiled
        assert all("cpython-313-aarch64" in path.name for path in compiled), compiled
        assert not (python / "boto3").exists(), "it comes with the runtime"


def test_what_a_function_imports_lies_in_its_layers() -> None:
    for name in GRANTS:
        reached = _reached(module_of(name))
        assert bool(reached & {"numpy", "msgspec"}) == (name in NUMERIC), name
        assert not reached & {"pyarrow", "duckdb", "boto3"}, name


def _reached(module: str) -> set[str]:
    """The top levels of all that importing a module reads, as sources say; imports for types only do not count."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = ROOT / (name.replace(".", "/") + ".py")
        source = path if path.is_file() else ROOT / name.replace(".", "/") / "__init__.py"
        if source.is_file():
            waiting += _imports(ast.parse(source.read_text()))
    return {name.partition(".")[0] for name in seen}


def _imports(tree: ast.Module) -> list[str]:
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
