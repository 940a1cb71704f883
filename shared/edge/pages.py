"""The pages behind links and forms: from `shared/<capability>/templates`, answered under a strict content policy."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Final

from shared.edge import templates

_STYLESHEET: Final = "page.css"


def render_page(template: str, language: str, **context: object) -> str:
    """The HTML of `template`, such as `confirm.html`, in one of LANGUAGES; every value of `context` is escaped."""
    return templates.environment(language).get_template(template).render(context)


def page_response(html: str, language: str, status: int = 200) -> dict[str, object]:
    """`html` as an HTTP API's answer (payload 2.0) that no cache keeps, no frame shows and no search engine lists."""
    return {
        "statusCode": status,
        "headers": {
            "content-type": "text/html; charset=utf-8",
            "content-language": language,
            "content-security-policy": _content_policy(),
            # The link's token is in the address: it must not leave with a click or a form.
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "x-robots-tag": "noindex",
        },
        "body": html,
        "isBase64Encoded": False,
    }


def mask_email(address: str) -> str:
    """`ada.lovelace@example.com` as `a•••@example.com`: its owner recognises it, anybody else learns little."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if local else "•••"


@cache
def _content_policy() -> str:
    digest = sha256(templates.source(_STYLESHEET).encode()).digest()
    # No page has a script: what a page does, a person has pressed a button for.
    directives = ["default-src 'none'", f"style-src 'sha256-{b64encode(digest).decode()}'"]
    # 'self' is the origin, so a form may post to its own address below any path prefix of the API. Chromium also
    # holds redirects that follow a post against it: a post is answered by a page, not by a way to another site.
    directives += ["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
    return "; ".join(directives)
