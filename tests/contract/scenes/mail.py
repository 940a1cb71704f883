"""Mails that may go out at most once: sent, skipped for every reason, refused, and those of which nobody knows."""

from shared.edge.tokens import Purpose
from tests.contract.recording import Stage, accept
from tests.contract.scenes.cases import complain
from tests.contract.scenes.loyalty import put

POINTS_EXPIRING = "send_points_reminder/points_expiring"


def play(stage: Stage) -> None:
    """One customer for each thing that can become of a reminder of points that will expire."""
    accept(stage.call("configure_loyalty/put_program", "points of a month", changes=put({"expiry_months": 1})), 200)
    names = ("ada", "ben", "cara", "dora", "eve", "finn", "gina", "hugo", "ines")
    ids = {name: stage.sign_up(f"{name}@example.com", referral_code=None) for name in names}
    for name in names[:-1]:
        accept(stage.call("adjust_points/add", "points given", fill={"K-77": ids[name]}), 201)
    stage.clock.set("2026-12-01T07:00:00Z")

    _remind(stage, "sent", ids["ada"])
    _remind(stage, "the same again", ids["ada"])

    stage.wire.fail_next("SendEmail", "InternalFailure")
    _remind(stage, "perhaps sent", ids["ben"], failed=1)

    stage.wire.fail_next("SendEmail", "InternalFailure")
    _remind(stage, "perhaps sent", ids["cara"], failed=1)
    _remind(stage, "after it was perhaps sent", ids["cara"])

    stage.wire.fail_next("SendEmail", "MessageRejected")
    _remind(stage, "refused", ids["dora"], failed=1)

    stage.wire.fail_next("SendEmail", "MessageRejected")
    _remind(stage, "refused", ids["hugo"], failed=1)
    stage.clock.advance(minutes=1)
    _remind(stage, "after it was refused", ids["hugo"])

    unsubscribed = {"TOKEN": stage.link(Purpose.UNSUBSCRIBE, None, customer=ids["eve"])}
    accept(stage.call("unsubscribe_customer/one_click", "all topics", fill=unsubscribed), 200)
    _remind(stage, "no consent", ids["eve"])

    paused = {"TOKEN": stage.link(Purpose.PREFERENCES, customer=ids["finn"])}
    accept(stage.call("manage_preferences/pause", "a pause", fill=paused), 200)
    _remind(stage, "paused", ids["finn"])

    complain(stage, "an open case", ids["gina"], 1)
    _remind(stage, "an open case", ids["gina"])

    _remind(stage, "nothing expires", ids["ines"])
    stage.call("record_mail_events/hard_bounce", "hard bounce", fill={"ada@example.com": "ines@example.com"})
    fill = {"CUSTOMER": ids["ines"], "2026-12": "2027-01"}
    stage.call(POINTS_EXPIRING, "suppressed", fill=fill)

    stage.purchase("1", "2026-11-30")
    _remind(stage, "no address", "K-77")


def _remind(stage: Stage, case: str, customer_id: str, failed: int = 0) -> None:
    answer = stage.call(POINTS_EXPIRING, case, fill={"CUSTOMER": customer_id})
    assert len(answer["batchItemFailures"]) == failed
