"""What the stacks protect, connect and watch."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from infra import ROOT, app, wirings
from shared.edge.wiring import Queue, Schedule, Stream
from tests.infra.conftest import Assembly

ROUTES = [route for function in wirings.functions().values() for route in function.routes]


def _only(assembly: Assembly, kind: str) -> Mapping[str, Any]:
    ((_, resource),) = assembly.resources(kind)
    properties: Mapping[str, Any] = resource["Properties"]
    return properties


def test_cdk_nag_has_nothing_to_say_in_either_stage(production: Assembly, local: Assembly) -> None:
    for assembly in (production, local):
        report = json.loads((assembly.path / "validation-report.json").read_text())
        findings = [plugin for plugin in report["pluginReports"] if plugin.get("violations")]
        assert findings == []


def test_on_aws_the_data_outlives_its_stack(production: Assembly) -> None:
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret")
    kept = [resource for kind in kinds for _, resource in production.resources(kind)]
    assert len(kept) == 4
    assert {(resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) for resource in kept} == {
        ("Retain", "Retain")
    }


def test_the_key_of_ids_is_generated_as_ever_or_cloudformation_would_replace_it(production: Assembly) -> None:
    ((logical_id, secret),) = production.resources("AWS::SecretsManager::Secret")
    assert logical_id == "SigningKeyEEFC2790"
    assert secret["Properties"]["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}


def test_the_stack_of_the_data_is_protected_on_aws_and_can_be_thrown_away_at_home(
    production: Assembly, local: Assembly
) -> None:
    for assembly, protected in ((production, True), (local, False)):
        manifest = json.loads((assembly.path / "manifest.json").read_text())
        stack = manifest["artifacts"][f"Regulars-{assembly.settings.stage}-Data"]
        assert stack["properties"]["terminationProtection"] is protected


def test_on_aws_both_tables_are_paid_by_use_restorable_and_protected_from_deletion(production: Assembly) -> None:
    tables = [resource["Properties"] for _, resource in production.resources("AWS::DynamoDB::Table")]
    assert len(tables) == 2
    for table in tables:
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] is True


def test_the_local_tables_can_be_thrown_away(local: Assembly) -> None:
    for _, table in local.resources("AWS::DynamoDB::Table"):
        assert table["DeletionPolicy"] == "Delete"
        assert table["Properties"]["DeletionProtectionEnabled"] is False


def test_customers_items_may_end_and_their_changes_are_streamed(production: Assembly) -> None:
    customers, scorecards = sorted(
        (table["Properties"] for _, table in production.resources("AWS::DynamoDB::Table")),
        key=lambda table: "StreamSpecification" not in table,
    )
    assert [key["AttributeName"] for key in customers["KeySchema"]] == ["pk", "sk"]
    assert customers["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert customers["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert [key["AttributeName"] for key in scorecards["KeySchema"]] == ["customer_id"]
    assert "StreamSpecification" not in scorecards


def test_the_bucket_is_private_and_expires_rescorings_and_decisions(
    production: Assembly,
) -> None:
    bucket = _only(production, "AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    rules = {rule["Prefix"]: rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules == {"rescorings/": 30, "scores/": 400, "invitations/": 365, "facts/": 400}
    assert "aws:SecureTransport" in json.dumps(_only(production, "AWS::S3::BucketPolicy"))


def test_the_api_has_the_routes_of_the_contract_and_their_keys(
    production: Assembly,
) -> None:
    routes = {
        route["Properties"]["RouteKey"]: route["Properties"].get("AuthorizationType", "NONE")
        for _, route in production.resources("AWS::ApiGatewayV2::Route")
    }
    assert routes == {route.key: "CUSTOM" if route.scope else "NONE" for route in ROUTES}


def test_each_route_calls_its_function_which_lies_in_the_same_stack(production: Assembly) -> None:
    for capability in wirings.capabilities():
        template = production.template(capability.name.capitalize())["Resources"]
        routes = [
            resource["Properties"] for resource in template.values() if resource["Type"] == "AWS::ApiGatewayV2::Route"
        ]
        called = {}
        for route in routes:
            integration = template[route["Target"]["Fn::Join"][1][1]["Ref"]]["Properties"]["IntegrationUri"]
            called[route["RouteKey"]] = template[integration["Fn::GetAtt"][0]]["Properties"]["FunctionName"]
        assert called == {
            route.key: f"regulars-prod-{function.name}"
            for function in capability.functions
            for route in function.routes
        }


def test_the_gateway_has_one_permission_for_each_function(production: Assembly) -> None:
    invoked = [
        (permission["Properties"]["FunctionName"]["Fn::GetAtt"][0], json.dumps(permission["Properties"]["SourceArn"]))
        for _, permission in production.resources("AWS::Lambda::Permission")
    ]
    answering = {function.name for function in wirings.functions().values() if function.routes}
    functions = dict(production.resources("AWS::Lambda::Function"))
    names = [functions[name]["Properties"]["FunctionName"].removeprefix("regulars-prod-") for name, _ in invoked]
    assert sorted(names) == sorted(answering | {"authorize_request"})
    # Of this API and of no other.
    assert all("ExportsOutputRefApi" in source for _, source in invoked)


def test_the_authorizer_calls_its_function_by_name(production: Assembly) -> None:
    authorizer = _only(production, "AWS::ApiGatewayV2::Authorizer")
    assert ":function:regulars-prod-authorize_request/invocations" in json.dumps(authorizer["AuthorizerUri"])


def test_the_api_is_opened_after_everything_behind_it_is_there(production: Assembly) -> None:
    manifest = json.loads((production.path / "manifest.json").read_text())
    needed = set(manifest["artifacts"]["Regulars-prod-Stage"]["dependencies"])
    assert {f"Regulars-prod-{capability.name.capitalize()}" for capability in wirings.capabilities()} <= needed


def test_stacks_import_only_what_has_no_fixed_name(production: Assembly) -> None:
    exported = {}
    for path in production.path.glob("*.template.json"):
        template = json.loads(path.read_text())
        for output in template.get("Outputs", {}).values():
            if "Export" in output:
                exported[output["Export"]["Name"]] = path.name.removesuffix(".template.json")
    assert sorted(exported.values()) == ["Regulars-prod-Api"] * 3 + ["Regulars-prod-Data"] * 8
    assert any("ApiEndpoint" in name for name in exported)


def test_the_local_stacks_have_no_alarm_that_the_local_aws_refuses(production: Assembly, local: Assembly) -> None:
    def reckoning(assembly: Assembly) -> int:
        return sum("Metrics" in alarm["Properties"] for _, alarm in assembly.resources("AWS::CloudWatch::Alarm"))

    assert reckoning(production)
    assert not reckoning(local)


def test_a_public_address_takes_no_export_back(production: Assembly, local: Assembly) -> None:
    def exports(assembly: Assembly, stack: str) -> set[str]:
        outputs = assembly.template(stack)["Outputs"]
        return {name for name in outputs if name.startswith("Exports")}

    assert (production.settings.public_url, local.settings.public_url) == ("", "http://localhost:4566")
    for stack in ("Api", "Data"):
        assert exports(local, stack) == exports(production, stack)


def test_the_api_throttles_logs_without_addresses_and_answers_only_allowed_origins(production: Assembly) -> None:
    stage = _only(production, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 200, "ThrottlingRateLimit": 100}
    assert set(json.loads(stage["AccessLogSettings"]["Format"]).values()).isdisjoint(
        {"$context.path", "$context.identity.sourceIp"}
    )
    assert _only(production, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]["AllowOrigins"] == ["https://shop.example"]


def test_every_public_route_has_a_throttle_of_its_own(production: Assembly) -> None:
    throttled = _only(production, "AWS::ApiGatewayV2::Stage")["RouteSettings"]
    assert throttled.keys() == {key for key, route in wirings.routes().items() if route.scope is None}
    for route in ("POST /signups", "POST /feedback/{token}", "POST /complaints"):
        assert throttled[route] == {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20}
    # Strangers at a single route leave most of the API's hundred to the others.
    assert all(limits["ThrottlingRateLimit"] <= 20 for limits in throttled.values())


def test_the_access_log_names_the_key(production: Assembly) -> None:
    stage = _only(production, "AWS::ApiGatewayV2::Stage")
    assert json.loads(stage["AccessLogSettings"]["Format"])["keyId"] == "$context.authorizer.key_id"


def test_without_allowed_origins_no_page_of_another_origin_may_call(local: Assembly) -> None:
    assert "CorsConfiguration" not in _only(local, "AWS::ApiGatewayV2::Api")


def test_a_key_is_looked_up_every_five_minutes_on_aws_and_always_at_home(production: Assembly, local: Assembly) -> None:
    authorizers = [_only(assembly, "AWS::ApiGatewayV2::Authorizer") for assembly in (production, local)]
    assert [authorizer["AuthorizerResultTtlInSeconds"] for authorizer in authorizers] == [300, 0]
    assert all(authorizer["EnableSimpleResponses"] for authorizer in authorizers)
    assert all(authorizer["IdentitySource"] == ["$request.header.Authorization"] for authorizer in authorizers)


def test_only_new_facts_are_published_and_what_fails_for_hours_is_put_aside(production: Assembly) -> None:
    (stream,) = (
        mapping["Properties"]
        for _, mapping in production.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" in mapping["Properties"]
    )
    (pattern,) = stream["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "FACT#"}]}}},
    }
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    # Well within the day for which the stream keeps it, so that it can be read there again.
    assert (stream["MaximumRetryAttempts"], stream["MaximumRecordAgeInSeconds"]) == (-1, 6 * 3600)
    failed = stream["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    variables = production.functions()["publish_changes"]["Environment"]["Variables"]
    assert variables["FAILED_QUEUE_URL"] == {"Ref": failed}


def test_every_consumed_queue_reports_single_failures_and_has_a_dlq(production: Assembly) -> None:
    queues = dict(production.resources("AWS::SQS::Queue"))
    mappings = [
        mapping["Properties"]
        for _, mapping in production.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" not in mapping["Properties"]
    ]
    names = set()
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        failed = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]
        assert failed["QueueName"] == f"{queue['QueueName']}-failed"
        assert failed["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"
        assert failed["MessageRetentionPeriod"] == 14 * 24 * 3600
        names.add(queue["QueueName"].removeprefix("regulars-prod-"))
    letters = {"confirmations", "reminders", "surveys", "promoters", "cases", "receipts"}
    assert names == {"purchases", "points", "imported-points", "feedback", "overdue", *letters}


def test_a_mail_outlives_hours_without_ses_and_a_long_queue_leaves_room_for_the_api(production: Assembly) -> None:
    queues = {
        name: queue["Properties"]
        for name, queue in production.resources("AWS::SQS::Queue")
        if "RedrivePolicy" in queue["Properties"]
    }
    by_name = {queue["QueueName"].removeprefix("regulars-prod-"): queue for queue in queues.values()}
    for name in ("confirmations", "reminders", "surveys", "promoters", "cases"):
        assert by_name[name]["RedrivePolicy"]["maxReceiveCount"] * by_name[name]["VisibilityTimeout"] >= 5 * 3600
    assert {queue["MessageRetentionPeriod"] for queue in queues.values()} == {14 * 24 * 3600}
    at_once = {
        queues[mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]]["QueueName"]: mapping["Properties"][
            "ScalingConfig"
        ]["MaximumConcurrency"]
        for _, mapping in production.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" not in mapping["Properties"]
    }
    assert {name.removeprefix("regulars-prod-"): number for name, number in at_once.items()} == {
        "purchases": 5,
        "points": 5,
        "imported-points": 2,
        "overdue": 2,
        "receipts": 2,
        "confirmations": 2,
        "reminders": 2,
        "surveys": 2,
        "promoters": 2,
        "cases": 2,
        "feedback": 2,
    }


def test_every_queue_is_encrypted_and_refuses_plain_http(production: Assembly) -> None:
    queues = dict(production.resources("AWS::SQS::Queue"))
    refusing = {
        queue["Ref"]
        for _, policy in production.resources("AWS::SQS::QueuePolicy")
        if "aws:SecureTransport" in json.dumps(policy)
        for queue in policy["Properties"]["Queues"]
    }
    assert refusing == set(queues)
    assert all(queue["Properties"]["SqsManagedSseEnabled"] for queue in queues.values())


def _alarms(assembly: Assembly) -> dict[str, Mapping[str, Any]]:
    return {
        alarm["Properties"]["AlarmName"].removeprefix("regulars-prod-"): alarm["Properties"]
        for _, alarm in assembly.resources("AWS::CloudWatch::Alarm")
    }


def test_alarms_tell_of_what_waits_and_of_what_failed(production: Assembly) -> None:
    queues = {queue["Properties"]["QueueName"] for _, queue in production.resources("AWS::SQS::Queue")}
    failed = {name.removeprefix("regulars-prod-") for name in queues if name.endswith("-failed")}
    assert len(failed) == 13
    jobs = ("rescoring", "settlement", "invitations")
    alarms = _alarms(production)
    assert alarms.keys() == {
        *failed,
        *(f"{name}-waiting" for name in ("confirmations", "reminders", "surveys", "promoters", "cases", "receipts")),
        *(f"{job}-{end}" for job in jobs for end in ("failed", "missing")),
        *("send-due-messages-errors", "ask-recovery-errors", "add-up-figures-errors", "waiting"),
        *("stream-lag", "throttles", "api-errors"),
        *("bounces", "complaints", "confirmation-ceiling-reached"),
    }
    for name in failed:
        assert alarms[name]["Dimensions"] == [{"Name": "QueueName", "Value": f"regulars-prod-{name}"}]
        assert alarms[name]["MetricName"] == "ApproximateNumberOfMessagesVisible"
    for job in jobs:
        assert f':stateMachine:regulars-prod-{job}"' in json.dumps(alarms[f"{job}-missing"]["Dimensions"])
    topic = next(name for name, _ in production.resources("AWS::SNS::Topic") if name.startswith("Alarms"))
    assert all(alarm["AlarmActions"] == [{"Ref": topic}] for alarm in alarms.values())
    assert any(
        subscription["Properties"]["Protocol"] == "email"
        and subscription["Properties"]["Endpoint"] == "owner@shop.example"
        for _, subscription in production.resources("AWS::SNS::Subscription")
    )


def test_an_alarm_counts_the_mails_that_wait_for_hours(production: Assembly) -> None:
    filters = [each["Properties"] for _, each in production.resources("AWS::Logs::MetricFilter")]
    metric = {"MetricName": "regulars-prod-waiting", "MetricNamespace": "Regulars", "MetricValue": "1"}
    assert [each["MetricTransformations"] for each in filters] == [[metric]] * 6
    assert {each["FilterPattern"] for each in filters} == {'{ $.message = "message waits for hours" }'}
    alarm = _alarms(production)["waiting"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Regulars", "regulars-prod-waiting", "Sum")


def _read_by(alarm: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The metrics that an alarm computes with and their statistics, by the names that its expression has for them."""
    return {
        metric["Id"]: (metric["MetricStat"]["Metric"]["MetricName"], metric["MetricStat"]["Stat"])
        for metric in alarm["Metrics"]
        if "MetricStat" in metric
    }


