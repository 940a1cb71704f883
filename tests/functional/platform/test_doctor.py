"""`regulars doctor` on a deployment that lacks this and that: what it reads, and that one refusal hides no other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from cli.doctor import readings
from shared.core.settings import Settings
from tests.functional.aws import ENVIRONMENT, client
from tests.functional.moto_patches import json_answer
from tests.functional.platform.conftest import Command, Intercept

PROD = Settings(stage="prod")
ROLE = "arn:aws:iam::123456789012:role/states"


def schedule(name: str, state: str) -> None:
    client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        State=state,
        Target={"Arn": "arn:aws:lambda:eu-central-1:123456789012:function:f", "RoleArn": ROLE},
    )


def test_schedules_of_other_stages_are_not_taken_for_ours() -> None:
    schedule("regulars-prod-rescoring", "ENABLED")
    schedule("regulars-prod-settlement", "DISABLED")
    schedule("regulars-test-rescoring", "DISABLED")
    assert readings.schedules(PROD) == {"regulars-prod-rescoring": "ENABLED", "regulars-prod-settlement": "DISABLED"}


def test_alarms_are_read_with_who_hears_them() -> None:
    topic = client("sns").create_topic(Name="alarms")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="owner@shop.example")
    for stage in ("prod", "test"):
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"regulars-{stage}-throttles",
            AlarmActions=[topic],
            MetricName="Throttles",
            Namespace="AWS/Lambda",
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    alarms = readings.alarms(PROD)
    assert [alarm["AlarmName"] for alarm in alarms] == ["regulars-prod-throttles"]
    assert len(readings.subscriptions(alarms)) == 1


def test_dead_letters_are_counted_and_a_missing_queue_is_no_zero() -> None:
    url = client("sqs").create_queue(QueueName="regulars-prod-points-failed")["QueueUrl"]
    client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    assert readings.failed(PROD, ["points-failed"]) == {"points-failed": 1}
    with pytest.raises(ClientError, match="does not exist"):
        readings.failed(PROD, ["cases-failed"])


def test_executions_of_a_job_are_read_by_its_name() -> None:
    machines = client("stepfunctions")
    machine = machines.create_state_machine(name="regulars-prod-rescoring", definition="{}", roleArn=ROLE)
    machines.start_execution(stateMachineArn=machine["stateMachineArn"], name="night")
    ((job, executions),) = readings.executions(PROD, ["rescoring"])
    assert (job, [execution["name"] for execution in executions or ()]) == ("rescoring", ["night"])


def test_identities_and_backups_are_read() -> None:
    assert readings.identity("nobody@shop.example") is None
    assert readings.identity("hello@shop.example") is not None
    client("dynamodb").update_continuous_backups(
        TableName="customers", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    assert readings.backups(["customers", "scorecards"]) == {"customers": True, "scorecards": False}


def test_costs_are_those_of_the_stage_in_the_month_so_far() -> None:
    amount, currency = readings.cost("prod", datetime(2026, 11, 1, 3, tzinfo=UTC))
    assert (amount, currency) == (None, "USD")


def test_a_deployment_with_faults_ends_the_command_with_1(command: Command, intercept: Intercept) -> None:
    """Moto knows neither SES's account nor Lambda's limits: the account may see the former and not the latter."""
    sandbox = {"SendingEnabled": True, "SendQuota": {"Max24HourSend": 200.0, "SentLast24Hours": 0.0}}

    def answer(event_name: str, request: Any) -> AWSResponse | None:
        if event_name == "before-send.sesv2.GetAccount":
            return json_answer(request.url, 200, sandbox)
        if event_name == "before-send.lambda.GetAccountSettings":
            return json_answer(request.url, 403, {"Code": "AccessDeniedException", "Message": "not for you"})
        return None

    intercept(answer)
    client("lambda").update_function_configuration(
        FunctionName="regulars-prod-record_purchase", Environment={"Variables": {**ENVIRONMENT, "STAGE": "prod"}}
    )
    schedule("regulars-prod-rescoring", "DISABLED")
    result = command("doctor", "--no-cost")
    assert result.exit_code == 1
    assert "regulars-prod-rescoring is switched off" in result.stdout
    assert "nothing has failed for good" in result.stdout
    assert "SES: the account is in the sandbox" in result.stdout
    assert "? concurrency: AWS refused GetAccountSettings" in result.stdout
    # Nothing is deployed here but a few functions: a check that cannot be made does not end the others.
    assert "backups: customers has no point-in-time recovery" in result.stdout
