"""Signing up, confirming, choosing, leaving, and mail that bounces."""

import json
from typing import Any
from urllib.parse import urlencode

from shared.edge.tokens import Purpose
from tests.contract.recording import Stage, accept

ADA = "ada@example.com"
GRACE = "grace@example.com"


def without_address(event: Any) -> None:
    """A request of which the gateway does not say where it came from, nor its headers with what."""
    del event["requestContext"]["http"]["sourceIp"]
    event["headers"].pop("user-agent", None)


def play(stage: Stage) -> None:
    """Eight customers, and links that hold no more."""
    ada = _everything_known(stage)
    _look(stage, ada)
    _nothing_known(stage)
    _by_form(stage)
    _leave_while_waiting(stage)
    _undeliverable(stage)
    _refused(stage)
    _problems_of_links(stage, ada)
    _another_signup_in_between(stage)
    _signed_out(stage)


def _everything_known(stage: Stage) -> str:
    """Ada tells all, chooses text messages, pauses, and comes with another phone number."""
    accept(stage.call("register_customer/json", "signup of a newcomer"), 202)
    ada = stage.customer_id(ADA)
    stage.deliver("send_confirmation", "to a newcomer", *stage.facts(ada, "CustomerSignedUp"))
    stage.deliver("send_confirmation", "the same again", *stage.facts(ada, "CustomerSignedUp"))
    stage.clock.advance(minutes=3)
    token = stage.confirmation_token(ADA)
    accept(stage.call("confirm_signup/get", "before", fill={"TOKEN": token}), 200)
    accept(stage.call("confirm_signup/post", "confirmation", fill={"TOKEN": token}), 200)
    accept(stage.call("confirm_signup/post", "the same again", fill={"TOKEN": token}), 200)
    accept(stage.call("confirm_signup/get", "after", fill={"TOKEN": token}), 200)
    stage.clock.advance(hours=1)
    preferences = {"TOKEN": stage.link(Purpose.PREFERENCES, customer=ada)}
    accept(stage.call("manage_preferences/get", "all topics", fill=preferences), 200)
    accept(stage.call("manage_preferences/save", "fewer topics, texts and a pause", fill=preferences), 200)
    stage.clock.advance(hours=1)
    accept(stage.call("register_customer/json", "signup of a subscriber", phone="+44 20 7946 0999"), 202)
    signed_up = stage.facts(ada, "CustomerSignedUp")[-1]
    stage.deliver("send_confirmation", "to who has unchosen a topic", signed_up)
    token = stage.confirmation_token(ADA)
    accept(stage.call("confirm_signup/post", "with another phone number", fill={"TOKEN": token}), 200)
    stage.clock.advance(hours=1)
    resumed = {"TOKEN": stage.link(Purpose.PREFERENCES, customer=ada), "pause=30": "pause=0"}
    accept(stage.call("manage_preferences/pause", "the pause ended", fill=resumed), 200)
    stage.clock.advance(hours=1)
    accept(stage.call("register_customer/json", "signup of who has all topics", referral_code=None), 202)
    stage.deliver("send_confirmation", "to a subscriber", stage.facts(ada, "CustomerSignedUp")[-1])
    return ada


def _look(stage: Stage, ada: str) -> None:
    accept(stage.call("view_customer/by_email", "known"), 200)
    accept(stage.call("view_customer/by_id", "known", fill={"K-77": ada}), 200)
    accept(stage.call("view_customer/timeline", "the newest two facts", fill={"K-77": ada}), 200)
    following = stage.played[-1].answer["json"]["next"]

    def second_page(event: Any) -> None:
        event["queryStringParameters"] = {"limit": "3", "next": following}

    accept(stage.call("view_customer/timeline", "the next three", fill={"K-77": ada}, changes=second_page), 200)
    accept(stage.call("view_customer/by_id", "unknown"), 404)
    accept(stage.call("view_customer/timeline", "unknown"), 404)