def test_mails_that_fail_over_and_over_are_an_alarm_though_in_flight(production: Assembly) -> None:
    alarm = _alarms(production)["confirmations-waiting"]
    assert _read_by(alarm) == {
        "waiting": ("ApproximateNumberOfMessagesVisible", "Average"),
        "in_flight": ("ApproximateNumberOfMessagesNotVisible", "Average"),
    }
    assert [metric["Expression"] for metric in alarm["Metrics"] if "Expression" in metric] == ["waiting + in_flight"]
    assert all(metric["MetricStat"]["Period"] == 300 for metric in alarm["Metrics"] if "MetricStat" in metric)
    # A single message, neither more nor less, that comes again and again.
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (3, 3)
    assert 0 < alarm["Threshold"] < 1


def test_a_night_without_a_run_is_an_alarm_and_so_is_one_that_somebody_ended(production: Assembly) -> None:
    missing, failed = (_alarms(production)[f"rescoring-{end}"] for end in ("missing", "failed"))
    assert (missing["MetricName"], missing["Period"], missing["EvaluationPeriods"]) == ("ExecutionsSucceeded", 3600, 26)
    assert (missing["ComparisonOperator"], missing["Threshold"]) == ("LessThanThreshold", 1)
    # Step Functions reports nothing where nothing runs.
    assert missing["TreatMissingData"] == "breaching"
    (expression,) = (metric["Expression"] for metric in failed["Metrics"] if "Expression" in metric)
    assert expression == "FILL(failed, 0) + FILL(timed_out, 0) + FILL(aborted, 0)"
    assert {name for name, _ in _read_by(failed).values()} == {
        *("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"),
    }


