"""`regulars demo`: somebody signs up, earns and redeems, customers buy, a rescoring finds the regulars."""

import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Annotated, Any, Final, TypeVar

import httpx
import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cli import deployment
from cli.console import complain, console, say
from cli.demo import cdnow
from cli.exports.rows import UnreadableFile, read_layout, read_orders, to_payload
from cli.importing.command import shown, summary
from cli.importing.run import run_import
from shared.core import clock
from shared.core.errors import RegularsError
from shared.core.money import format_amount
from shared.core.settings import Settings
from shared.purchases import purchase
from shared.purchases.payloads import PurchasePayload

VISITOR: Final = "robin@example.com"
SHOP_NAME: Final = "The Corner Record Shop"
HTTP_SECONDS: Final = 20.0
HTTP_CONNECTIONS: Final = 4
# More orders than the HTTP part can send in its time, even on a fast machine.
MAX_BY_HTTP: Final = 5_000
MAIL_TIMEOUT_SECONDS: Final = 60.0
POINTS_TIMEOUT_SECONDS: Final = 60.0
RESCORING_TIMEOUT_SECONDS: Final = 180.0
TIMELINE_LENGTH: Final = 9
# Answers of customers at the counter, so that there is a score: below ten answers only counts are shown.
COUNTER_SCORES: Final = ("10", "9", "9", "8", "10", "7", "9", "10", "6", "9", "10", "8")
_SURVEY_LINK: Final = re.compile(r"https?://\S+/surveys/[^\s?]+")
_CASE_SUBJECT: Final = re.compile(r"New case .*")
_CONFIRM_LINK: Final = re.compile(r"https?://\S+/signups/confirm\?token=\S+")

T = TypeVar("T")


class _Failure(Exception):
    """The demo cannot go on; the message is a sentence that says why."""


@dataclass(kw_only=True)
class _Survey:
    """A summary of a file of purchases, read once before anything starts. `first` are the orders sent by HTTP."""

    currency: str = ""
    orders: int = 0
    last_day: date | None = None
    first: list[PurchasePayload] = field(default_factory=list)
    orders_of: Counter[str] = field(default_factory=Counter)


