"""What the links in mails and on pages lead to, how long that is valid, and that signing out ends all of them."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.core import clock
from shared.customers import actions
from shared.customers.store import profiles
from shared.edge import tokens
from shared.edge.links import PAGE_LINKS, Link
from shared.edge.tokens import LEADS_TO, BadLinkError, Purpose, Token, sign
from tests.frozen_clock import FrozenClock
from tests.functional.scenes import ask, id_of, sign_up, surveyed

Invoke = Callable[..., dict[str, Any]]
Play = Callable[[str], Iterator[str]]

GOOD: dict[Purpose, timedelta | None] = {
    Purpose.CONFIRM: timedelta(days=7),
    Purpose.PREFERENCES: timedelta(days=400),
    Purpose.UNSUBSCRIBE: None,
    Purpose.POINTS: timedelta(days=90),
    Purpose.SURVEY: timedelta(days=14),
    Purpose.FEEDBACK: None,
    Purpose.COMPLAINT: PAGE_LINKS,
}
# Every way of using a link of this purpose, in this order.
USES = {
    Purpose.CONFIRM: ("confirm_signup/get", "confirm_signup/post", "confirm_signup/post", "confirm_signup/get"),
    Purpose.PREFERENCES: ("manage_preferences/get", "manage_preferences/save", "manage_preferences/leave"),
    Purpose.UNSUBSCRIBE: ("unsubscribe_customer/get", "unsubscribe_customer/one_click", "unsubscribe_customer/get"),
    Purpose.POINTS: ("show_points_page/get", "show_points_page/redeem"),
    Purpose.SURVEY: ("answer_survey/get", "answer_survey/post", "answer_survey/get"),
    Purpose.FEEDBACK: ("answer_anonymously/get", "answer_anonymously/post"),
    Purpose.COMPLAINT: ("take_complaint/get", "take_complaint/post"),
}
OF_CUSTOMERS = [purpose for purpose in Purpose if purpose is not Purpose.FEEDBACK]


@pytest.fixture
def claims(invoke: Invoke, launch: Callable[..., None]) -> dict[Purpose, dict[str, str]]:
    """The claims of a valid link of each purpose; of a single customer, but for the link to confirm."""
    launch()
    surveyed(invoke, anonymous_per_day=9)
    ada = sign_up(invoke, "ada@example.com")
    asked = ask(ada)
    invoke("register_customer/json", email="grace@example.com")
    grace = profiles.get(id_of("grace@example.com"))
    assert grace is not None
    assert grace.signup is not None
    return {
        **{purpose: {"customer": ada} for purpose in Purpose},
        Purpose.CONFIRM: {"customer": grace.customer_id, "signup": grace.signup.signup_id},
        Purpose.SURVEY: {"customer": ada, "invitation": asked.invitation_id},
        Purpose.FEEDBACK: {"survey": asked.survey_id, "place": "counter"},
        Purpose.COMPLAINT: {"customer": ada, "complaint": "c1"},
    }


def links_of(answer: dict[str, Any]) -> Iterator[tuple[Purpose, Token]]:
    """The links on a page and of its forms."""
    for text in re.findall(r"[0-9]+\.[A-Za-z0-9_.-]{40,}", answer["body"]):
        opened = []
        for purpose in Purpose:
            try:
                opened.append((purpose, tokens.read(purpose, text, clock.now())))
            except BadLinkError:
                continue
        assert len(opened) == 1
        yield from opened


def test_the_table_names_every_purpose_once() -> None:
    assert list(LEADS_TO) == list(GOOD) == list(USES) == list(Purpose)
    assert [purpose for purpose, valid in GOOD.items() if valid is None and LEADS_TO[purpose]] == []


@pytest.mark.parametrize("left", [timedelta(hours=1), None])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_leads_to_nothing_stronger_and_nothing_that_is_valid_for_longer(
    invoke: Invoke, claims: dict[Purpose, dict[str, str]], purpose: Purpose, left: timedelta | None
) -> None:
    valid = left or GOOD[purpose]
    expires_at = clock.now() + valid if valid else None
    token = sign(purpose, claims[purpose], expires_at)
    seen = set()
    for event in USES[purpose]:
        answer = invoke(event, fill={"TOKEN": token})
        assert answer["statusCode"] in (200, 422), event
        for led_to, link in links_of(answer):
            seen.add(led_to)
            if expires_at is None:
                assert link.expires_at is None or link.expires_at <= clock.now() + PAGE_LINKS
            else:
                assert link.expires_at is not None
                assert link.expires_at <= expires_at
    assert seen - {purpose} == LEADS_TO[purpose]


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_to_anything_else_is_an_error(purpose: Purpose) -> None:
    link = Link(purpose, "K-77", {}, "", None)
    for other in {*Purpose} - LEADS_TO[purpose] - {purpose}:
        with pytest.raises(ValueError, match="does not lead to"):
            link.until(other, clock.now())


@pytest.mark.parametrize("purpose", OF_CUSTOMERS)
def test_signing_out_everywhere_ends_every_link_of_a_customer(
    invoke: Invoke,
    contents: Callable[[], Any],
    claims: dict[Purpose, dict[str, str]],
    clock: FrozenClock,
    purpose: Purpose,
) -> None:
    customer_id = claims[purpose]["customer"]
    before = sign(purpose, claims[purpose])
    clock.advance(hours=1)
    answer = invoke("sign_out_customer/post", fill={"K-77": customer_id})
    assert answer["json"] == {"customer_id": customer_id, "links_ended_until": "2026-11-21T13:00:00.000Z"}
    stored = contents()
    for event in USES[purpose]:
        answer = invoke(event, fill={"TOKEN": before})
        assert (answer["statusCode"], "This link is no longer valid" in answer["body"]) == (410, True), event
    assert contents() == stored
    after = sign(purpose, {**claims[purpose], "epoch": "1"})
    assert invoke(USES[purpose][0], fill={"TOKEN": after})["statusCode"] == 200


def test_a_key_that_spends_points_gets_a_link_of_the_new_epoch(invoke: Invoke, launch: Callable[..., None]) -> None:
    launch()
    ada = sign_up(invoke, "ada@example.com")
    for _ in range(2):
        actions.sign_out_everywhere(ada, clock.now())
    answer = invoke("view_points/points", fill={"K-77": ada})
    assert answer["statusCode"] == 200
    (page,) = re.findall(r"token=(\S+)", answer["json"]["page_url"])
    assert tokens.read(Purpose.POINTS, page, clock.now()).claims == {"customer": ada, "epoch": "2"}
    assert invoke("show_points_page/get", fill={"TOKEN": page})["statusCode"] == 200


def test_nobody_unknown_is_signed_out_and_no_key_without_the_scope_does_it(invoke: Invoke) -> None:
    assert invoke("sign_out_customer/post")["statusCode"] == 404
    assert invoke("sign_out_customer/post", fill={"customers:write": "customers:read"})["statusCode"] == 403