def test_bounces_and_complaints_are_an_alarm_before_aws_looks_into_them(production: Assembly) -> None:
    alarms = _alarms(production)
    for name, metric, review in (("bounces", "BounceRate", 0.05), ("complaints", "ComplaintRate", 0.001)):
        alarm = alarms[name]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SES", f"Reputation.{metric}")
        assert "Dimensions" not in alarm
        assert alarm["Threshold"] < review
        assert alarm["TreatMissingData"] == "ignore"


def test_what_passes_by_itself_is_no_alarm(production: Assembly) -> None:
    alarms = _alarms(production)
    assert {
        name: (alarms[name]["DatapointsToAlarm"], alarms[name]["EvaluationPeriods"])
        for name in ("api-errors", "throttles", "stream-lag")
    } == {"api-errors": (2, 3), "throttles": (3, 3), "stream-lag": (2, 2)}
    # Lambda tries a start by a schedule three times.
    assert (alarms["ask-recovery-errors"]["Threshold"], alarms["ask-recovery-errors"]["Period"]) == (2, 3600)


def test_every_alarm_names_its_entry_in_the_guide_and_every_entry_has_an_alarm(production: Assembly) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    section = guide.partition("\n## What each alarm means and what to do\n")[2].partition("\n## ")[0]
    entries = re.findall(r"^### ([a-z-]+)$", section, re.MULTILINE)
    named = {
        name: re.findall(r"\(docs/operations\.md#([a-z-]+)\)$", alarm["AlarmDescription"])
        for name, alarm in _alarms(production).items()
    }
    assert all(len(anchors) == 1 for anchors in named.values())
    # The budget is no alarm of CloudWatch's.
    assert {anchor for (anchor,) in named.values()} | {"budget"} == set(entries)
    assert len(entries) == len(set(entries))