def demo(
    purchases: Annotated[
        Path | None,
        typer.Option(
            help="A shop's own export, as `regulars import` takes it, instead of the CDNOW sample.",
            exists=True,
            dir_okay=False,
            readable=True,
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="The port of the local AWS; another is taken where it is busy.")] = 4566,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the CRM running at the end.")] = False,
) -> None:
    """Show everything on a local AWS: signup, mail, points, a survey, real purchases, segments.

    It runs in a local AWS of its own, beside one that may be running, and ends it; `--keep` leaves it running as
    `regulars up` would.
    """
    began = time.monotonic()
    try:
        with TemporaryDirectory(prefix="regulars-") as folder, _ending_on_sigterm():
            file = purchases or _sample(Path(folder))
            survey = _survey(file)
            settings = {"CURRENCY": survey.currency, "SHOP_NAME": SHOP_NAME}
            with _local_crm(port, settings, keep=keep) as crm:
                _show(crm, file, survey)
            _what_next(crm, keep=keep)
            console.print(f"All of this took {time.monotonic() - began:.0f} s.", style="bold")
    except (_Failure, UnreadableFile, deployment.Unreachable) as failure:
        complain(str(failure))
        raise typer.Exit(1) from None
    except (BotoCoreError, ClientError) as error:
        complain(deployment.explain(error))
        raise typer.Exit(1) from None
    except httpx.HTTPError as error:
        complain(f"The API does not answer: {error or type(error).__name__}.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain("The demo was interrupted; nothing of it is left running.")
        raise typer.Exit(130) from None


@dataclass(frozen=True)
class _Crm:
    """The deployed CRM as the demo sees it."""

    into: deployment.Deployment
    api: httpx.Client
    api_url: str
    outbox_url: str


@contextmanager
def _local_crm(port: int, settings: dict[str, str], *, keep: bool) -> Iterator[_Crm]:
    from infra import local

    state = local.STATE if keep else local.STATE / "demo"
    try:
        if keep and local.running():
            raise _Failure("A local CRM runs already; `make down` ends it, or leave out --keep for one beside it.")
        if keep and local.has_data():
            raise _Failure("Data of a local CRM are kept here; `regulars down --forget` forgets them.")
        local.down(say, state=state, forget=True)
        with _step("A local AWS, and the CRM deployed to it by CDK"):
            stack = local.up(say, port=_free_port(port), state=state, settings=settings)
        with httpx.Client(
            base_url=stack.api_url,
            headers={"Authorization": f"Bearer {stack.api_key}"},
            timeout=30,
            # A proxy of the caller's knows nothing of this machine.
            trust_env=False,
        ) as api:
            yield _Crm(deployment.connect("local", state), api, stack.api_url, stack.outbox_url)
    except local.LocalFailure as failure:
        raise _Failure(f"{failure}.") from None
    finally:
        # A failed demo is not kept: there would be nothing to look at.
        if not keep or sys.exc_info()[0] is not None:
            local.down(say, state=state, forget=True)


def _show(crm: _Crm, file: Path, survey: _Survey) -> None:
    with _step(f"{VISITOR} signs up by a web form"):
        _sign_up(crm)
    with _step("The mail that asks to confirm is in the outbox"):
        link = _until(lambda: _link_in_outbox(crm), MAIL_TIMEOUT_SECONDS, "no confirmation mail came")
    with _step("The link in it is opened and confirmed: SUBSCRIBED"):
        _confirm(crm, link)
    with _step("The new subscriber buys something"):
        visitor_id = _buy(crm, survey.currency)
    with _step("Confirming and buying earned points; some of them become a voucher"):
        _redeem(crm, visitor_id)
    with _step("A survey: the subscriber is asked, is not happy, and the marketer hears of it"):
        _survey_round(crm, visitor_id)
    with _step(f"Purchases by POST /purchases, {HTTP_CONNECTIONS} at a time"):
        sent = _send(crm, survey.first)
        say(f"{sent:,} of the {survey.orders:,} orders in {HTTP_SECONDS:.0f} s; the rest by `regulars import`")
    with _step("`regulars import` of the whole file"):
        _import(crm, file)
    last_day = survey.last_day or clock.now().date()
    as_of = last_day + timedelta(days=1)
    with _step(f"Rescoring for {as_of}, the day after the last purchase"):
        result = _rescore(crm, as_of)
        say(f"{result['changed']:,} of {result['scanned']:,} scorecards changed, for {_units(result)} write units")
    console.print()
    console.print(_segments(_report(crm, "segments")))
    _print_forecast(crm)
    _print_timeline(crm, visitor_id, f"{VISITOR}, who signed up")
    _print_champion(crm, survey, as_of)


def _sample(folder: Path) -> Path:
    sample = cdnow.find()
    if sample is None:
        raise _Failure("The CDNOW sample is not installed; `make demo` installs it, or take a file by --purchases.")
    target = folder / "cdnow.csv"
    cdnow.to_csv(sample, target)
    return target


def _survey(file: Path) -> _Survey:
    """Orders that cannot be taken do not count; the import will say what is wrong with them."""
    layout = read_layout(file)
    survey, now, zone = _Survey(), clock.now(), Settings().zone
    for rows in read_orders(file, layout):
        try:
            payload = to_payload(layout, rows.rows)
            survey.currency = survey.currency or payload.currency
            order = payload.to_order(zone)
            purchase.accept(order, survey.currency, now)
        except (RegularsError, ValidationError, OverflowError):
            continue
        survey.orders += 1
        day = order.ordered_at.date()
        survey.last_day = max(survey.last_day or day, day)
        if len(survey.first) < MAX_BY_HTTP:
            survey.first.append(payload)
        survey.orders_of[payload.customer.customer_id or payload.customer.email or ""] += 1
    if not survey.orders:
        raise _Failure(f"{file.name} holds no order that can be taken; `regulars import` gives the reason for each.")
    return survey


def _sign_up(crm: _Crm) -> None:
    form = {
        "email": VISITOR,
        "name": "Robin",
        "consent": "true",
        "consent_text": "Yes, write me about news and offers.",
        "source": "demo",
    }
    answer = _checked(crm.api.post("/signups", data=form), 202)
    say(f"the browser sees: {_title(answer.text)}")


def _link_in_outbox(crm: _Crm) -> str | None:
    return _in_outbox(crm, VISITOR, _CONFIRM_LINK)


def _in_outbox(crm: _Crm, to: str, pattern: re.Pattern[str]) -> str | None:
    """The match of the pattern in the subject or the text of a mail to this address, if there is one."""
    outbox = httpx.get(crm.outbox_url, timeout=10, trust_env=False).json()
    for messages in outbox["messages"].values():  # by AWS account
        for message in messages:
            text = f"{message['Subject']}\n{message['BodyText']}"
            if to in message["To"] and (match := pattern.search(text)):
                return match[0]
    return None


def _confirm(crm: _Crm, link: str) -> None:
    page = _checked(crm.api.get(link), 200)
    # A look at the page changes nothing: mail scanners follow links too.
    if _consents(crm):
        raise _Failure("Looking at the confirmation page has already subscribed; only the form may.")
    token = re.search(r'name="token"[^>]*value="([^"]+)"', page.text)
    if not token:
        raise _Failure("The confirmation page has no form.")
    page = _checked(crm.api.post(link.partition("?")[0], data={"token": token[1]}), 200)
    say(f"the browser sees: {_title(page.text)}")
    statuses = set(_consents(crm))
    if statuses != {"SUBSCRIBED"}:
        raise _Failure(f"After the confirmation the consents are {sorted(statuses)}, not SUBSCRIBED.")


def _consents(crm: _Crm) -> list[str]:
    """The statuses of all channels and topics that are not waiting."""
    customer = _checked(crm.api.get("/customers", params={"email": VISITOR}), 200).json()
    statuses = [consent["status"] for topics in customer["consents"].values() for consent in topics.values()]
    return [status for status in statuses if status != "PENDING"]


def _buy(crm: _Crm, currency: str) -> str:
    order = {
        "order_id": "demo-1",
        "customer": {"email": VISITOR},
        "ordered_at": clock.now().isoformat(),
        "currency": currency,
        "total": 2_990,
        "products": [{"sku": "turntable-mat", "name": "Turntable mat", "quantity": 2, "price": 1_495}],
    }
    answer = _checked(crm.api.post("/purchases", json=order), 201)
    say(f"{format_amount(2_990, currency)}; the same order once more is answered by 200 and counts once")
    _checked(crm.api.post("/purchases", json=order), 200)
    return str(answer.json()["customer_id"])


def _redeem(crm: _Crm, customer_id: str) -> None:
    """The programme is the default one, which a new local CRM starts with."""
    reward = {"name": "Record brush", "cost": 40, "stock": 10, "description": "Carbon fibre"}
    _checked(crm.api.put("/loyalty/rewards/record-brush", json=reward), 200)

    def earned() -> dict[str, Any] | None:
        points: dict[str, Any] = _checked(crm.api.get(f"/customers/{customer_id}/points"), 200).json()
        return points if points["active"] and points["pending"] else None

    points = _until(earned, POINTS_TIMEOUT_SECONDS, "the points have not come")
    until = points["pending_until"]
    say(f"{points['active']} points for confirming; {points['pending']} for the purchase, to spend from {until} on")
    redemption = {"idempotency_key": "demo-1", "reward_id": "record-brush"}
    voucher = _checked(crm.api.post(f"/customers/{customer_id}/redemptions", json=redemption), 201).json()
    _checked(crm.api.post(f"/customers/{customer_id}/redemptions", json=redemption), 200)
    what = f"{voucher['points']} of them for a {voucher['reward_name']}"
    say(f"{what}: voucher {voucher['code']}, the same one when asked twice")
    page = _checked(httpx.get(points["page_url"], timeout=30, trust_env=False), 200)
    say(f"the customer's own page shows: {_title(page.text)}, {_balance(page.text)}")
    say(points["page_url"])


def _survey_round(crm: _Crm, customer_id: str) -> None:
    # No quiet hours and no days to wait: the demo runs at any time, right after the purchase.
    _checked(crm.api.put("/nps/rules", json={"quiet_from": 0, "quiet_until": 0}), 200)
    about = {"trigger": "PURCHASE", "days_after": 0, "anonymous_per_day": 50}
    _checked(crm.api.put("/nps/surveys/after-purchase", json=about), 200)
    _checked(crm.api.post("/nps/invitations"), 202)
    link = _until(lambda: _in_outbox(crm, VISITOR, _SURVEY_LINK), MAIL_TIMEOUT_SECONDS, "no survey mail came")
    answer = {"score": "4", "comment": "The parcel came two weeks late and the sleeve was bent."}
    answered = _checked(httpx.post(link, data=answer, timeout=30, trust_env=False), 200)
    say(f"score {answer['score']}: {answer['comment']!r}; the browser sees: {_title(answered.text)}")
    subject = _until(
        lambda: _in_outbox(crm, Settings().sender, _CASE_SUBJECT), MAIL_TIMEOUT_SECONDS, "the marketer got no mail"
    )
    say(f"the marketer's mail: {subject}")
    counter = _checked(crm.api.get("/nps/surveys/after-purchase/link", params={"place": "counter"}), 200).json()
    for score in COUNTER_SCORES:
        form = _checked(httpx.get(counter["url"], timeout=30, trust_env=False), 200)
        token = re.search(r'name="token"[^>]*value="([^"]+)"', form.text)
        if not token:
            raise _Failure("The survey's page has no form.")
        _checked(httpx.post(counter["url"], data={"token": token[1], "score": score}, timeout=30, trust_env=False), 200)
    report = _checked(crm.api.get("/reports/nps"), 200).json()
    counted = report["anonymous"]
    themes = ", ".join(report["themes"].get("DETRACTOR", {})).lower()
    say(
        f"NPS at the counter {counted['nps']:+.0f} ± {counted['margin']:.0f} from {counted['n']} answers; "
        f"{report['n']} of {report['invited']} by mail, too few for a score; detractors talk of {themes}"
    )


def _send(crm: _Crm, payloads: list[PurchasePayload]) -> int:
    deadline = time.monotonic() + HTTP_SECONDS
    bodies = iter([payload.model_dump(mode="json", exclude_none=True) for payload in payloads])

    def send_on() -> int:
        sent = 0
        while time.monotonic() < deadline and (body := next(bodies, None)):
            answer = crm.api.post("/purchases", json=body)
            if answer.status_code not in (200, 201):
                raise _Failure(f"POST /purchases answered {answer.status_code}: {answer.text[:300]}")
            sent += 1
        return sent

    with ThreadPoolExecutor(HTTP_CONNECTIONS) as pool:
        return sum(running.result() for running in [pool.submit(send_on) for _ in range(HTTP_CONNECTIONS)])


def _import(crm: _Crm, file: Path) -> None:
    with TemporaryDirectory(prefix="regulars-") as state:
        rejects = file.with_suffix(".rejects.csv")
        with shown(file, console) as show:
            report = run_import(file, settings=crm.into.settings, state=Path(state), rejects=rejects, show=show)
    for line in summary(report):
        say(line)
    if not report.complete:
        if report.trouble is None:
            raise KeyboardInterrupt
        raise _Failure(report.trouble)


def _rescore(crm: _Crm, as_of: date) -> dict[str, Any]:
    started = _checked(crm.api.post("/rescorings", json={"as_of": as_of.isoformat()}), 202).json()

    def ended() -> dict[str, Any] | None:
        rescoring: dict[str, Any] = _checked(crm.api.get(f"/rescorings/{started['rescoring_id']}"), 200).json()
        return rescoring if rescoring["status"] not in ("QUEUED", "RUNNING") else None

    rescoring = _until(ended, RESCORING_TIMEOUT_SECONDS, "the rescoring has not come to an end")
    if rescoring["status"] != "SUCCEEDED":
        raise _Failure(f"The rescoring {rescoring['rescoring_id']} ended as {rescoring['status']}.")
    return rescoring


def _units(rescoring: Mapping[str, Any]) -> str:
    units = rescoring["write_units"]
    return f"{units['scorecards']:,} and, for the facts of moves, {units['facts']:,}"


def _report(crm: _Crm, name: str) -> dict[str, Any]:
    report: dict[str, Any] = _checked(crm.api.get(f"/reports/{name}"), 200).json()
    return report


def _print_forecast(crm: _Crm) -> None:
    report = _report(crm, "forecast")
    existing, currency = report["existing"], report["currency"]
    low, high = existing["low"], existing["high"]
    between = f", between {_whole(low, currency)} and {_whole(high, currency)}" if high else ""
    console.print(Text(f"The next {report['horizon_days']} days", style="bold"))
    revenue = _whole(existing["revenue"], currency)
    say(f"customers there are: {existing['purchases']:,.0f} purchases for {revenue}{between}")
    test = report["test"]
    if test:
        best = next(model for model in test["purchases"] if model["model"] == report["model"]["purchases_by"])
        title = best["model"].replace("_", "/")
        said = f"{best['predicted']:,.0f} purchases of the last {test['days']} days"
        say(f"by {title}, which would have foretold {said}, of which {best['actual']:,.0f} came")
    for reason in report["reasons"]:
        say(reason)
    stages = _report(crm, "lifecycle")["stages"]
    say("by stage of life: " + ", ".join(f"{stage['customers']:,} {stage['stage'].lower()}" for stage in stages))


def _whole(minor: int, currency: str) -> str:
    amount, _, code = format_amount(minor, currency).partition(" ")
    return f"{amount.partition('.')[0]} {code}"


def _segments(report: dict[str, Any]) -> Table:
    table = Table(
        title=f"{report['customers']:,} customers on {report['as_of']}",
        caption=f"Revenue in {report['currency']}; days, orders and money spent are averages per customer",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("Segment", no_wrap=True)

    def money(minor: float) -> str:
        return format_amount(round(minor), report["currency"]).partition(" ")[0]

    for name in ("Customers", "Share", "Revenue", "Days ago", "Orders", "Spent"):
        table.add_column(name, justify="right", no_wrap=True)
    for segment in report["segments"]:
        average = segment.get("average")
        table.add_row(
            segment["segment"],
            f"{segment['customers']:,}",
            f"{segment['share']:.1%}",
            money(segment["revenue"]).partition(".")[0],
            *(
                (f"{average['recency_days']:.0f}", f"{average['frequency']:.1f}", money(average["monetary"]))
                if average
                else ("", "", "")
            ),
        )
    return table


def _print_champion(crm: _Crm, survey: _Survey, as_of: date) -> None:
    """The best customer among those who bought most often."""
    for name, _ in survey.orders_of.most_common(25):
        path = "/customers" if "@" in name else f"/customers/{name}"
        view = _checked(crm.api.get(path, params={"email": name} if "@" in name else None), 200).json()
        card = view["scorecard"]
        if card["segment"] == "Champions":
            spent = format_amount(card["spent"], card["currency"])
            who = f"{view['customer_id']}, one of the Champions: {card['orders']} orders, {spent}, "
            _print_timeline(crm, view["customer_id"], f"{who}R{card['r']} F{card['f']} M{card['m']} on {as_of}")
            return


def _print_timeline(crm: _Crm, customer_id: str, title: str) -> None:
    page = _checked(crm.api.get(f"/customers/{customer_id}/timeline", params={"limit": TIMELINE_LENGTH}), 200).json()
    lines = [f"{fact['occurred_at'][:16].replace('T', ' ')}  {_describe(fact)}" for fact in page["facts"]]
    if page["next"]:
        lines.append("…")
    console.print()
    console.print(Text(f"The timeline of {title}", style="bold"))
    for line in lines:
        console.print(f"  {line}", markup=False)


def _describe(fact: Mapping[str, Any]) -> str:
    match fact["type"]:
        case "PurchaseRecorded":
            pieces = sum(line["quantity"] for line in fact["products"])
            what = f", {pieces} piece{'s' if pieces > 1 else ''}" if pieces else ""
            about = f"{format_amount(fact['total'], fact['currency'])}{what}"
        case "SegmentChanged":
            about = f"{fact['from']} → {fact['to']}" if "from" in fact else fact["to"]
        case "ConsentGranted":
            about = f"{fact['channel']}: {', '.join(fact['topics'])}"
        case "PointsEarned" | "PointsRedeemed":
            about = f"{fact['points']:+}, {fact['balance']} then"
        case "CustomerSignedUp":
            about = f"by {fact['source']}"
        case _:
            about = ""
    return f"{fact['type']:<18} {about}".rstrip()


def _what_next(crm: _Crm, *, keep: bool) -> None:
    if keep:
        console.print(
            f"It goes on running:\n  API     {crm.api_url}\n  outbox  {crm.outbox_url}\n"
            "  its API key is in .regulars/local.json; `make down` ends it.",
            markup=False,
        )
    else:
        console.print(
            "The CRM of this demo has been ended, and the links above with it; `.venv/bin/regulars demo --keep`\n"
            "leaves it running. Next: `make up` starts one that stays (`make down` ends it),\n"
            "`make demo PURCHASES=my.csv` takes a shop's own orders.",
            markup=False,
        )


@contextmanager
def _step(text: str) -> Iterator[None]:
    began = time.monotonic()
    console.print(Text(text, style="bold"))
    yield
    console.print(f"  ✓ {time.monotonic() - began:.1f} s", style="green")


def _until(look: Callable[[], T | None], seconds: float, complaint: str) -> T:
    """Look again and again until there is something. Raises _Failure after so many seconds."""
    deadline = time.monotonic() + seconds
    while (value := look()) is None:
        if time.monotonic() > deadline:
            raise _Failure(f"After {seconds:.0f} s {complaint}.")
        time.sleep(0.5)
    return value


def _checked(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code != status:
        asked = f"{answer.request.method} {answer.request.url.path.rpartition('$default')[2]}"
        raise _Failure(f"{asked} answered {answer.status_code} instead of {status}: {answer.text[:300]}")
    return answer


def _title(html: str) -> str:
    match = re.search(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", match[1])).strip() if match else "a page"


def _balance(html: str) -> str:
    match = re.search(r'<p class="sum">(.*?)</p>', html, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", match[1])).strip() if match else "no balance"


def _free_port(preferred: int) -> int:
    """The preferred port, or a free one where it is busy."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", preferred)):
            return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    say(f"Port {preferred} is busy; taking {port}.")
    return port


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """A polite kill ends the local AWS too, as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
