"""Every function is built alike and may do exactly what its wiring says."""

import json
import os
import re
import stat
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from aws_cdk import App, Stack

from infra import FUNCTION_FOLDERS, wirings
from infra.constructs import code, layer
from infra.constructs.code import module_of, stage_code, staged
from shared.edge.audit import KEEP_DAYS
from shared.edge.wiring import Function, Queue, Stream
from tests.infra.conftest import Assembly

CONSUME: Final = {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl"}
FUNCTIONS: Final = wirings.functions()

# Who may do what hurts most, by hand and not by wiring: to be changed with a second thought.
SENDERS: Final = {
    "send_confirmation",
    "send_points_reminder",
    "send_survey_invitation",
    "send_referral_invitation",
    "notify_marketer",
    "send_receipt",
}
READERS_OF_THE_SECRET: Final = {
    "register_customer",
    "confirm_signup",
    "manage_preferences",
    "unsubscribe_customer",
    "record_purchase",
    "ingest_purchases",
    "view_points",
    "show_points_page",
    "configure_surveys",
    "answer_survey",
    "answer_anonymously",
    "take_complaint",
    # These find a customer, or a mailbox, by its address.
    "view_customer",
    "record_mail_events",
    "post_points",
    *(SENDERS - {"notify_marketer", "send_receipt"}),
}
WRITERS_OF_SCORECARDS: Final = {
    "confirm_signup",
    "record_purchase",
    "refund_purchase",
    "ingest_purchases",
    "adjust_points",
    "post_points",
    "write_scores",
}
DELETERS: Final = {
    "manage_cases",
    "ask_recovery",
    "report_rescoring",
    "close_settlement",
    "close_invitations",
    "add_up_figures",
    "send_due_messages",
}
PUBLISHERS: Final = {"publish_changes"}
SCANNERS: Final = {
    "start_rescoring",
    "plan_rescoring",
    "plan_settlement",
    "plan_invitations",
    "scan_scorecards",
    "write_scores",
    "settle_points",
    "decide_invitations",
}
# What has no key of a caller's behind it; none of it may read more than it is asked for, or delete.
PUBLIC: Final = {
    "register_customer",
    "confirm_signup",
    "manage_preferences",
    "unsubscribe_customer",
    "show_points_page",
    "answer_survey",
    "answer_anonymously",
    "take_complaint",
    "describe_api",
}

# How a resource is written in a policy, and what it is called here; the first that fits.
_CALLED: Final = (
    (r'^"\*"$', "everything"),
    (r"CustomersD?\w*StreamArn", "changes of customers"),
    (r"OutputFnGetAttCustomers\w*Arn", "customers"),
    (r"OutputFnGetAttScorecards\w*Arn", "scorecards"),
    (r"OutputFnGetAttData\w*Arn.*/(\w+)/\*", r"folder \1"),
    (r":execution:regulars-prod-(\w+):\*", r"executions of \1"),
    (r":stateMachine:regulars-prod-(\w+)\"", r"start of \1"),
    (r"SigningKey", "signing key"),
    (r":event-bus/regulars-prod\"", "bus"),
    (r":sqs:.*:regulars-prod-([\w-]+)\"", r"queue \1"),
    (r":identity/\*|configuration-set/regulars-prod\"", "sender"),
    (r'GetAtt": \["\w*logs', "own log"),
)


def _called(assembly: Assembly, resource: object) -> str:
    text = json.dumps(resource)
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        queues = dict(assembly.resources("AWS::SQS::Queue"))
        queue = queues.get(resource["Fn::GetAtt"][0])
        if queue:
            return str(queue["Properties"]["QueueName"]).replace("regulars-prod-", "queue ")
    for pattern, name in _CALLED:
        match = re.search(pattern, text)
        if match:
            return match.expand(name)
    return text


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _allowed(assembly: Assembly, name: str) -> dict[str, set[str]]:
    """What a function's role allows, by resource, without the service before the action's name."""
    role = assembly.functions()[name]["Role"]["Fn::GetAtt"][0]
    allowed: defaultdict[str, set[str]] = defaultdict(set)
    for _, policy in assembly.resources("AWS::IAM::Policy"):
        if {"Ref": role} in policy["Properties"]["Roles"]:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for resource in _as_list(statement["Resource"]):
                    actions = {action.split(":")[1] for action in _as_list(statement["Action"])}
                    allowed[_called(assembly, resource)] |= actions
    allowed["everything"] -= {"PutTraceSegments", "PutTelemetryRecords"}
    return {resource: actions for resource, actions in allowed.items() if actions}


def _wired(function: Function) -> dict[str, set[str]]:
    """What a wiring gives its function, on top of writing its own log and sending its traces."""
    wired = {
        "own log": {"CreateLogStream", "PutLogEvents"},
        "customers": set(function.customers),
        "scorecards": set(function.scorecards),
        **{f"folder {folder}": set(function.bucket) for folder in function.folders},
        "signing key": {"GetSecretValue"} if function.signing_key else set(),
        "sender": {"SendEmail"} if function.sends_mail else set(),
        "bus": {"PutEvents"} if function.publishes else set(),
        f"start of {function.starts}": {"StartExecution"} if function.starts else set(),
        f"executions of {function.watches}": {"DescribeExecution"} if function.watches else set(),
    }
    if function.sends_due:
        wired |= {f"queue {name}": {"SendMessage", "GetQueueUrl"} for name in wirings.waiting_queues()}
    for trigger in function.triggers:
        if isinstance(trigger, Queue):
            wired[f"queue {function.queue_name(trigger)}"] = CONSUME
            wired[f"queue {function.queue_name(trigger)}-failed"] = {"SendMessage", "GetQueueUrl"}
        elif isinstance(trigger, Stream):
            wired |= {
                "changes of customers": {"DescribeStream", "GetRecords", "GetShardIterator"},
                "everything": {"ListStreams"},
                "queue publish-changes-failed": {"SendMessage", "GetQueueAttributes", "GetQueueUrl"},
            }
    return {resource: actions for resource, actions in wired.items() if actions}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_may_do_what_its_wiring_says_and_nothing_else(production: Assembly, name: str) -> None:
    assert _allowed(production, name) == _wired(FUNCTIONS[name])


def test_a_function_touches_only_the_partitions_of_its_wiring(production: Assembly) -> None:
    for name, function in FUNCTIONS.items():
        role = production.functions()[name]["Role"]["Fn::GetAtt"][0]
        conditions = [
            statement.get("Condition")
            for _, policy in production.resources("AWS::IAM::Policy")
            if {"Ref": role} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if _called(production, statement["Resource"]) == "customers"
        ]
        leading = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(function.partitions)}}
        assert conditions == ([leading if function.partitions else None] if function.customers else [])


