"""The pages as people meet them, in a headless Chromium on a phone: by tap, by keyboard, and without scripts."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.conftest import IN_A_BROWSER, Crm, eventually, link_in

PHONE: Final[ViewportSize] = {"width": 360, "height": 740}

pytestmark = IN_A_BROWSER


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A phone, once with and once without scripts; nothing may go wrong on its console."""
    context = chromium.new_context(viewport=PHONE, java_script_enabled=request.param, locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # That a page was answered with 422 is no fault of the page.
    assert [text for text in complaints if "favicon" not in text and "status of 422" not in text] == []
    context.close()


def shot(page: Page, name: str) -> None:
    """Keep a picture where SCREENSHOTS says, to be looked at."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def has_scripts(page: Page, request: pytest.FixtureRequest) -> bool:
    return "without" not in request.node.name


def fits(page: Page) -> None:
    """No sideways scrolling on a phone."""
    handle = page.locator("html").bounding_box()
    assert handle is not None
    assert handle["width"] <= PHONE["width"]


def test_the_link_in_the_mail_shows_what_it_saves_and_waits_for_its_button(
    crm: Crm, page: Page, request: pytest.FixtureRequest
) -> None:
    email = f"browser-{has_scripts(page, request)}@example.com".lower()
    page.goto(crm.sign_up(email, name="Ada King", phone="+49 30 901820", birthday="1990-12-10"))
    for text in ("Ada King", "+49 30 901820", "10 December 1990"):
        expect(page.get_by_text(text)).to_be_visible()
    shot(page, "confirm")
    fits(page)
    # Longer than a scanner's browser looks at a page.
    page.wait_for_timeout(1500)
    assert crm.statuses(email) == {"PENDING"}
    page.get_by_role("button").click()
    expect(page.get_by_role("link")).to_be_visible()
    shot(page, "confirmed")
    fits(page)
    assert crm.statuses(email) == {"SUBSCRIBED"}


def test_the_preference_centre_is_worked_by_keyboard_and_leaves_by_its_button(
    crm: Crm, page: Page, request: pytest.FixtureRequest
) -> None:
    scripts = has_scripts(page, request)
    email = f"choosy-{scripts}@example.com".lower()
    page.goto(crm.sign_up(email, phone="+49 30 901820"))
    page.get_by_role("button").click()
    page.get_by_role("link").first.click()
    expect(page.locator("input[name=EMAIL_NEWS]")).to_be_checked()
    shot(page, "preferences")
    fits(page)
    page.locator("input[name=EMAIL_OFFERS]").focus()
    page.keyboard.press("Space")
    page.locator("select[name=pause]").select_option("30")
    page.locator("button[value=save]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_visible()
    shot(page, "preferences-saved")
    view = crm.customer(email)
    consents = {topic: consent["status"] for topic, consent in view["consents"]["EMAIL"].items()}
    assert consents == {"NEWS": "SUBSCRIBED", "OFFERS": "UNSUBSCRIBED", "SURVEYS": "SUBSCRIBED"}
    assert view["paused_until"] is not None
    page.locator("button[value=leave]").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert crm.statuses(email) == {"UNSUBSCRIBED"}


def test_a_member_redeems_a_reward_by_keyboard_once(crm: Crm, page: Page, request: pytest.FixtureRequest) -> None:
    scripts = has_scripts(page, request)
    email = f"member-{scripts}@example.com".lower()
    order = {
        "order_id": f"page-{scripts}",
        "customer": {"email": email},
        "ordered_at": (datetime.now(UTC) - timedelta(days=20)).isoformat(),
        "currency": "EUR",
        "total": 54_000,
    }
    customer_id = crm.call("POST", "/purchases", json=order).raise_for_status().json()["customer_id"]
    for reward_id, body in {
        "cup": {"name": "A blue cup", "description": "Hand-thrown, 300 ml", "cost": 200},
        "pot": {"name": "The big pot", "cost": 900, "tier": "GOLD"},
    }.items():
        crm.call("PUT", f"/loyalty/rewards/{reward_id}", json=body).raise_for_status()

    def points() -> dict[str, Any]:
        points_view: dict[str, Any] = crm.call("GET", f"/customers/{customer_id}/points").json()
        return points_view

    eventually(lambda: points()["active"] == 540)
    page.goto(points()["page_url"])
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("540", exact=True).first).to_be_visible()
    shot(page, "points")
    fits(page)
    buttons = page.get_by_role("button")
    expect(page.get_by_role("button", name="A blue cup")).to_be_visible()
    assert "The big pot" not in " ".join(buttons.all_inner_texts())
    page.get_by_role("button", name="A blue cup").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_visible()
    shot(page, "points-redeemed")
    fits(page)
    (voucher,) = crm.call("GET", f"/customers/{customer_id}/redemptions").json()["redemptions"]
    expect(page.get_by_text(voucher["code"]).first).to_be_visible()
    # The same form once more, as a reload sends it: the same voucher.
    page.reload()
    expect(page.get_by_role("status")).to_be_visible()
    assert (points()["active"], points()["spent"]) == (340, 200)


def test_a_survey_is_answered_by_click_and_changed_by_keyboard(
    crm: Crm, page: Page, request: pytest.FixtureRequest
) -> None:
    scripts = has_scripts(page, request)
    email = f"asked-{scripts}@example.com".lower()
    quiet_never = {"quiet_from": 0, "quiet_until": 0, "cooldown_days": 0}
    crm.call("PUT", "/nps/rules", json=quiet_never).raise_for_status()
    crm.call("PUT", "/nps/surveys/page", json={"trigger": "PURCHASE", "days_after": 0}).raise_for_status()
    confirm, _, token = crm.sign_up(email).partition("?token=")
    crm.client.post(confirm, data={"token": token}).raise_for_status()
    order = {
        "order_id": f"asked-{scripts}",
        "customer": {"email": email},
        "ordered_at": datetime.now(UTC).isoformat(),
        "currency": "EUR",
        "total": 1_000,
    }
    customer_id = crm.call("POST", "/purchases", json=order).raise_for_status().json()["customer_id"]
    before = len(crm.mails(email))
    crm.call("POST", "/nps/invitations").raise_for_status()
    mail = eventually(lambda: crm.mails(email)[before:], 120)[0]
    page.set_content(mail.html)
    shot(page, "survey-mail")
    fits(page)
    page.goto(link_in(mail).partition("?")[0] + "?score=9")
    chosen = page.locator("input[name=score][value='9']")
    expect(chosen).to_be_checked()
    shot(page, "survey")
    fits(page)
    page.locator("textarea").fill("Lovely cups & <i>quick</i> delivery")
    page.get_by_role("button").click()
    expect(page.get_by_text("9 out of 10")).to_be_visible()
    shot(page, "survey-done")
    fits(page)
    page.get_by_role("link", name="change your answer").click()
    expect(page.locator("textarea")).to_have_value("Lovely cups & <i>quick</i> delivery")
    page.locator("input[name=score][value='9']").focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("input[name=score][value='3']")).to_be_checked()
    shot(page, "survey-detractor")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 out of 10")).to_be_visible()
    facts = [fact["type"] for fact in crm.facts(customer_id)]
    assert (facts.count("SurveyAnswered"), facts.count("SurveyAnswerChanged")) == (1, 1)
    assert facts.count("CaseOpened") == 1
    page.get_by_role("link", name="Tell us more").click()
    page.locator("textarea").fill("It came broken.")
    page.get_by_role("button").click()
    expect(page.get_by_text("c-")).to_be_visible()
    shot(page, "complaint-done")
    fits(page)
    # It is about the same incident as the answer.
    facts = [fact["type"] for fact in crm.facts(customer_id)]
    assert (facts.count("CaseOpened"), facts.count("CaseContinued")) == (1, 1)


def publish(page: Page, url: str, html: str) -> None:
    """The shop's own site, as far as this browser sees it."""
    page.route(url, lambda route: route.fulfill(content_type="text/html", body=html))


def test_the_form_in_the_readme_works_as_it_stands(crm: Crm, page: Page, request: pytest.FixtureRequest) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    form = readme.partition("```html\n")[2].partition("```")[0]
    assert form
    pasted = form.replace("https://YOUR-API", crm.stack.api_url)
    publish(page, "https://shop.example/", f"<title>Shop</title>{pasted}")
    email = f"pasted-{has_scripts(page, request)}@example.com".lower()
    page.goto("https://shop.example/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Yes, send me news").check()
    page.get_by_role("button").click()
    expect(page.get_by_text("check your mail")).to_be_visible()
    assert crm.statuses(email) == {"PENDING"}


def test_a_wrong_form_says_what_to_change(crm: Crm, page: Page) -> None:
    form = f"""<title>Shop</title><form method="post" action="{crm.stack.api_url}/signups">
        <input name="email" value="nobody"><input name="consent" value="on"><button>Join</button></form>"""
    publish(page, "https://shop.example/", form)
    page.goto("https://shop.example/")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("this is not an e-mail address")).to_be_visible()
    shot(page, "form-problem")
    fits(page)
