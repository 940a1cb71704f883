"""GET /cases, /cases/{id} → open or resolved cases; POST …/assign, …/notes, …/resolve → a step with a case."""

import base64
import binascii
from typing import Any, Final

from functions.cases.wiring import CASES
from shared.cases import actions
from shared.cases.case import Case, CaseStatus
from shared.cases.payloads import AssignPayload, NotePayload, ResolvePayload
from shared.core import clock
from shared.core.codec import to_members
from shared.core.errors import Invalid, NotFound
from shared.edge.http import MAX_ID_LENGTH, Request, Response, respond, serve

DEFAULT_PAGE_SIZE: Final = 25
MAX_PAGE_SIZE: Final = 100


def show_list(request: Request) -> Response:
    """Open cases, the most urgent first, or with `?status=RESOLVED` those resolved last; `next` leads on."""
    status = request.query.get("status", CaseStatus.OPEN)
    if status not in tuple(CaseStatus):
        raise Invalid("status: want OPEN or RESOLVED")
    limit = request.query.get("limit", str(DEFAULT_PAGE_SIZE))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= MAX_PAGE_SIZE):
        raise Invalid(f"limit: want a number from 1 to {MAX_PAGE_SIZE}")
    cases, more = actions.list_cases(CaseStatus(status), int(limit), _after(request.query.get("next")))
    following = base64.urlsafe_b64encode(more.encode()).decode() if more else None
    return respond(200, {"cases": [_in_short(case) for case in cases], "next": following})


def show(request: Request) -> Response:
    """A case with its notes."""
    return _answer(request, actions.get(_case_id(request)))


def assign(request: Request) -> Response:
    """Give the case to a member of staff."""
    payload = request.json(AssignPayload)
    return _answer(request, actions.assign(_case_id(request), payload.owner, clock.now()))


def write_note(request: Request) -> Response:
    """Write a note into the case."""
    payload = request.json(NotePayload)
    return _answer(request, actions.comment(_case_id(request), payload.author, payload.text, clock.now()))


def resolve(request: Request) -> Response:
    """Close the case with its outcome; later the customer is asked whether it helped."""
    payload = request.json(ResolvePayload)
    return _answer(request, actions.resolve(_case_id(request), payload.outcome, clock.shop_time()))


def _answer(request: Request, case: Case) -> Response:
    request.concerns["customer_id"] = case.customer_id
    return respond(200, _members(case))


def _members(case: Case) -> dict[str, Any]:
    members = to_members(case)
    del members["version"]
    return {**members, "status": case.status}


def _in_short(case: Case) -> dict[str, Any]:
    return {**_members(case), "notes": len(case.notes)}


def _case_id(request: Request) -> str:
    case_id = request.path["case_id"]
    if len(case_id) > MAX_ID_LENGTH:
        raise NotFound("there is no such case")
    return case_id


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()[:100] or None
    except (binascii.Error, ValueError):
        raise Invalid("next: want the value of `next` from the page before") from None


handler = serve(
    CASES,
    {
        "GET /cases": show_list,
        "GET /cases/{case_id}": show,
        "POST /cases/{case_id}/assign": assign,
        "POST /cases/{case_id}/notes": write_note,
        "POST /cases/{case_id}/resolve": resolve,
    },
)