def test_what_strangers_call_touches_no_api_keys() -> None:
    for name in PUBLIC:
        function = FUNCTIONS[name]
        assert bool(function.partitions) == bool(function.customers)
        assert not any(fnmatchcase(key, pattern) for pattern in function.partitions for key in ("KEY#x", "KEYS"))


def _who_may(assembly: Assembly, resource: str, *actions: str) -> set[str]:
    return {
        name
        for name in FUNCTIONS
        for what, may in _allowed(assembly, name).items()
        if re.fullmatch(resource, what) and may & set(actions)
    }


def test_few_functions_may_do_what_hurts_most(production: Assembly) -> None:
    assert _who_may(production, "sender", "SendEmail") == SENDERS
    assert _who_may(production, "signing key", "GetSecretValue") == READERS_OF_THE_SECRET
    writes = ("PutItem", "UpdateItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLInsert", "PartiQLDelete")
    assert _who_may(production, "scorecards", *writes) == WRITERS_OF_SCORECARDS
    deletes = ("DeleteItem", "PartiQLDelete", "DeleteObject", "DeleteTable", "DeleteBucket")
    assert _who_may(production, ".*", *deletes) == DELETERS
    assert _who_may(production, "bus", "PutEvents") == PUBLISHERS
    assert _who_may(production, ".*", "Scan", "PartiQLSelect") == SCANNERS


