"""`regulars doctor`: what answers of AWS say about a deployment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.doctor import findings
from cli.doctor.findings import Finding, State
from shared.core.settings import Settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEALTHY: dict[str, Any] = {
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 39_999.0},
}
DOMAIN: dict[str, Any] = {
    "VerifiedForSendingStatus": True,
    "DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS"},
    "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
}


def states(judged: list[Finding]) -> list[State]:
    return [finding.state for finding in judged]


@pytest.mark.parametrize(
    ("change", "state", "word"),
    [
        ({}, State.OK, "sends to everybody"),
        ({"ProductionAccessEnabled": False}, State.FAIL, "sandbox"),
        ({"SendingEnabled": False}, State.FAIL, "paused"),
        ({"EnforcementStatus": "SHUTDOWN"}, State.FAIL, "paused"),
        ({"EnforcementStatus": "PROBATION"}, State.WARN, "probation"),
        ({"SendQuota": {"Max24HourSend": 200.0, "SentLast24Hours": 160.0}}, State.WARN, "160 of 200"),
    ],
)
def test_the_mail_account_is_judged_by_what_ses_says(change: dict[str, Any], state: State, word: str) -> None:
    (finding,) = findings.of_mail_account({**HEALTHY, **change})
    assert (finding.state, word in finding.text) == (state, True)
    assert bool(finding.to_do) == (state is not State.OK)


def test_a_quota_without_an_end_is_never_used_up() -> None:
    quota = {"Max24HourSend": -1.0, "SentLast24Hours": 1_000_000.0}
    assert states(findings.of_mail_account({**HEALTHY, "SendQuota": quota})) == [State.OK]


def test_a_sender_needs_a_verified_domain_that_signs() -> None:
    verified = {"VerifiedForSendingStatus": True}
    assert states(findings.of_identity("hello@shop.example", DOMAIN, None)) == [State.OK]
    assert states(findings.of_identity("hello@shop.example", None, None)) == [State.FAIL]
    (unsigned,) = findings.of_identity("hello@shop.example", None, verified)
    assert (unsigned.state, "DKIM" in unsigned.text) == (State.FAIL, True)
    off = {**DOMAIN, "DkimAttributes": {"SigningEnabled": False, "Status": "SUCCESS"}}
    assert states(findings.of_identity("hello@shop.example", off, None)) == [State.FAIL]
    own = {**DOMAIN, "MailFromAttributes": {"MailFromDomain": "m.shop.example", "MailFromDomainStatus": "PENDING"}}
    assert states(findings.of_identity("hello@shop.example", own, None)) == [State.OK, State.WARN]


@pytest.mark.parametrize(
    ("records", "state"),
    [
        (["v=DMARC1; p=none"], State.OK),
        (["site-verification=1", "v=DMARC1;p=reject"], State.OK),
        ([], State.FAIL),
        (["v=spf1 -all"], State.FAIL),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], State.FAIL),
    ],
)
def test_a_domain_has_exactly_one_dmarc_record(records: list[str], state: State) -> None:
    assert states(findings.of_dmarc("shop.example", records)) == [state]


@pytest.mark.parametrize(
    ("limit", "setting", "state"),
    [(10, 10, State.WARN), (10, 1_000, State.FAIL), (1_000, 10, State.WARN), (1_000, 1_000, State.OK)],
)
def test_the_setting_of_concurrency_is_held_against_the_account(limit: int, setting: int, state: State) -> None:
    assert states(findings.of_concurrency(limit, Settings(account_concurrency=setting))) == [state]


def test_raised_alarms_are_named_and_somebody_has_to_hear_them() -> None:
    quiet = {"AlarmName": "regulars-prod-throttles", "StateValue": "OK"}
    raised = {"AlarmName": "regulars-prod-api-errors", "StateValue": "ALARM", "AlarmDescription": "5xx"}
    confirmed = ["arn:aws:sns:eu-central-1:1:alarms:2"]
    assert states(findings.of_alarms([quiet], confirmed)) == [State.OK]
    assert states(findings.of_alarms([quiet], [])) == [State.WARN]
    assert states(findings.of_alarms([quiet], ["PendingConfirmation"])) == [State.FAIL]
    (finding,) = findings.of_alarms([quiet, raised], confirmed)
    assert (finding.state, finding.text) == (State.FAIL, "regulars-prod-api-errors: 5xx")
    assert states(findings.of_alarms([], confirmed)) == [State.FAIL]


def test_a_schedule_is_there_and_on() -> None:
    judged = findings.of_schedules(["a", "b", "c"], {"a": "ENABLED", "b": "DISABLED", "other": "DISABLED"})
    assert [(finding.state, finding.text) for finding in judged] == [
        (State.FAIL, "b is switched off"),
        (State.FAIL, "c is missing"),
    ]
    assert states(findings.of_schedules(["a"], {"a": "ENABLED"})) == [State.OK]


def test_dead_letters_are_counted() -> None:
    judged = findings.of_failed({"points-failed": 3, "cases-failed": 0})
    assert [finding.text for finding in judged] == ["3 in points-failed failed for good"]
    assert "peek points" in judged[0].to_do
    assert states(findings.of_failed({"points-failed": 0})) == [State.OK]


def execution(status: str, hours_ago: float) -> dict[str, Any]:
    ended = {} if status == "RUNNING" else {"stopDate": NOW - timedelta(hours=hours_ago)}
    return {"name": "night", "status": status, **ended}


@pytest.mark.parametrize(
    ("executions", "state"),
    [
        (None, State.FAIL),
        ([], State.WARN),
        ([execution("RUNNING", 0)], State.WARN),
        ([execution("SUCCEEDED", 25)], State.OK),
        ([execution("RUNNING", 0), execution("SUCCEEDED", 25)], State.OK),
        ([execution("SUCCEEDED", 27)], State.FAIL),
        ([execution("FAILED", 1), execution("SUCCEEDED", 2)], State.FAIL),
        ([execution("ABORTED", 1)], State.FAIL),
    ],
)
def test_a_nightly_job_came_to_its_end_last_night(executions: list[dict[str, Any]] | None, state: State) -> None:
    assert states(findings.of_job("rescoring", executions, NOW)) == [state]


def test_tables_backups_costs_and_settings_are_looked_at() -> None:
    assert states(findings.of_backups({"customers": True, "scorecards": True})) == [State.OK]
    assert states(findings.of_backups({"customers": True, "scorecards": False})) == [State.FAIL]
    assert findings.of_cost(3.456, "USD", NOW)[0].text == "3.46 USD in November so far"
    assert states(findings.of_cost(None, "USD", NOW)) == [State.UNKNOWN]
    assert states(findings.of_settings(Settings(stage="prod"))) == [State.WARN] * 3
    whole = Settings(
        stage="prod", shop_address="Bachgasse 7", alarm_email="a@shop.example", public_url="https://m.shop.example"
    )
    assert states(findings.of_settings(whole)) == [State.OK]