def test_the_readme_says_what_the_alarms_cost(production: Assembly) -> None:
    read = sum(len(_read_by(alarm)) if "Metrics" in alarm else 1 for alarm in _alarms(production).values())
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"the alarms beyond the account's ten free ones (0.10 USD each, {read - 10} of them)" in readme


def test_a_budget_mails_what_the_month_costs_and_is_expected_to_cost(production: Assembly, local: Assembly) -> None:
    (budget,) = (resource["Properties"] for _, resource in production.resources("AWS::Budgets::Budget"))
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    assert {
        (notice["Notification"]["NotificationType"], subscriber["Address"])
        for notice in budget["NotificationsWithSubscribers"]
        for subscriber in notice["Subscribers"]
    } == {("ACTUAL", "owner@shop.example"), ("FORECASTED", "owner@shop.example")}
    assert not list(local.resources("AWS::Budgets::Budget"))


def test_whatever_no_request_waits_for_says_what_its_failing_means() -> None:
    for function in wirings.functions().values():
        if any(isinstance(trigger, Queue | Stream | Schedule) for trigger in function.triggers):
            assert function.alarm, function.name
    assert all(job.alarm for capability in wirings.capabilities() for job in capability.jobs)


def _dashboard(assembly: Assembly) -> list[Mapping[str, Any]]:
    (body,) = _only(assembly, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1:]
    widgets: list[Mapping[str, Any]] = json.loads("".join(part if isinstance(part, str) else "X" for part in body))[
        "widgets"
    ]
    return widgets


