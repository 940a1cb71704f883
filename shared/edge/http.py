"""The HTTP edge: an API Gateway event becomes a Request, an answer or an error becomes its response."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl

from shared.core import clock
from shared.core.errors import Busy, Conflict, Forbidden, Invalid, NotFound, RegularsError
from shared.core.json_text import repeats_member
from shared.core.locales import choose_locale
from shared.edge import audit
from shared.edge.wiring import Capability

if TYPE_CHECKING:
    from pydantic import BaseModel

# An order of this size still fits into one event on the bus (256 KB) with its envelope.
MAX_BODY_BYTES: Final = 128 * 1024
MAX_FORM_FIELDS: Final = 100
# Of ids in paths: no longer id is ever stored.
MAX_ID_LENGTH: Final = 64
JSON_TYPE: Final = "application/json"
PROBLEM_TYPE: Final = "application/problem+json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"

Response = dict[str, Any]
Model = TypeVar("Model", bound="BaseModel")

_STATUS: Final[Mapping[type[RegularsError], int]] = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    Forbidden: 403,
    Busy: 503,
}
_TITLES: Final = {
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    503: "Busy",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` and `query` hold decoded values, `body` is what was sent, `ip` the caller's address.

    `scopes` are those of the caller's key; `accept_language`, `user_agent` and `referer` are the headers of these
    names. `concerns` are the ids that the request is about, for the audit: those of the path, and what a handler adds.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    body: bytes
    ip: str | None
    scopes: frozenset[str] = frozenset()
    accept_language: str = ""
    user_agent: str = ""
    referer: str = ""
    concerns: dict[str, str] = field(default_factory=dict)

    def language(self, default: str, locale: str | None = None) -> str:
        """The language of a page: of the customer's `locale`, else of the browser, else the shop's `default`."""
        return choose_locale(locale, accept_language=self.accept_language, default=default)

    @property
    def customer_id(self) -> str:
        """The path's customer. Raises NotFound where it is too long to be an id."""
        customer_id = self.path["customer_id"]
        if len(customer_id) > MAX_ID_LENGTH:
            raise NotFound("there is no such customer")
        return customer_id

    @property
    def is_form(self) -> bool:
        """Whether an HTML form sent this."""
        return self.content_type == FORM_TYPE

    def form(self) -> dict[str, str]:
        """The fields of an HTML form; of a field that is sent twice, the last. Raises Problem for too many."""
        return dict(self.form_fields())

    def form_fields(self) -> list[tuple[str, str]]:
        """The fields of an HTML form as they were sent. Raises Problem for too many."""
        text = self.body.decode("utf-8", "replace")
        try:
            return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
        except ValueError:
            raise Problem(400, f"the form has more than {MAX_FORM_FIELDS} fields") from None

    def json(self, model: type[Model], *, optional: bool = False) -> Model:
        """The JSON body as a model; an absent body is an empty object where it is `optional`.

        Raises Problem where it is absent, not JSON or names a member twice, ValidationError where it does not fit.
        """
        if not self.body and not optional:
            # An empty object would set whatever has a default.
            raise Problem(400, "the body is missing: send JSON")
        if self.body and self.content_type != JSON_TYPE:
            raise Problem(415, f"send {JSON_TYPE}")
        body = self.body or b"{}"
        payload = model.model_validate_json(body)
        if repeats_member(body):
            raise Problem(400, "the body has two members of the same name")
        return payload


