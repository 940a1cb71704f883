"""Surveys: who is a candidate, who is asked at which hour, and what an answer may still change."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.errors import Conflict, Invalid
from shared.customers.consent import Channel, Consent, Status, Topic
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import Customer
from shared.nps import survey
from shared.nps.margin import Group
from shared.nps.survey import (
    COMMENT_MAX_LENGTH,
    DEFAULT_TEXTS,
    MAX_CHANGES,
    NIGHTS_LATE,
    Invitation,
    Refusal,
    Rules,
    Survey,
    TooLate,
    Trigger,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)
TODAY = date(2026, 11, 21)
AFTER_PURCHASE = Survey(survey_id="after-purchase", trigger=Trigger.PURCHASE)
NIGHTLY = Survey(survey_id="nightly", trigger=Trigger.NIGHTLY)


def customer(status: Status = Status.SUBSCRIBED, **members: Any) -> Customer:
    consents = {(Channel.EMAIL, Topic.SURVEYS): Consent(status, NOW)}
    known: dict[str, Any] = {"email": "ada@example.com", "consents": consents, **members}
    return Customer(customer_id="K-1", created_at=NOW, **known)


def refused(
    who: Customer | None = None, wanted: Survey = AFTER_PURCHASE, known: bool = True, **care: Any
) -> Refusal | None:
    who = (who or customer()) if known else None
    held = ContactHistory(customer_id="K-1", **care)
    return survey.refusal(who, held, wanted, Rules(), "2026-11-14", NOW, BERLIN)


@pytest.mark.parametrize(
    ("days_ago", "asked"), [(6, False), (7, True), (8, True), (7 + NIGHTS_LATE, True), (8 + NIGHTS_LATE, False)]
)
def test_a_purchase_is_asked_about_on_its_night_or_on_one_of_the_three_after_it(days_ago: int, asked: bool) -> None:
    ordered_on = TODAY - timedelta(days=days_ago)
    assert survey.run_of(AFTER_PURCHASE, TODAY, ordered_on) == (ordered_on.isoformat() if asked else None)


def test_the_run_of_a_purchase_is_its_day_so_that_a_late_night_is_the_same_run() -> None:
    runs = {survey.run_of(AFTER_PURCHASE, TODAY + timedelta(days=late), TODAY - timedelta(days=7)) for late in range(4)}
    assert runs == {"2026-11-14"}


def test_without_a_purchase_only_a_nightly_survey_has_candidates() -> None:
    assert survey.run_of(AFTER_PURCHASE, TODAY, None) is None
    assert survey.run_of(NIGHTLY, TODAY, None) == "2026-11-21"


def test_a_survey_on_the_day_of_the_purchase_asks_about_no_purchase_to_come() -> None:
    at_once = replace(AFTER_PURCHASE, days_after=0)
    assert survey.run_of(at_once, TODAY, TODAY) == "2026-11-21"
    assert survey.run_of(at_once, TODAY, TODAY + timedelta(days=1)) is None


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_the_dice_choose_about_as_many_as_they_should(percent: int) -> None:
    wanted = replace(NIGHTLY, percent=percent)
    chosen = sum(survey.is_sampled(f"K-{number}", wanted, "2026-11-21") for number in range(4_000))
    # Four standard deviations of a fair coin of 4,000 throws.
    assert abs(chosen - 40 * percent) < 4 * (4_000 * 0.25) ** 0.5


def test_nobody_is_chosen_of_none_and_everybody_of_all() -> None:
    for percent in (0, 100):
        wanted = replace(NIGHTLY, percent=percent)
        assert {survey.is_sampled(f"K-{number}", wanted, "r") for number in range(300)} == {percent == 100}


@given(st.text(max_size=40), st.dates().map(str), st.integers(0, 99))
def test_the_dice_fall_the_same_however_often_they_are_thrown_and_a_larger_share_keeps_whom_it_had(
    customer_id: str, run: str, percent: int
) -> None:
    wanted, larger = replace(NIGHTLY, percent=percent), replace(NIGHTLY, percent=percent + 1)
    chosen = survey.is_sampled(customer_id, wanted, run)
    assert survey.is_sampled(customer_id, wanted, run) == chosen
    assert not chosen or survey.is_sampled(customer_id, larger, run)


def test_another_night_and_another_survey_choose_others() -> None:
    half = replace(NIGHTLY, percent=50)

    def chosen(wanted: Survey, run: str) -> list[bool]:
        return [survey.is_sampled(f"K-{number}", wanted, run) for number in range(200)]

    first = chosen(half, "2026-11-21")
    assert first != chosen(half, "2026-11-22")
    assert first != chosen(replace(half, survey_id="other"), "2026-11-21")


def test_who_agreed_and_was_not_asked_lately_is_asked() -> None:
    assert refused() is None


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"wanted": replace(AFTER_PURCHASE, percent=0)}, Refusal.NOT_SAMPLED),
        ({"known": False}, Refusal.NO_ADDRESS),
        ({"who": customer(email=None)}, Refusal.NO_ADDRESS),
        ({"who": customer(consents={})}, Refusal.NO_CONSENT),
        ({"who": customer(Status.PENDING)}, Refusal.NO_CONSENT),
        ({"who": customer(Status.UNSUBSCRIBED)}, Refusal.NO_CONSENT),
        ({"who": customer(Status.SUPPRESSED)}, Refusal.SUPPRESSED),
        ({"who": customer(paused_until=TODAY + timedelta(days=1))}, Refusal.PAUSED),
        ({"who": customer(paused_until=TODAY)}, None),
        ({"open_cases": 1}, Refusal.OPEN_CASE),
        ({"open_cases": 0}, None),
    ],
)
def test_each_reason_not_to_ask_is_named(case: dict[str, Any], reason: Refusal | None) -> None:
    assert refused(**case) is reason


def test_consent_to_another_topic_is_no_consent_to_surveys() -> None:
    consents = {(Channel.EMAIL, topic): Consent(Status.SUBSCRIBED, NOW) for topic in (Topic.NEWS, Topic.OFFERS)}
    assert refused(customer(consents=consents)) is Refusal.NO_CONSENT


@pytest.mark.parametrize(
    ("survey_id", "days_ago", "reason"),
    [
        ("after-purchase", 89, Refusal.ASKED_THIS_BEFORE),
        ("after-purchase", 90, None),
        ("other", 29, Refusal.ASKED_RECENTLY),
        ("other", 30, None),
    ],
)
def test_both_throttles_hold_for_their_days_and_not_longer(
    survey_id: str, days_ago: int, reason: Refusal | None
) -> None:
    asked_at = NOW - timedelta(days=days_ago)
    invited = {survey_id: asked_at.isoformat().replace("+00:00", ".000Z")}
    assert refused(invited_at=asked_at, invited=invited) is reason


def test_an_invitation_is_remembered_for_both_throttles_beside_those_before() -> None:
    before = ContactHistory(customer_id="K-1", invited={"other": "2026-01-01T00:00:00.000Z"})
    after, asked, fact = survey.invite(before, AFTER_PURCHASE, Rules(), "2026-11-14", {"channel": "web"}, NOW, BERLIN)
    assert (after.invited_at, sorted(after.invited)) == (NOW, ["after-purchase", "other"])
    assert asked.expires_at - asked.send_at == timedelta(days=AFTER_PURCHASE.link_days)
    assert (asked.invitation_id, fact.type, fact.id) == ("after-purchase.2026-11-14", "SurveyInvited", fact.id)
    assert (fact.data["run"], fact.data["channel"]) == ("2026-11-14", "web")
    assert survey.refusal(customer(), after, AFTER_PURCHASE, Rules(), "2026-11-15", NOW, BERLIN) is not None


def local(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "send_at"),
    [
        # Over midnight, before it and after it.
        ("2026-11-21 20:00", "2026-11-22 08:00"),
        ("2026-11-21 23:59", "2026-11-22 08:00"),
        ("2026-11-22 00:00", "2026-11-22 08:00"),
        ("2026-11-22 07:59", "2026-11-22 08:00"),
        ("2026-12-31 21:00", "2027-01-01 08:00"),
        # The nights in which clocks change: 11 and 13 hours from eight to eight.
        ("2026-03-28 20:00", "2026-03-29 08:00"),
        ("2026-10-24 20:00", "2026-10-25 08:00"),
    ],
)
def test_who_sleeps_is_written_to_in_the_morning(now: str, send_at: str) -> None:
    assert survey.out_of_quiet_hours(local(now), Rules(), BERLIN) == local(send_at)


@pytest.mark.parametrize("now", ["2026-11-21 08:00", "2026-11-21 12:00", "2026-11-21 19:59"])
def test_by_day_a_mail_leaves_at_once(now: str) -> None:
    assert survey.out_of_quiet_hours(local(now), Rules(), BERLIN) == local(now)


def test_the_night_is_the_one_where_the_customer_lives() -> None:
    for name, send_at in (("Europe/Berlin", NOW), ("America/New_York", datetime(2026, 11, 21, 13, tzinfo=UTC))):
        assert survey.out_of_quiet_hours(NOW, Rules(), ZoneInfo(name)) == send_at
    # Half an hour past the full one in Greenwich, and already the next day.
    evening = datetime(2026, 11, 21, 19, tzinfo=UTC)
    assert survey.out_of_quiet_hours(evening, Rules(), ZoneInfo("Asia/Kolkata")) == datetime(
        2026, 11, 22, 2, 30, tzinfo=UTC
    )


def test_quiet_hours_may_lie_within_a_day_and_there_may_be_none() -> None:
    siesta = Rules(quiet_from=13, quiet_until=16)
    assert survey.out_of_quiet_hours(local("2026-11-21 13:00"), siesta, BERLIN) == local("2026-11-21 16:00")
    for hour in ("12:59", "16:00"):
        now = local(f"2026-11-21 {hour}")
        assert survey.out_of_quiet_hours(now, siesta, BERLIN) == now
    for full in range(24):
        now = local(f"2026-11-21 {full:02d}:30")
        assert survey.out_of_quiet_hours(now, Rules(quiet_from=5, quiet_until=5), BERLIN) == now


def test_a_morning_that_the_clocks_leave_out_begins_when_they_have_moved() -> None:
    early = Rules(quiet_from=20, quiet_until=2)
    assert survey.out_of_quiet_hours(local("2026-03-29 01:30"), early, BERLIN) == local("2026-03-29 03:00")


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 (made UTC below)
    st.integers(0, 23),
    st.integers(0, 23),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_no_mail_leaves_in_quiet_hours_and_none_waits_longer_than_they_last(
    moment: datetime, start: int, end: int, zone: str
) -> None:
    now, rules, home = moment.replace(tzinfo=UTC), Rules(quiet_from=start, quiet_until=end), ZoneInfo(zone)
    send_at = survey.out_of_quiet_hours(now, rules, home)
    assert now <= send_at <= now + timedelta(hours=25)
    assert survey.out_of_quiet_hours(send_at, rules, home) == send_at


@pytest.mark.parametrize(
    ("locale", "question"),
    [("de", "d"), ("de-AT", "a"), ("de_CH", "d"), ("fr", "e"), (None, "e"), ("", "e"), ("en-GB", "e")],
)
def test_a_customer_reads_her_own_language_else_its_next_of_kin_else_english(locale: str | None, question: str) -> None:
    texts = {name: replace(DEFAULT_TEXTS, question=text) for name, text in (("de", "d"), ("de-AT", "a"), ("en", "e"))}
    assert replace(AFTER_PURCHASE, texts=texts).texts_for(locale)[1].question == question


def test_a_survey_without_english_has_a_language_for_everybody() -> None:
    texts = {name: replace(DEFAULT_TEXTS, question=name) for name in ("it", "fr")}
    assert replace(AFTER_PURCHASE, texts=texts).texts_for("sv")[0] == "fr"


ASKED = Invitation(
    invitation_id="after-purchase.2026-11-14",
    customer_id="K-1",
    survey_id="after-purchase",
    run="2026-11-14",
    invited_at=NOW,
    send_at=NOW,
    expires_at=NOW + timedelta(days=14),
    about={"channel": "web"},
)


def answered(
    asked: Invitation = ASKED, score: Any = 9, comment: str = "", hours: float = 0, wanted: Survey = AFTER_PURCHASE
) -> tuple[Invitation, Mapping[str, Any], str, str]:
    done = survey.answer(asked, wanted, score, comment, NOW + timedelta(hours=hours), "en")
    assert done is not None
    return done[0], done[1].data, done[1].type, done[1].id


def test_an_answer_is_kept_with_its_group_and_with_what_the_comment_is_about() -> None:
    after, data, name, fact_id = answered(score=3, comment="The delivery was late and the cup broken")
    assert after.answer is not None
    assert (after.answer.score, after.answer.answered_at, after.answer.changes, after.version) == (3, NOW, 0, 2)
    assert (name, fact_id) == ("SurveyAnswered", ASKED.invitation_id)
    assert (data["score"], data["group"], data["channel"]) == (3, Group.DETRACTOR, "web")
    assert (data["sentiment"], data["themes"]) == ("NEGATIVE", list(after.answer.themes))
    assert "DELIVERY" in data["themes"]
    assert "comment" not in data


def test_the_fact_names_the_points_of_a_survey_that_has_its_own() -> None:
    assert "points" not in answered()[1]
    for points in (0, 20):
        assert answered(wanted=replace(AFTER_PURCHASE, points=points))[1]["points"] == points


def test_the_same_again_is_nothing_until_it_is_too_late_for_a_change() -> None:
    after, *_ = answered(score=9, comment="Fine")
    for hours in (0, 23.9):
        assert survey.answer(after, AFTER_PURCHASE, 9, "Fine", NOW + timedelta(hours=hours), "en") is None
    for hours in (24, 1_000):
        with pytest.raises(TooLate):
            survey.answer(after, AFTER_PURCHASE, 9, "Fine", NOW + timedelta(hours=hours), "en")


def test_a_change_takes_the_place_of_the_answer_and_keeps_its_first_moment() -> None:
    first, *_ = answered(score=9)
    second, data, name, fact_id = answered(first, score=2, comment="Broken", hours=23)
    assert second.answer is not None
    assert (second.answer.score, second.answer.answered_at, second.answer.changes) == (2, NOW, 1)
    assert (name, fact_id, data["score_before"]) == ("SurveyAnswerChanged", f"{ASKED.invitation_id}/1", 9)
    third, *_, fact_id = answered(second, score=2, comment="Broken, and late", hours=23)
    assert (third.version, fact_id) == (4, f"{ASKED.invitation_id}/2")


def test_an_answer_is_final_when_its_hours_are_over_counted_from_the_first_one() -> None:
    first, *_ = answered()
    second, *_ = answered(first, score=8, hours=23.9)
    final_at = NOW + timedelta(hours=24)
    assert second.answer is not None
    assert survey.changeable_until(second.answer, AFTER_PURCHASE) == final_at
    assert survey.can_change(second, AFTER_PURCHASE, final_at - timedelta(milliseconds=1))
    assert not survey.can_change(second, AFTER_PURCHASE, final_at)
    with pytest.raises(TooLate):
        answered(second, score=7, hours=24)
    assert issubclass(TooLate, Conflict)


def test_an_answer_that_may_not_be_changed_can_be_given() -> None:
    strict = replace(AFTER_PURCHASE, edit_hours=0)
    assert survey.can_change(ASKED, strict, NOW)
    after, *_ = answered(wanted=strict)
    with pytest.raises(TooLate):
        answered(after, score=1, wanted=strict)


def test_an_answer_may_not_be_changed_without_end() -> None:
    asked, *_ = answered(score=0)
    for number in range(MAX_CHANGES):
        asked, *_ = answered(asked, score=1 + number % 2)
    with pytest.raises(TooLate):
        answered(asked, score=10)


@pytest.mark.parametrize("score", [-1, 11, 5.0, True, "7", None])
def test_what_is_no_score_is_no_answer(score: Any) -> None:
    with pytest.raises(Invalid):
        answered(score=score)


def test_a_comment_has_its_length() -> None:
    assert answered(comment="x" * COMMENT_MAX_LENGTH)[0].answer is not None
    with pytest.raises(Invalid, match="comment"):
        answered(comment="x" * (COMMENT_MAX_LENGTH + 1))


def test_a_candidate_who_is_not_asked_is_a_fact_of_that_run() -> None:
    fact = survey.skipped_fact("K-1", AFTER_PURCHASE, "2026-11-14", Refusal.ASKED_RECENTLY, NOW)
    assert (fact.type, fact.id, fact.customer_id) == ("SurveySkipped", "after-purchase.2026-11-14", "K-1")
    assert fact.data == {"survey_id": "after-purchase", "run": "2026-11-14", "reason": "ASKED_RECENTLY"}
