"""`regulars restore`: a table of a moment beside the one in use, with what DynamoDB leaves out put back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from typer.testing import CliRunner

from cli.main import app
from infra.event_docs import open_members
from shared.core import fact_log
from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.customers import actions
from shared.customers.consent import Topic
from shared.customers.customer import Evidence
from shared.customers.store import profiles
from tests.frozen_clock import FrozenClock
from tests.functional.aws import client
from tests.functional.moto_patches import json_answer
from tests.functional.platform.conftest import Command, Intercept
from tests.functional.scenes import BERLIN, Invoke, facts_of, sign_up

TO = "2026-11-20T03:00:00Z"
CUSTOMERS, SCORECARDS = "regulars-prod-customers-20261120T030000Z", "regulars-prod-scorecards-20261120T030000Z"
EVIDENCE = Evidence(source="test")


@pytest.fixture(autouse=True)
def backups(aws: None, intercept: Intercept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both tables can be restored to November; they have the tags that CloudFormation and CDK give."""

    def answer(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("DescribeContinuousBackups"):
            return None
        if json.loads(request.body)["TableName"] not in ("customers", "scorecards"):
            return None
        begin, end = (datetime(2026, 11, day, tzinfo=UTC).timestamp() for day in (1, 24))
        about = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "EarliestRestorableDateTime": begin,
            "LatestRestorableDateTime": end,
        }
        description = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": about}
        return json_answer(request.url, 200, {"ContinuousBackupsDescription": description})

    intercept(answer)
    monkeypatch.setattr("time.sleep", lambda _: None)
    for table in ("customers", "scorecards"):
        arn = client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
        tags = {"regulars:stage": "prod", "aws:cloudformation:stack-name": "Regulars-prod-Data"}
        client("dynamodb").tag_resource(
            ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )


def restored(name: str) -> dict[str, Any]:
    """What a restored table has, that a restore leaves out."""
    dynamodb = client("dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return {
        "stream": table.get("StreamSpecification"),
        "ends by": ttl.get("AttributeName") if ttl["TimeToLiveStatus"] == "ENABLED" else None,
        "protected": table["DeletionProtectionEnabled"],
        "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
    }


WHOLE = {
    "stream": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    "ends by": "expires_at",
    "protected": True,
    "backups": "ENABLED",
    "tags": [{"Key": "regulars:stage", "Value": "prod"}],
}


def deploy(table: str) -> None:
    """`make deploy` with the restored customers table in its settings."""
    client("lambda").update_function_configuration(
        FunctionName="regulars-prod-record_purchase",
        Environment={"Variables": {"STAGE": "prod", "CUSTOMERS_TABLE": table, "SCORECARDS_TABLE": "scorecards"}},
    )


def log(*facts: Fact) -> None:
    """Write facts into the log as the function that publishes them does."""
    kept = open_members()
    for number, fact in enumerate(facts):
        fact_log.write(fact.recorded_at, str(number), [fact_log.line(fact, str(number), kept[fact.type])])


def test_both_tables_come_back_with_all_that_a_restore_leaves_out(command: Command) -> None:
    answer = command("restore", "--to", TO)
    assert answer.exit_code == 0, answer.output
    assert restored(CUSTOMERS) == WHOLE
    assert restored(SCORECARDS) == {**WHOLE, "stream": None, "ends by": None}
    stream = client("dynamodb").describe_table(TableName=CUSTOMERS)["Table"]["LatestStreamArn"]
    for line in (
        f"RESTORED_CUSTOMERS_TABLE={CUSTOMERS}",
        f"RESTORED_CUSTOMERS_STREAM={stream}",
        f"RESTORED_SCORECARDS_TABLE={SCORECARDS}",
    ):
        assert f"\n{line}\n" in answer.stdout
    assert "make deploy STAGE=prod" in answer.stdout
    assert "republish --stage prod --from 2026-11-20T02:00:00Z --to 2026-11-20T03:00:00Z" in answer.stdout


def test_only_the_table_that_is_named_is_restored(command: Command) -> None:
    answer = command("restore", "--to", TO, "--table", "scorecards")
    assert answer.exit_code == 0, answer.output
    assert set(client("dynamodb").list_tables()["TableNames"]) == {"customers", "scorecards", SCORECARDS}
    assert "CUSTOMERS" not in answer.stdout