def test_the_dashboard_is_within_what_is_free(production: Assembly) -> None:
    assert 0 < sum(len(widget["properties"]["metrics"]) for widget in _dashboard(production)) <= 50


def test_the_dashboard_shows_every_function_queue_and_job(production: Assembly) -> None:
    text = json.dumps(_dashboard(production)).replace("\\", "")
    for name in production.functions():
        assert f'"regulars-prod-{name}"' in text, name
    for _, queue in production.resources("AWS::SQS::Queue"):
        assert f'"{queue["Properties"]["QueueName"]}"' in text
    for _, machine in production.resources("AWS::StepFunctions::StateMachine"):
        assert f':stateMachine:{machine["Properties"]["StateMachineName"]}"' in text
    searches = [
        metric[0]["expression"]
        for widget in _dashboard(production)
        for metric in widget["properties"]["metrics"]
        if isinstance(metric[0], dict)
    ]
    assert searches
    assert all(len(search) <= 1_024 for search in searches)


def test_without_an_address_nobody_is_mailed_alarms(local: Assembly) -> None:
    protocols = {
        subscription["Properties"]["Protocol"] for _, subscription in local.resources("AWS::SNS::Subscription")
    }
    assert protocols == {"sqs"}


def test_what_is_due_is_looked_for_every_minute(production: Assembly) -> None:
    schedules = [schedule["Properties"] for _, schedule in production.resources("AWS::Scheduler::Schedule")]
    expressions = {schedule["Name"]: schedule["ScheduleExpression"] for schedule in schedules}
    assert expressions["regulars-prod-send-due-messages"] == "rate(1 minute)"