def test_what_needs_no_key_neither_scans_nor_deletes_nor_starts_jobs(production: Assembly) -> None:
    assert {name for name, function in FUNCTIONS.items() if any(not route.scope for route in function.routes)} == PUBLIC
    for name in PUBLIC:
        actions = set[str]().union(*_allowed(production, name).values())
        assert actions <= {
            *("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query", "GetSecretValue"),
            *("CreateLogStream", "PutLogEvents"),
        }, name


def test_every_folder_with_a_handler_is_a_function(production: Assembly) -> None:
    assert set(production.functions()) == set(FUNCTION_FOLDERS) == set(FUNCTIONS)


def test_a_schedule_may_start_its_own_target_only(production: Assembly) -> None:
    schedules = [schedule["Properties"]["Target"] for _, schedule in production.resources("AWS::Scheduler::Schedule")]
    assert len(schedules) == 6
    for target in schedules:
        role = target["RoleArn"]["Fn::GetAtt"][0]
        (statements,) = (
            policy["Properties"]["PolicyDocument"]["Statement"]
            for _, policy in production.resources("AWS::IAM::Policy")
            if policy["Properties"]["Roles"] == [{"Ref": role}]
        )
        action = "states:StartExecution" if "stateMachine" in json.dumps(target["Arn"]) else "lambda:InvokeFunction"
        allowed = [(statement["Action"], statement["Resource"]) for statement in statements]
        assert allowed == [(action, target["Arn"]), ("sqs:SendMessage", target["DeadLetterConfig"]["Arn"])]
        assert "regulars-prod-schedules-failed" in json.dumps(target["DeadLetterConfig"])


def test_mail_leaves_as_the_shops_sender_only(production: Assembly) -> None:
    statements = [
        statement
        for _, policy in production.resources("AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ses:SendEmail" in _as_list(statement["Action"])
    ]
    as_the_shop = {"StringEquals": {"ses:FromAddress": "hello@shop.example"}}
    assert [statement["Condition"] for statement in statements] == [as_the_shop] * len(SENDERS)


def test_no_role_carries_a_policy_that_somebody_else_may_change(production: Assembly) -> None:
    roles = dict(production.resources("AWS::IAM::Role"))
    assert roles
    assert not [name for name, role in roles.items() if "ManagedPolicyArns" in role["Properties"]]


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


def test_the_hash_of_a_zip_is_that_of_its_sources_compiled_or_not() -> None:
    compiled, again = staged("describe_api", sys.executable), staged.__wrapped__("describe_api", sys.executable)
    assert [path.suffix for path in compiled.folder.rglob("*handler*") if path.is_file()] == [".py", ".pyc"]
    assert again.folder != compiled.folder
    assert again.fingerprint == compiled.fingerprint
    assert staged("describe_api").fingerprint != compiled.fingerprint
    assert not list(staged("describe_api").folder.rglob("*.pyc"))


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


def test_the_hash_of_a_layer_does_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    command = layer.compile_command(is_local=False)
    monkeypatch.setattr(layer, "interpreter", lambda _: None)
    assert layer.compile_command(is_local=False) == command
    assert command[0] == "python3.13"


@pytest.mark.parametrize("has_network", [True, False])
def test_a_python_that_is_missing_is_got_by_uv_or_stops_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_network: bool
) -> None:
    installs = f"printf '#!/bin/sh\\necho 3.98\\n' > {tmp_path}/python3.98; chmod +x {tmp_path}/python3.98"
    uv = tmp_path / "uv"
    uv.write_text(
        "#!/bin/sh\n"
        'if [ "$2" = install ]; then\n'
        f"  {installs if has_network else 'echo no route >&2; exit 1'}\n"
        "else exit 2; fi\n"
    )
    uv.chmod(0o755)
    monkeypatch.setattr(layer, "_UV", uv)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    layer.interpreter.cache_clear()
    layer.compiler.cache_clear()
    if has_network:
        assert layer.compiler("3.98") == str(tmp_path / "python3.98")
    else:
        with pytest.raises(RuntimeError, match=r"install Python 3\.98 and deploy again\. no route"):
            layer.compiler("3.98")
    layer.interpreter.cache_clear()
    layer.compiler.cache_clear()


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
            "RetentionInDays": KEEP_DAYS if any(route.scope for route in FUNCTIONS[name].routes) else 90,
            "Tags": [{"Key": "regulars:stage", "Value": "prod"}],
        }
        assert len(function["Layers"]) == 1 + len(FUNCTIONS[name].layers), name
        reserved = 20 if name in ("authorize_request", "record_purchase") else None
        assert function.get("ReservedConcurrentExecutions") == reserved, name