def _nothing_known(stage: Stage) -> None:
    """Kim and Nora tell an address and nothing else, and the gateway does not say from where. Nora waits."""
    for name in ("kim", "nora"):

        def least(event: Any, email: str = f"{name}@example.com") -> None:
            without_address(event)
            event["body"] = json.dumps({"email": email, "consent": True})

        accept(stage.call("register_customer/json", "least", changes=least), 202)
    kim, token = stage.customer_id("kim@example.com"), stage.confirmation_token("kim@example.com")
    accept(stage.call("confirm_signup/post", "least", fill={"TOKEN": token}, changes=without_address), 200)
    stage.clock.advance(hours=1)
    everything = {"TOKEN": stage.link(Purpose.UNSUBSCRIBE, None, customer=kim)}
    offers = {"TOKEN": stage.link(Purpose.UNSUBSCRIBE, None, customer=kim, topic="OFFERS")}
    accept(stage.call("unsubscribe_customer/get", "one topic", fill=offers), 200)
    accept(stage.call("unsubscribe_customer/one_click", "one topic", fill=offers, changes=without_address), 200)
    accept(stage.call("unsubscribe_customer/get", "all topics", fill=everything), 200)
    stage.clock.advance(hours=1)
    accept(stage.call("unsubscribe_customer/one_click_multipart", "all topics", fill=everything), 200)
    accept(stage.call("unsubscribe_customer/one_click", "the same again", fill=everything), 200)


def _by_form(stage: Stage) -> None:
    """Grace asks for a second mail and confirms; a robot is answered like anybody."""
    accept(stage.call("register_customer/form", "a form that is sent on"), 303)
    first = stage.confirmation_token(GRACE)
    accept(stage.call("register_customer/form", "too soon after the first"), 303)
    stage.clock.advance(days=1)
    page = {"redirect=https%3A%2F%2Fshop.example%2Fthanks&": ""}
    accept(stage.call("register_customer/form", "a form that is answered by a page", fill=page), 202)

    accept(stage.call("confirm_signup/get", "replaced", fill={"TOKEN": first}), 410)
    accept(stage.call("confirm_signup/post", "replaced", fill={"TOKEN": first}), 410)
    accept(stage.call("register_customer/robot", "a robot"), 303)
    token = stage.confirmation_token(GRACE)
    accept(stage.call("confirm_signup/post", "of a form", fill={"TOKEN": token}), 200)
    accept(stage.call("register_customer/form", "a form of a subscriber"), 303)


def _leave_while_waiting(stage: Stage) -> None:
    """Lee leaves one topic of a waiting signup, Max all of them."""
    for email in ("lee@example.com", "max@example.com"):
        accept(stage.call("register_customer/json", "two topics", email=email, topics=["NEWS", "OFFERS"]), 202)
    lee, max_ = stage.customer_id("lee@example.com"), stage.customer_id("max@example.com")
    token = stage.confirmation_token("max@example.com")
    stage.clock.advance(hours=1)
    news = {"TOKEN": stage.link(Purpose.UNSUBSCRIBE, None, customer=lee, topic="NEWS")}
    accept(stage.call("unsubscribe_customer/one_click", "a topic that waits", fill=news), 200)
    leave = {"TOKEN": stage.link(Purpose.PREFERENCES, customer=max_)}
    accept(stage.call("manage_preferences/leave", "all that waits", fill=leave), 200)
    accept(stage.call("confirm_signup/get", "closed", fill={"TOKEN": token}), 410)
    accept(stage.call("confirm_signup/post", "closed", fill={"TOKEN": token}), 410)


