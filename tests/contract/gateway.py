"""API Gateway's HTTP API as a WSGI application: which route a request is for, and the event that its function gets."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse

from infra import wirings

# API Gateway hands on text as it is, and anything else as base64.
_TEXT: Final = re.compile(r"text/.*|application/(.*\+)?(json|xml|javascript)|application/x-www-form-urlencoded")


class Gateway:
    """The routes of all wirings. `call` runs a function by its name on an event; the key has every scope."""

    def __init__(self, call: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        self._call = call
        self._routes = [
            (route.key, _pattern(route.path), function.name, route.scope)
            for function in wirings.functions().values()
            for route in function.routes
        ]

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        for key, pattern, function, scope in self._routes:
            match = pattern.fullmatch(path)
            if match and key.startswith(f"{method} "):
                answer = self._call(function, self._event(key, path, match.groupdict(), scope, environ))
                break
        else:
            unknown = {"content-type": "application/json"}
            answer = {"statusCode": 404, "headers": unknown, "body": '{"message":"Not Found"}'}
        start_response(f"{answer['statusCode']} ", list(answer.get("headers", {}).items()))
        return [answer.get("body", "").encode()]

    def _event(
        self, key: str, path: str, parameters: Mapping[str, str], scope: str | None, environ: Mapping[str, Any]
    ) -> dict[str, Any]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = dict(_headers(environ))
        is_text = bool(_TEXT.fullmatch(headers.get("content-type", "text/plain").partition(";")[0].strip().lower()))
        query: dict[str, str] = {}
        for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": key,
            "rawPath": path,
            "rawQueryString": environ.get("QUERY_STRING", ""),
            "headers": headers,
            "requestContext": {
                "http": {"method": environ["REQUEST_METHOD"], "path": path, "sourceIp": "192.0.2.44"},
                "requestId": "BnKq3h0XliAEMZQ=",
                "routeKey": key,
                "stage": "$default",
            },
            "isBase64Encoded": bool(body) and not is_text,
        }
        if query:
            event["queryStringParameters"] = query
        if parameters:
            event["pathParameters"] = {name: unquote(value) for name, value in parameters.items()}
        if body:
            event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
        if scope:
            key_of_all = {"key_id": "k-fuzz", "key_name": "fuzz", "scopes": " ".join(wirings.scopes())}
            event["requestContext"]["authorizer"] = {"lambda": key_of_all}
        return event


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _headers(environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name.removeprefix("HTTP_").replace("_", "-").lower(), value
    if environ.get("CONTENT_TYPE"):
        yield "content-type", environ["CONTENT_TYPE"]