@pytest.mark.parametrize(
    ("name", "time", "payload"),
    [
        ("rescoring", "cron(0 4 * * ? *)", {}),
        ("settlement", "cron(0 7 * * ? *)", {}),
        ("invitations", "cron(0 8 * * ? *)", {}),
    ],
)
def test_what_runs_every_night_starts_in_the_shops_own_time_zone(
    production: Assembly, name: str, time: str, payload: object
) -> None:
    schedules = [schedule["Properties"] for _, schedule in production.resources("AWS::Scheduler::Schedule")]
    (schedule,) = [schedule for schedule in schedules if schedule["Name"] == f"regulars-prod-{name}"]
    assert schedule["ScheduleExpression"] == time
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(schedule["Target"]["Input"]) == payload
    assert f":stateMachine:regulars-prod-{name}" in json.dumps(schedule["Target"]["Arn"])


def _machine(assembly: Assembly, name: str) -> Mapping[str, Any]:
    resources = assembly.resources("AWS::StepFunctions::StateMachine")
    machines: list[Mapping[str, Any]] = [machine["Properties"] for _, machine in resources]
    assert len(machines) == 3
    (machine,) = [machine for machine in machines if machine["StateMachineName"] == f"regulars-prod-{name}"]
    return machine


def _definition(assembly: Assembly, name: str) -> Mapping[str, Any]:
    joined = _machine(assembly, name)["DefinitionString"]["Fn::Join"][1]
    definition: Mapping[str, Any] = json.loads("".join(part if isinstance(part, str) else "X" for part in joined))
    return definition


def _follows(states: Mapping[str, Any]) -> dict[str, str]:
    return {name: state["Next"] for name, state in states.items() if "Next" in state}