def _undeliverable(stage: Stage) -> None:
    """Bob's mailbox is gone; Zoe complains, and signs up again."""
    bob, zoe = (stage.sign_up(f"{name}@example.com", referral_code=None) for name in ("bob", "zoe"))
    stage.clock.advance(hours=1)
    stage.call("record_mail_events/soft_bounce", "soft bounce", fill={ADA: "bob@example.com"})
    stage.call("record_mail_events/hard_bounce", "hard bounce", fill={ADA: "bob@example.com"})
    stage.call("record_mail_events/hard_bounce", "unknown address", fill={ADA: "nobody@example.com"})
    stage.call("record_mail_events/not_spam", "not spam", fill={"Ada@Example.com": "Zoe@Example.com"})
    stage.call("record_mail_events/complaint", "complaint", fill={"Ada@Example.com": "Zoe@Example.com"})
    stage.call("record_mail_events/topic_validated", "the topic works")
    suppressed = {"TOKEN": stage.link(Purpose.PREFERENCES, customer=bob)}
    accept(stage.call("manage_preferences/get", "suppressed", fill=suppressed), 200)
    stage.clock.advance(hours=1)
    accept(stage.call("register_customer/json", "signup after a complaint", email="zoe@example.com"), 202)
    stage.deliver("send_confirmation", "to who complained", stage.facts(zoe, "CustomerSignedUp")[-1])


def _refused(stage: Stage) -> None:
    accept(stage.call("register_customer/json", "no address", email="nonsense"), 422)
    accept(stage.call("register_customer/json", "a redirect in JSON", redirect="https://shop.example/thanks"), 422)

    def no_json(event: Any) -> None:
        event["body"] = "{"

    def no_type(event: Any) -> None:
        event["headers"]["content-type"] = "text/plain"

    def other_scope(event: Any) -> None:
        event["requestContext"]["authorizer"]["lambda"]["scopes"] = "purchases:write"

    def no_limit(event: Any) -> None:
        event["queryStringParameters"] = {"limit": "0"}

    accept(stage.call("register_customer/json", "not JSON", changes=no_json), 400)
    accept(stage.call("register_customer/json", "another type", changes=no_type), 415)
    elsewhere = {"shop.example%2Fthanks": "evil.example"}
    accept(stage.call("register_customer/form", "a redirect elsewhere", fill=elsewhere), 422)
    accept(stage.call("register_customer/form", "no consent", fill={"consent=on&": ""}), 422)
    accept(stage.call("view_customer/by_email", "another scope", changes=other_scope), 403)
    accept(stage.call("view_customer/timeline", "a limit of none", changes=no_limit), 422)


def _problems_of_links(stage: Stage, ada: str) -> None:
    token = stage.link(Purpose.PREFERENCES, customer=ada)
    accept(stage.call("manage_preferences/get", "a link of another kind", fill={"TOKEN": "x" + token}), 400)
    accept(stage.call("confirm_signup/get", "a link of another kind", fill={"TOKEN": token}), 400)
    changed = {"TOKEN": token, "action=save": "action=burn"}
    accept(stage.call("manage_preferences/save", "a form that was changed", fill=changed), 422)
    stage.clock.advance(hours=2)
    accept(stage.call("manage_preferences/get", "expired", fill={"TOKEN": token}), 410)
    accept(stage.call("manage_preferences/save", "expired", fill={"TOKEN": token}), 410)
    gone = {"TOKEN": stage.link(Purpose.PREFERENCES, customer="cus_gone")}
    accept(stage.call("manage_preferences/get", "of nobody", fill=gone), 400)


def _another_signup_in_between(stage: Stage) -> None:
    def another_page(event: Any) -> None:
        fields = {"token": stage.confirmation_token(GRACE), "shown": "of another signup"}
        event.update(body=urlencode(fields), isBase64Encoded=False)

    accept(stage.call("confirm_signup/post", "after another signup", changes=another_page), 409)


def _signed_out(stage: Stage) -> None:
    """Kim's links end."""
    kim = stage.customer_id("kim@example.com")
    link = {"TOKEN": stage.link(Purpose.UNSUBSCRIBE, None, customer=kim)}
    accept(stage.call("sign_out_customer/post", "all links ended", fill={"K-77": kim}), 200)
    accept(stage.call("unsubscribe_customer/one_click", "a link that has ended", fill=link), 410)
    accept(stage.call("sign_out_customer/post", "of nobody", fill={"K-77": "cus_gone"}), 404)