def test_a_functions_environment_names_what_it_may_use_alone(production: Assembly) -> None:
    for name, function in production.functions().items():
        wired, variables = FUNCTIONS[name], function["Environment"]["Variables"]
        settings = production.settings.to_environment().keys()
        named = {
            "CUSTOMERS_TABLE": wired.customers,
            "SCORECARDS_TABLE": wired.scorecards,
            "DATA_BUCKET": wired.bucket,
            "SIGNING_KEY_SECRET": wired.signing_key,
            "BUS_NAME": wired.publishes,
            "CONFIGURATION_SET": wired.sends_mail,
            "RESCORING_STATE_MACHINE_ARN": wired.starts == "rescoring",
            "SETTLEMENT_STATE_MACHINE_ARN": wired.starts == "settlement",
            "INVITATIONS_STATE_MACHINE_ARN": wired.starts == "invitations",
            "FAILED_QUEUE_URL": name == "publish_changes",
        }
        own = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL"}
        assert variables.keys() - settings - own == {variable for variable, uses in named.items() if uses}, name
        assert bool(variables["PUBLIC_URL"]) == (wired.links or wired.sends_mail), name
        assert variables["POWERTOOLS_SERVICE_NAME"] == name
        assert variables["SHOP_NAME"] == "The Corner Shop"


def test_links_in_mails_lead_to_the_api_where_no_other_address_is_set(production: Assembly) -> None:
    functions = production.functions()
    assert "ApiEndpoint" in json.dumps(functions["send_confirmation"]["Environment"]["Variables"]["PUBLIC_URL"])


@pytest.mark.parametrize(("requirements", "package"), [("layer", "pydantic"), ("numeric", "numpy")])
def test_the_layer_holds_wheels_for_the_machine_that_the_functions_run_on(
    production: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requirements: str, package: str
) -> None:
    # Not every machine has the Python that compiles.
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\ntouch "$6/compiled-by-$2"\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(layer, "compiler", lambda _: str(stand_in))
    app = App(outdir=str(tmp_path), analytics_reporting=False, builtin_cloud_formation_validation=False)
    layer.DependencyLayer.of(Stack(app, "Layers"), requirements, settings=production.settings)
    app.synth()
    assert requirements in wirings.requirements()
    for python in tmp_path.glob("asset.*/python"):
        assert (python / package).is_dir()
        compiled = [path for path in python.rglob("*.so") if not path.parent.name.endswith(".libs")]
        assert compiled
        assert all("cpython-313-aarch64" in path.name for path in compiled), compiled
        assert not (python / "boto3").exists(), "it comes with the runtime"
        assert (python / "compiled-by-compileall").exists()


def test_what_a_function_imports_lies_in_its_layers() -> None:
    for name, function in FUNCTIONS.items():
        files = code.imported_files(code.module_of(name))
        reached = {imported.partition(".")[0] for file in files for imported in code.imports(file)}
        assert bool(reached & {"numpy", "msgspec"}) == ("numeric" in function.layers), name
        assert not reached & {"pyarrow", "duckdb", "boto3", "infra", "cli"}, name