def test_the_settings_are_written_where_it_is_asked_for(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "prod.env"
    file.write_text("SENDER=hello@shop.example\nRESTORED_SCORECARDS_TABLE=older\n")
    assert command("restore", "--to", TO, "--table", "scorecards").exit_code == 0
    assert "older" in file.read_text()
    assert command("restore", "--to", TO, "--table", "scorecards", "--write").exit_code == 0
    assert file.read_text() == f"SENDER=hello@shop.example\nRESTORED_SCORECARDS_TABLE={SCORECARDS}\n"


@pytest.mark.parametrize("to", ["2026-10-31T23:59Z", "2026-11-24T00:01Z"])
def test_a_moment_outside_the_window_begins_nothing(command: Command, to: str) -> None:
    answer = command("restore", "--to", to)
    assert answer.exit_code == 1
    assert "from 2026-11-01T00:00:00Z to 2026-11-24T00:00:00Z." in answer.stderr
    assert client("dynamodb").list_tables()["TableNames"] == ["customers", "scorecards"]


def test_a_restore_whose_answer_was_lost_goes_on(command: Command, intercept: Intercept) -> None:
    lost: list[str] = []

    def lose(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("RestoreTableToPointInTime") or lost:
            return None
        lost.append(event_name)
        body = json.loads(request.body)
        client("dynamodb").restore_table_to_point_in_time(
            SourceTableName=body["SourceTableName"], TargetTableName=body["TargetTableName"]
        )
        return json_answer(request.url, 500, {"__type": "InternalServerError"})

    intercept(lose)
    answer = command("restore", "--to", TO)
    assert answer.exit_code == 0, answer.output
    assert (restored(CUSTOMERS), len(lost)) == (WHOLE, 1)


@pytest.mark.parametrize(
    "operation", ["UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups", "TagResource", "ListTagsOfResource"]
)
def test_ended_on_its_way_the_same_command_goes_on(command: Command, intercept: Intercept, operation: str) -> None:
    refused: list[str] = []

    def refuse(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith(operation) or refused:
            return None
        refused.append(event_name)
        return json_answer(request.url, 400, {"__type": "AccessDeniedException", "message": "no"})

    intercept(refuse)
    first = command("restore", "--to", TO)
    assert (first.exit_code, refused) == (1, refused[:1]), first.output
    assert f"AWS refused {operation}" in first.stderr
    assert command("restore", "--to", TO).exit_code == 0
    assert restored(CUSTOMERS) == WHOLE


def test_it_waits_for_the_table_and_for_its_backups(command: Command, intercept: Intercept) -> None:
    waited = {"DescribeTable": 3, "UpdateContinuousBackups": 2}

    def delay(event_name: str, request: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        name = json.loads(request.body).get("TableName") if operation in waited else None
        if name != CUSTOMERS or not waited[operation]:
            return None
        if operation == "DescribeTable" and CUSTOMERS not in client("dynamodb").list_tables()["TableNames"]:
            return None
        waited[operation] -= 1
        if operation == "UpdateContinuousBackups":
            return json_answer(request.url, 400, {"__type": "ContinuousBackupsUnavailableException"})
        return json_answer(request.url, 200, {"Table": {"TableName": CUSTOMERS, "TableStatus": "CREATING"}})

    intercept(delay)
    answer = command("restore", "--to", TO)
    assert answer.exit_code == 0, answer.output
    assert waited == {"DescribeTable": 0, "UpdateContinuousBackups": 0}
    assert f"{CUSTOMERS}: CREATING, for 0 min" in answer.stdout
    assert restored(CUSTOMERS) == WHOLE


def test_a_table_of_that_name_from_elsewhere_is_not_taken(command: Command) -> None:
    client("dynamodb").restore_table_to_point_in_time(SourceTableName="scorecards", TargetTableName=CUSTOMERS)
    answer = command("restore", "--to", TO)
    assert answer.exit_code == 1
    assert f"There is a table {CUSTOMERS} already, which was restored from" in answer.stderr


def test_whoever_opted_out_since_gets_no_mail_from_the_restored_table(
    command: Command, invoke: Invoke, clock: FrozenClock
) -> None:
    clock.set(datetime(2026, 11, 20, 2, tzinfo=UTC))
    ada, ben = (sign_up(invoke, f"{name}@example.com") for name in ("ada", "ben"))
    # What DynamoDB restores is the table as it is here, for moto knows no moments.
    client("dynamodb").restore_table_to_point_in_time(SourceTableName="customers", TargetTableName=CUSTOMERS)
    clock.set(datetime(2026, 11, 20, 5, tzinfo=UTC))
    actions.leave(ada, 0, [Topic.NEWS], clock.now(), lambda _: EVIDENCE)
    actions.choose(ben, 0, {}, 30, ShopTime(clock.now(), BERLIN), lambda _: EVIDENCE)
    late = sign_up(invoke, "late@example.com")
    actions.leave(late, 0, [Topic.NEWS], clock.now(), lambda _: EVIDENCE)
    log(*(fact for who in (ada, ben, late) for fact in facts_of(who, *open_members())))
    expected = {who: profiles.get(who) for who in (ada, ben)}

    answer = command("restore", "--to", TO, "--table", "customers")
    assert answer.exit_code == 0, answer.output
    assert "3  ConsentWithdrawn" in answer.stdout
    assert "3 facts of 2 customers written into it" in answer.stdout
    assert "1 customers were not there yet." in answer.stdout
    # The command has left the environment with the restored table.
    assert {who: profiles.get(who) for who in (ada, ben)} == expected
    assert profiles.get(late) is None
    deploy(CUSTOMERS)
    again = command("restore", "--to", TO, "--table", "customers")
    assert again.exit_code == 0, again.output
    assert "Opt-outs: 0 facts of 0 customers" in again.stdout


def test_a_restored_table_in_use_is_the_next_source_unless_another_is_named(command: Command) -> None:
    assert command("restore", "--to", TO, "--table", "customers").exit_code == 0
    deploy(CUSTOMERS)
    earlier = ("--to", "2026-11-20T01:00Z", "--table", "customers")
    # Its own backups begin where it was restored.
    assert command("restore", *earlier).exit_code == 1
    answer = command("restore", *earlier, "--source", "customers")
    assert answer.exit_code == 0, answer.output
    name = "regulars-prod-customers-20261120T010000Z"
    source = client("dynamodb").describe_table(TableName=name)["Table"]["RestoreSummary"]["SourceTableArn"]
    assert (source.rpartition("/")[2], restored(name)) == ("customers", WHOLE)


def test_it_wants_a_deployment_on_aws_a_moment_and_one_table_of_its_source(command: Command) -> None:
    local = CliRunner().invoke(app, ["restore", "--to", TO, "--stage", "local"])
    assert (local.exit_code, "no point-in-time recovery" in local.stderr) == (2, True)
    assert command("restore", "--to", "yesterday").exit_code == 2
    assert command("restore", "--to", TO, "--source", "customers").exit_code == 2
