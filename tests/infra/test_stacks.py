"""What the stacks protect, connect and watch."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra import app
from shared.edge.routes import ROUTES
from tests.infra.conftest import Assembly


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


def test_the_bucket_is_closed_and_forgets_rescorings_after_a_month_and_decisions_after_a_year(
    production: Assembly,
) -> None:
    bucket = _only(production, "AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    rules = {rule["Prefix"]: rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules == {"rescorings/": 30, "scores/": 400, "invitations/": 365}
    assert "aws:SecureTransport" in json.dumps(_only(production, "AWS::S3::BucketPolicy"))


def test_the_api_has_exactly_the_routes_of_the_contract_and_asks_for_a_key_where_it_says_so(
    production: Assembly,
) -> None:
    routes = {
        route["Properties"]["RouteKey"]: route["Properties"].get("AuthorizationType", "NONE")
        for _, route in production.resources("AWS::ApiGatewayV2::Route")
    }
    assert routes == {route.key: "CUSTOM" if route.scope else "NONE" for route in ROUTES}


def test_each_route_calls_the_function_of_the_contract(production: Assembly) -> None:
    template = production.template("Api")["Resources"]
    for route in ROUTES:
        (target,) = (
            resource["Properties"]["Target"]
            for resource in template.values()
            if resource["Type"] == "AWS::ApiGatewayV2::Route" and resource["Properties"]["RouteKey"] == route.key
        )
        integration = template[target["Fn::Join"][1][1]["Ref"]]["Properties"]["IntegrationUri"]
        function = template[integration["Fn::GetAtt"][0]]["Properties"]["FunctionName"]
        assert function == f"regulars-prod-{route.function}", route.key


def test_the_api_throttles_logs_without_addresses_and_answers_only_allowed_origins(production: Assembly) -> None:
    stage = _only(production, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 200, "ThrottlingRateLimit": 100}
    assert set(json.loads(stage["AccessLogSettings"]["Format"]).values()).isdisjoint(
        {"$context.path", "$context.identity.sourceIp"}
    )
    assert _only(production, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]["AllowOrigins"] == ["https://shop.example"]


def test_signups_have_a_throttle_of_their_own_which_waits_for_their_route(production: Assembly) -> None:
    ((_, stage),) = production.resources("AWS::ApiGatewayV2::Stage")
    assert stage["Properties"]["RouteSettings"] == {
        route: {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20}
        for route in ("POST /signups", "POST /feedback/{token}", "POST /complaints")
    }
    routes = dict(production.resources("AWS::ApiGatewayV2::Route"))
    needed = [stage["DependsOn"]] if isinstance(stage["DependsOn"], str) else stage["DependsOn"]
    assert "POST /signups" in {routes[name]["Properties"]["RouteKey"] for name in needed if name in routes}


def test_without_allowed_origins_no_page_of_another_origin_may_call(local: Assembly) -> None:
    assert "CorsConfiguration" not in _only(local, "AWS::ApiGatewayV2::Api")


def test_a_key_is_looked_up_every_five_minutes_on_aws_and_always_at_home(production: Assembly, local: Assembly) -> None:
    authorizers = [_only(assembly, "AWS::ApiGatewayV2::Authorizer") for assembly in (production, local)]
    assert [authorizer["AuthorizerResultTtlInSeconds"] for authorizer in authorizers] == [300, 0]
    assert all(authorizer["EnableSimpleResponses"] for authorizer in authorizers)
    assert all(authorizer["IdentitySource"] == ["$request.header.Authorization"] for authorizer in authorizers)


def test_only_new_facts_are_published_one_by_one_and_until_they_leave_the_stream(production: Assembly) -> None:
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
    assert stream["MaximumRetryAttempts"] == -1
    assert "OnFailure" in stream["DestinationConfig"]


def test_every_queue_that_is_consumed_fails_record_by_record_into_a_dead_letter_queue(production: Assembly) -> None:
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
    letters = {"confirmations", "reminders", "surveys", "promoters", "cases"}
    assert names == {"purchases", "points", "feedback", *letters}


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


def test_every_dead_letter_queue_has_an_alarm(production: Assembly) -> None:
    failed = {
        name
        for name, queue in production.resources("AWS::SQS::Queue")
        if queue["Properties"]["QueueName"].endswith("-failed")
    }
    watched = json.dumps(
        [
            alarm["Properties"]["Dimensions"]
            for _, alarm in production.resources("AWS::CloudWatch::Alarm")
            if alarm["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
        ]
    )
    assert len(failed) == 10
    assert [name for name in failed if name not in watched] == []


def test_alarms_tell_of_errors_throttles_lag_and_failed_runs(production: Assembly) -> None:
    alarms = [alarm["Properties"] for _, alarm in production.resources("AWS::CloudWatch::Alarm")]
    assert {"Errors", "Throttles", "IteratorAge", "ExecutionsFailed", "ExecutionsTimedOut", "5xx"} <= {
        alarm["MetricName"] for alarm in alarms
    }
    topic = next(name for name, _ in production.resources("AWS::SNS::Topic") if name.startswith("Alarms"))
    assert all(alarm["AlarmActions"] == [{"Ref": topic}] for alarm in alarms)
    assert any(
        subscription["Properties"]["Protocol"] == "email"
        and subscription["Properties"]["Endpoint"] == "owner@shop.example"
        for _, subscription in production.resources("AWS::SNS::Subscription")
    )


def test_the_dashboard_is_within_what_is_free(production: Assembly) -> None:
    (body,) = _only(production, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1:]
    widgets = json.loads("".join(part if isinstance(part, str) else "X" for part in body))["widgets"]
    assert 0 < sum(len(widget["properties"]["metrics"]) for widget in widgets) <= 50


def test_without_an_address_nobody_is_mailed_alarms(local: Assembly) -> None:
    protocols = {
        subscription["Properties"]["Protocol"] for _, subscription in local.resources("AWS::SNS::Subscription")
    }
    assert protocols == {"sqs"}


@pytest.mark.parametrize(
    ("name", "time", "told"),
    [
        ("rescoring", "cron(0 4 * * ? *)", {"as_of": None}),
        ("settlement", "cron(0 7 * * ? *)", {}),
        ("invitations", "cron(0 8 * * ? *)", {}),
    ],
)
def test_what_runs_every_night_starts_in_the_shops_own_time_zone(
    production: Assembly, name: str, time: str, told: object
) -> None:
    schedules = [schedule["Properties"] for _, schedule in production.resources("AWS::Scheduler::Schedule")]
    assert len(schedules) == 4
    (schedule,) = [one for one in schedules if one["Name"] == f"regulars-prod-{name}"]
    assert schedule["ScheduleExpression"] == time
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(schedule["Target"]["Input"]) == told
    assert name.capitalize() in json.dumps(schedule["Target"]["Arn"])
    assert "Arn" in schedule["Target"]["DeadLetterConfig"]


def _machine(assembly: Assembly, name: str) -> Mapping[str, Any]:
    found = assembly.resources("AWS::StepFunctions::StateMachine")
    machines: list[Mapping[str, Any]] = [machine["Properties"] for _, machine in found]
    assert len(machines) == 3
    (machine,) = [one for one in machines if one["StateMachineName"] == f"regulars-prod-{name}"]
    return machine


def test_the_settlement_goes_through_segments_in_parallel_and_then_closes(production: Assembly) -> None:
    machine = _machine(production, "settlement")
    joined = "".join(part if isinstance(part, str) else "X" for part in machine["DefinitionString"]["Fn::Join"][1])
    definition = json.loads(joined)
    states = definition["States"]
    assert definition["StartAt"] == "Plan settlement"
    assert states["Plan settlement"]["Next"] == "Each segment of accounts"
    assert states["Each segment of accounts"]["Next"] == "Close settlement"
    assert states["Each segment of accounts"]["MaxConcurrency"] == 5
    (settle,) = states["Each segment of accounts"]["ItemProcessor"]["States"].values()
    for step in (states["Plan settlement"], settle, states["Close settlement"]):
        assert [retry["ErrorEquals"] for retry in step["Retry"]][-1] == ["States.ALL"]


def test_the_rescoring_scans_and_writes_in_parallel_and_tries_every_step_again(production: Assembly) -> None:
    machine = _machine(production, "rescoring")
    joined = "".join(part if isinstance(part, str) else "X" for part in machine["DefinitionString"]["Fn::Join"][1])
    definition = json.loads(joined)
    states = definition["States"]
    follows = {name: state["Next"] for name, state in states.items() if "Next" in state}
    assert definition["StartAt"] == "Plan rescoring"
    assert follows == {
        "Plan rescoring": "Is it alone?",
        "Let the other end": "Plan rescoring",
        "Each segment of scorecards": "Rank scorecards",
        "Rank scorecards": "Is a fit due?",
        "Fit forecaster": "Each segment of scores",
        "Each segment of scores": "Report rescoring",
    }
    choices = {
        name: (state["Choices"][0]["Variable"], state["Choices"][0]["Next"], state["Default"])
        for name, state in states.items()
        if state["Type"] == "Choice"
    }
    assert choices == {
        "Is it alone?": ("$.plan.wait", "Let the other end", "Each segment of scorecards"),
        "Is a fit due?": ("$.plan.fits", "Fit forecaster", "Each segment of scores"),
    }
    maps = [state for state in states.values() if state["Type"] == "Map"]
    assert [each["ItemProcessor"]["ProcessorConfig"]["Mode"] for each in maps] == ["DISTRIBUTED"] * 2
    # What segments find lies in the bucket: handed on, it would outgrow a state's 256 KB.
    assert [each["ResultPath"] for each in maps] == [None] * 2
    steps = [state for state in states.values() if state["Type"] == "Task"]
    steps += [state for each in maps for state in each["ItemProcessor"]["States"].values()]
    assert len(steps) == 6
    for step in steps:
        busy, any_ = step["Retry"]
        assert (busy["ErrorEquals"], busy["MaxAttempts"], busy["MaxDelaySeconds"]) == (
            ["Lambda.TooManyRequestsException", "Lambda.ServiceException"],
            10,
            60,
        )
        assert (any_["ErrorEquals"], any_["JitterStrategy"]) == (["States.ALL"], "FULL")
    assert [each["MaxConcurrency"] for each in maps] == [5, 5]
    assert definition["TimeoutSeconds"] == 20 * 3600
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_the_bus_keeps_thirty_days_on_aws_and_nothing_at_home(production: Assembly, local: Assembly) -> None:
    assert _only(production, "AWS::Events::Archive")["RetentionDays"] == 30
    assert not list(local.resources("AWS::Events::Archive"))


def test_ses_reports_what_became_of_a_mail(production: Assembly) -> None:
    destination = _only(production, "AWS::SES::ConfigurationSetEventDestination")["EventDestination"]
    assert {"bounce", "complaint", "delivery", "reject"} == set(destination["MatchingEventTypes"])
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
        for stack in ("Data", "Jobs", "Api", "Mail")
        for name in production.template(stack)["Outputs"]
        if not name.startswith("Exports")
    }
    assert outputs == {
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


def test_a_wrong_setting_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGE", "Production!")
    monkeypatch.setenv("CURRENCY", "EURO")
    assert app.main() == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "stage 'Production!'" in told
    assert "currency 'EURO'" in told


def test_the_throw_away_stage_is_synthesised_for_the_local_aws_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.delenv(app.FOR_THE_LOCAL_AWS, raising=False)
    assert app.main() == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "make deploy STAGE=prod" in told