def _choices(states: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {
        name: (state["Choices"][0]["Variable"], state["Choices"][0]["Next"], state["Default"])
        for name, state in states.items()
        if state["Type"] == "Choice"
    }


def test_the_rescoring_scans_and_writes_in_parallel_and_fits_where_the_plan_says(production: Assembly) -> None:
    definition = _definition(production, "rescoring")
    states = definition["States"]
    assert definition["StartAt"] == "Plan rescoring"
    assert _follows(states) == {
        "Plan rescoring": "Is it its turn?",
        "Let the other end": "Plan rescoring",
        "Each segment: Scan scorecards": "Rank scorecards",
        "Rank scorecards": "Fits?",
        "Fit forecaster": "Each segment: Write scores",
        "Each segment: Write scores": "Report rescoring",
    }
    assert _choices(states) == {
        "Is it its turn?": ("$.plan.wait", "Let the other end", "Each segment: Scan scorecards"),
        "Fits?": ("$.plan.run.fits", "Fit forecaster", "Each segment: Write scores"),
    }
    assert definition["TimeoutSeconds"] == 20 * 3600
    # What segments find lies in the bucket: handed on, it would outgrow a state's 256 KB.
    assert [state["ResultPath"] for state in states.values() if state["Type"] == "Map"] == [None] * 2


@pytest.mark.parametrize(("name", "each"), [("settlement", "Settle points"), ("invitations", "Decide invitations")])
def test_a_nightly_job_plans_takes_all_segments_and_closes(production: Assembly, name: str, each: str) -> None:
    definition = _definition(production, name)
    states = definition["States"]
    assert _follows(states) == {
        f"Plan {name}": "Is it its turn?",
        "Let the other end": f"Plan {name}",
        f"Each segment: {each}": f"Close {name}",
    }
    # The parts lie in the table: handed on, they would outgrow a state's 256 KB.
    assert states[f"Each segment: {each}"]["ResultPath"] is None
    assert states[f"Close {name}"]["Parameters"] == {"run.$": "$.plan.run"}
    assert definition["TimeoutSeconds"] == 20 * 3600


@pytest.mark.parametrize(("name", "steps"), [("rescoring", 6), ("settlement", 3), ("invitations", 3)])
def test_a_job_plans_waits_for_its_turn_and_tries_every_step_again(production: Assembly, name: str, steps: int) -> None:
    definition = _definition(production, name)
    states = definition["States"]
    plan = states[definition["StartAt"]]
    assert plan["Parameters"] == {
        "run_id.$": "$$.Execution.Name",
        "execution_arn.$": "$$.Execution.Id",
        "started_at.$": "$$.Execution.StartTime",
        "input.$": "$$.Execution.Input",
    }
    assert (plan["ResultPath"], states["Let the other end"]["Seconds"]) == ("$.plan", 30)
    maps = [state for state in states.values() if state["Type"] == "Map"]
    for each in maps:
        assert each["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
        assert (each["ItemsPath"], each["MaxConcurrency"]) == ("$.plan.segments", 50)
        assert each["ItemSelector"] == {"run.$": "$.plan.run", "segment.$": "$$.Map.Item.Value"}
    tasks = [state for state in states.values() if state["Type"] == "Task"]
    assert all(task["Parameters"]["run.$"] == "$.plan.run" for task in tasks if task is not plan)
    tasks += [state for each in maps for state in each["ItemProcessor"]["States"].values()]
    assert len(tasks) == steps
    for task in tasks:
        busy, any_ = task["Retry"]
        assert (busy["ErrorEquals"], busy["MaxAttempts"], busy["MaxDelaySeconds"]) == (
            ["Lambda.TooManyRequestsException", "Lambda.ServiceException"],
            10,
            60,
        )
        assert (any_["ErrorEquals"], any_["JitterStrategy"]) == (["States.ALL"], "FULL")
    machine = _machine(production, name)
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_the_bus_keeps_thirty_days_on_aws_and_nothing_at_home(production: Assembly, local: Assembly) -> None:
    assert _only(production, "AWS::Events::Archive")["RetentionDays"] == 30
    assert not list(local.resources("AWS::Events::Archive"))


def test_ses_reports_what_became_of_a_mail(production: Assembly) -> None:
    destination = _only(production, "AWS::SES::ConfigurationSetEventDestination")["EventDestination"]
    assert {"bounce", "complaint"} == set(destination["MatchingEventTypes"])
    configuration = _only(production, "AWS::SES::ConfigurationSet")
    assert configuration["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    assert configuration["ReputationOptions"] == {"ReputationMetricsEnabled": True}
    publishers = [
        statement["Principal"]
        for _, policy in production.resources("AWS::SNS::TopicPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sns:Publish" and statement["Effect"] == "Allow"
    ]
    assert {"Service": "ses.amazonaws.com"} in publishers


def test_what_a_client_needs_is_an_output(production: Assembly) -> None:
    outputs = {
        name
        for path in production.path.glob("*.template.json")
        for name in json.loads(path.read_text()).get("Outputs", {})
        if not name.startswith("Exports")
    }
    assert outputs >= {
        "ApiUrl",
        "BucketName",
        "BusName",
        "CustomersTable",
        "FeedbackTopicArn",
        "PointsQueueUrl",
        "PurchasesQueueUrl",
        "RescoringStateMachineArn",
        "ScorecardsTable",
    }


def test_a_wrong_setting_is_reported_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGE", "Production!")
    monkeypatch.setenv("CURRENCY", "EURO")
    assert app.main() == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "stage 'Production!'" in printed
    assert "currency 'EURO'" in printed


def test_the_throw_away_stage_is_synthesised_for_the_local_aws_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.delenv(app.FOR_THE_LOCAL_AWS, raising=False)
    assert app.main() == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "make deploy STAGE=prod" in printed


def test_imported_purchases_earn_by_a_queue_that_no_live_fact_waits_in(production: Assembly) -> None:
    rules = {
        rule["Properties"]["Targets"][0]["Arn"]["Fn::GetAtt"][0]: rule["Properties"]["EventPattern"]
        for _, rule in production.resources("AWS::Events::Rule")
    }
    queues = {name: queue["Properties"]["QueueName"] for name, queue in production.resources("AWS::SQS::Queue")}
    patterns = {queues[target].removeprefix("regulars-prod-"): pattern for target, pattern in rules.items()}
    assert patterns["imported-points"] == {
        "source": ["regulars"],
        "detail-type": ["PurchaseRecorded"],
        "detail": {"imported": [True]},
    }
    assert patterns["points"]["detail"] == {"imported": [{"exists": False}]}
    assert "PurchaseRecorded" in patterns["points"]["detail-type"]
    assert {name for name, pattern in patterns.items() if "detail" in pattern} == {"points", "imported-points"}
