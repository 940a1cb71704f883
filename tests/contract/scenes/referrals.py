"""Friends who came with a code: rewarded, taken back, rewarded again, and one side of it only."""

from typing import Any

from shared.edge.tokens import Purpose
from tests.contract.recording import Stage, accept
from tests.contract.scenes.loyalty import posted, put


def play(stage: Stage) -> None:
    """Grace brings four friends."""
    accept(stage.call("configure_loyalty/put_program", "the default", changes=put({})), 200)
    stage.clock.advance(hours=1)
    grace = stage.sign_up("grace@example.com", referral_code=None)
    view = accept(stage.call("view_points/points", "of who refers", fill={"K-77": grace}), 200)
    code = view["json"]["referral_code"]
    ada = _friend(stage, "ada@example.com", code, "1")
    _give_back(stage, ada, "1")
    _friend(stage, "B.o.b+shop@gmail.com", code, "2")
    stage.clock.advance(hours=1)
    body: dict[str, Any] = {"version": 1, "bonuses": {"REFERRAL": 200}}
    accept(stage.call("configure_loyalty/put_program", "friends get nothing", changes=put(body)), 200)
    stage.clock.advance(hours=1)
    _friend(stage, "cleo@example.com", code, "3")
    stage.clock.advance(hours=1)
    body = {"version": 2, "bonuses": {"REFERRED": 100}}
    accept(stage.call("configure_loyalty/put_program", "who refers gets nothing", changes=put(body)), 200)
    stage.clock.advance(hours=1)
    _friend(stage, "dora@example.com", code, "4")
    _buy(stage, ada, "5")
    page = {"TOKEN": stage.link(Purpose.POINTS, customer=grace)}
    accept(stage.call("show_points_page/get", "of who refers", fill=page), 200)
    eve = _friend(stage, "eve@example.com", code, "6")
    _give_back(stage, eve, "6")


def _friend(stage: Stage, email: str, code: str, order_id: str) -> str:
    """Somebody signs up with the code and buys."""
    friend = stage.sign_up(email.lower(), referral_code=code.lower())
    stage.clock.advance(hours=1)
    _buy(stage, friend, order_id)
    return friend


def _buy(stage: Stage, friend: str, order_id: str) -> None:
    ordered_at = stage.clock.timestamp
    stage.purchase(order_id, ordered_at, customer={"customer_id": friend})
    posted(stage, "PurchaseRecorded by a friend", stage.facts(friend, "PurchaseRecorded")[-1])


def _give_back(stage: Stage, friend: str, order_id: str) -> None:
    stage.clock.advance(hours=1)
    body = {"refund_id": f"rf-{order_id}", "refunded_at": stage.clock.timestamp, "amount": 2_900}
    accept(stage.call("refund_purchase/amount", "of all", fill={"#1001": order_id}, **body), 201)
    posted(stage, "PurchaseRefunded by a friend", *stage.facts(friend, "PurchaseRefunded"))