class Problem(Exception):
    """A request that cannot be read at all, with its HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def serve(
    capability: Capability,
    routes: Mapping[str, Callable[[Request], Response]],
    refuse_form: Callable[[str, int, str], Response] | None = None,
) -> Callable[[Mapping[str, Any], object], Response]:
    """A Lambda handler that answers the given route keys (`POST /purchases`), all routes of one function.

    `capability`: the wiring that says which scope each route requires.
    `refuse_form` answers a person who sent an HTML form, in place of problem+json: by the request's Accept-Language,
    the status and the detail.

    API Gateway has matched the route already. A route with a scope is answered only to a key that carries it, and each
    call of it leaves an entry in the audit. Unexpected errors escape: Lambda logs them once and the caller gets a bare
    500.

    Raises LookupError, as the function is imported, where these are not exactly the routes that it is wired to.
    """
    scopes = capability.scopes(routes)

    def handler(event: Mapping[str, Any], _context: object) -> Response:
        key = event["routeKey"]
        if scopes[key] is None:
            return answer(event, {})
        # The same object all along: handlers add to it.
        concerns = dict(event.get("pathParameters") or {})
        status = 500
        try:
            response = answer(event, concerns)
            status = response["statusCode"]
            return response
        finally:
            audit.record(_authorized(event).get("key_id", ""), key, concerns, status, clock.now())

    def answer(event: Mapping[str, Any], concerns: dict[str, str]) -> Response:
        key = event["routeKey"]
        is_form = _content_type(event) == FORM_TYPE
        refuse = partial(refuse_form, _accept_language(event)) if refuse_form and is_form else None
        try:
            _check_scope(event, scopes[key])
            return routes[key](_request(event, concerns))
        except Problem as error:
            return refuse(error.status, error.detail) if refuse else problem(error.status, error.detail)
        except RegularsError as error:
            return refuse(_status(error), error.detail) if refuse else _refused(error)
        except ValueError as error:
            errors = validation_errors(error)
            if errors is None:
                raise
            return _invalid(errors)

    return handler


def respond(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"statusCode": status, "headers": {"content-type": JSON_TYPE, **(headers or {})}, "body": text}


def plain_text(text: str) -> str:
    """The text of a form field: line breaks as `\\n`, without characters that cannot be printed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").strip()
    return "".join(sign for sign in lines if sign == "\n" or sign.isprintable())


def see_other(location: str) -> Response:
    """Send the browser on with a GET."""
    return {"statusCode": 303, "headers": {"location": location}, "body": ""}


def problem(status: int, detail: str, **members: Any) -> Response:
    """An error as RFC 9457 problem details."""
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail, **members}
    headers = {"content-type": PROBLEM_TYPE} | ({"retry-after": "1"} if status == 503 else {})
    return respond(status, body, headers)


def validation_errors(error: ValueError) -> list[dict[str, str]] | None:
    """The errors that pydantic reports, as JSON pointers with a sentence; None for any other error."""
    list_errors = getattr(error, "errors", None)
    if list_errors is None:
        return None
    details = list_errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "pointer": "".join(f"/{part}" for part in detail["loc"]),
            "detail": detail["msg"].removeprefix("Value error, "),
            "type": detail["type"],
        }
        for detail in details[:50]
    ]


def _invalid(errors: list[dict[str, str]]) -> Response:
    if errors[0]["type"] == "json_invalid":
        return problem(400, f"the body is not JSON: {errors[0]['detail'].removeprefix('Invalid JSON: ')}")
    shown = [{"pointer": entry["pointer"], "detail": entry["detail"]} for entry in errors]
    first = shown[0]
    return problem(422, f"{first['pointer'].lstrip('/') or 'the body'}: {first['detail']}", errors=shown)


def _refused(error: RegularsError) -> Response:
    return problem(_status(error), error.detail, **error.members)


def _status(error: RegularsError) -> int:
    return next(status for base, status in _STATUS.items() if isinstance(error, base))


def _check_scope(event: Mapping[str, Any], scope: str | None) -> None:
    if scope is None:
        return
    if scope not in _scopes(event):
        raise Forbidden(f"this needs a key with the scope {scope}")


def _scopes(event: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(_authorized(event).get("scopes", "").split())


def _authorized(event: Mapping[str, Any]) -> Mapping[str, str]:
    """What the authorizer says about the caller's key; nothing on a public route."""
    context: Mapping[str, str] = event["requestContext"].get("authorizer", {}).get("lambda", {})
    return context


def _content_type(event: Mapping[str, Any]) -> str:
    text: str = event.get("headers", {}).get("content-type", "")
    return text.partition(";")[0].strip().lower()


def _accept_language(event: Mapping[str, Any]) -> str:
    text: str = event.get("headers", {}).get("accept-language", "")
    return text


def _request(event: Mapping[str, Any], concerns: dict[str, str]) -> Request:
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    if len(body) > MAX_BODY_BYTES:
        raise Problem(413, f"the body has {len(body)} bytes; {MAX_BODY_BYTES} is the most")
    return Request(
        path=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        content_type=_content_type(event),
        body=body,
        ip=event["requestContext"].get("http", {}).get("sourceIp"),
        scopes=_scopes(event),
        accept_language=_accept_language(event),
        user_agent=event.get("headers", {}).get("user-agent", ""),
        referer=event.get("headers", {}).get("referer", ""),
        concerns=concerns,
    )
