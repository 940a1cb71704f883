"""From a form to a subscribed customer and out again, over the deployed stack."""

from collections.abc import Callable
from typing import Any

from shared.core import clock
from shared.customers.consent import Topic
from shared.customers.links import unsubscribe_path
from shared.edge import signing_keys
from tests.e2e.conftest import Crm, event, eventually, link_in


def confirm(crm: Crm, link: str) -> int:
    return crm.client.post(link, data={"token": link.partition("token=")[2]}).status_code


def test_a_web_form_leads_to_a_mail_and_the_mail_to_a_subscriber(crm: Crm) -> None:
    form = {
        "email": "Grace@Example.com",
        "name": "Grace",
        "consent": "on",
        "consent_text": "newsletter-2026-11",
        "redirect": "https://shop.example/thanks",
    }
    answer = crm.call("POST", "/signups", key=None, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://shop.example/thanks")
    (mail,) = eventually(lambda: crm.mails("grace@example.com"))
    assert "Tea & Cups" in mail.subject
    # Anybody may have typed it in.
    assert "Grace" not in mail.text + mail.html
    link = link_in(mail)
    assert link in mail.html.replace("&amp;", "&")
    assert confirm(crm, link) == 200
    assert crm.statuses("grace@example.com") == {"SUBSCRIBED"}
    view = crm.customer("grace@example.com")
    assert (view["name"], view["scorecard"]["orders"]) == ("Grace", 0)
    types = {fact["type"] for fact in crm.facts(view["customer_id"])}
    assert {"ConsentGranted", "CustomerSignedUp", "EmailSent"} <= types


def test_a_scanner_that_opens_every_link_changes_nothing(crm: Crm) -> None:
    link = crm.sign_up("scanned@example.com")
    for method in ("GET", "HEAD", "GET"):
        crm.client.request(method, link)
    assert crm.statuses("scanned@example.com") == {"PENDING"}


def test_asking_again_within_minutes_sends_no_second_mail(crm: Crm) -> None:
    crm.sign_up("again@example.com")
    crm.call("POST", "/signups", key=None, json={"email": "again@example.com", "consent": True})
    # Mails leave in order: once a later signup's is there, an earlier one would be, too.
    crm.sign_up("later@example.com")
    assert len(crm.mails("again@example.com")) == 1


def test_a_forged_and_a_swapped_token_do_nothing(crm: Crm) -> None:
    first, second = crm.sign_up("one@example.com"), crm.sign_up("two@example.com")
    assert confirm(crm, first[:-3]) == 400
    payload, signature = first.rpartition(".")[0], second.rpartition(".")[2]
    assert confirm(crm, f"{payload}.{signature}") == 400
    assert crm.statuses("one@example.com") == crm.statuses("two@example.com") == {"PENDING"}


def test_links_stay_valid_when_the_signing_key_is_rotated(crm: Crm, store: None) -> None:
    before = crm.sign_up("rotated@example.com")
    signing_keys.rotate(clock.now())
    assert confirm(crm, before) == 200
    after = crm.call("POST", "/customers/{}/sign-out".format(crm.customer("rotated@example.com")["customer_id"]))
    assert after.status_code == 200
    assert confirm(crm, before) == 410


def test_one_click_unsubscribes_without_asking(crm: Crm, store: None) -> None:
    confirm(crm, crm.sign_up("leaver@example.com"))
    path = unsubscribe_path(crm.customer("leaver@example.com")["customer_id"], 0, Topic.OFFERS)
    url = f"{crm.stack.api_url}/{path}"
    assert crm.client.get(url).status_code == 200
    assert crm.statuses("leaver@example.com") == {"SUBSCRIBED"}
    answer = crm.client.post(url, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    consents = crm.customer("leaver@example.com")["consents"]["EMAIL"]
    assert {topic: consent["status"] for topic, consent in consents.items()} == {
        "NEWS": "SUBSCRIBED",
        "OFFERS": "UNSUBSCRIBED",
        "SURVEYS": "SUBSCRIBED",
    }


def test_a_bounce_suppresses_and_signing_up_again_asks_again(crm: Crm, aws: Callable[[str], Any], store: None) -> None:
    email = "bounced@example.com"
    confirm(crm, crm.sign_up(email))
    message = event("record_mail_events/hard_bounce")["Records"][0]["body"].replace("ada@example.com", email)
    aws("sns").publish(TopicArn=crm.stack.feedback_topic_arn, Message=message)
    eventually(lambda: crm.statuses(email) == {"SUPPRESSED"})
    assert confirm(crm, crm.sign_up(email)) == 200
    assert crm.statuses(email) == {"SUBSCRIBED"}
    reasons = [fact.get("reason") for fact in crm.facts(crm.customer(email)["customer_id"])]
    assert reasons.count("BOUNCE") == 1


def test_a_complaint_ends_mail_for_good(crm: Crm, aws: Callable[[str], Any]) -> None:
    email = "complained@example.com"
    confirm(crm, crm.sign_up(email))
    message = event("record_mail_events/complaint")["Records"][0]["body"].replace("Ada@Example.com", email)
    aws("sns").publish(TopicArn=crm.stack.feedback_topic_arn, Message=message)
    eventually(lambda: crm.statuses(email) == {"SUPPRESSED"})
    crm.call("POST", "/signups", key=None, json={"email": email, "consent": True})
    crm.sign_up("after-complaint@example.com")
    assert len(crm.mails(email)) == 1


def test_a_page_of_the_shop_may_call_the_api_and_others_may_not(crm: Crm) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
        answer = crm.call("OPTIONS", "/signups", key=None, headers={"origin": origin, **asked})
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
