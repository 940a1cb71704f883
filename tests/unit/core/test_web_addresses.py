"""Addresses that a form may send the browser on to: hostile ones are refused, whatever a browser makes of them."""

import pytest

from shared.core.settings import Settings
from shared.core.web_addresses import parse

ALLOWED = Settings(allowed_redirects=("https://a.example/thanks", "http://[::1]:8080/"))


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/thanks",
        "https://a.example/thanks/",
        "https://a.example/thanks/you?utm=1&name=%C3%A4#top",
        "https://A.EXAMPLE:443/thanks",
        "https://a.example/thanks/a..b/...",
        "http://[::1]:8080/any",
    ],
)
def test_an_address_that_is_allowed_or_lies_below_one_is_taken(url: str) -> None:
    assert ALLOWED.allows_redirect(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/thanks", "//a.example/thanks", "https:a.example/thanks", "https:///a.example/thanks"),
        "a.example/thanks",
        *("http://a.example/thanks", "ftp://a.example/thanks", "javascript:alert(1)//a.example/thanks"),
        *("https://b.example/thanks", "https://a.example.b.example/thanks", "https://a.example:8443/thanks"),
        *("https://a.example/", "https://a.example/thanksgiving", "https://a.example/THANKS"),
        *("https://a.example@b.example/thanks", "https://user:pw@a.example/thanks", "https://@a.example/thanks"),
        *("https://[x", "https://[x]/thanks", "https://a.example:x/thanks", "https://a.example:99999/thanks"),
        *("https://a.example:/thanks", "https://a.example:-1/thanks", "https://a.example:٤٤٣/thanks"),
        *("https://a.example/thanks/../admin", "https://a.example/thanks/.", "https://a.example/thanks/./x"),
        *("https://a.example/thanks/%2e%2e/admin", "https://a.example/thanks/%2E./admin", "https://a.example/thanks/.%2e"),
        *("https://a.example/thanks/%252e%252e/admin", "https://a.example/thanks/..%2fadmin"),
        *("https://a.example/thanks/x%2f..%2f..%2fadmin", "https://a.example/thanks/%5c..%5cadmin"),
        *("https://a.example/thanks/%0d%0aset-cookie:x", "https://a.example/thanks/%00", "https://a.example/thanks/%"),
        *("https://a.example/thanks/%zz", "https://a.example\\@b.example/thanks", "https://a.example/thanks\\..\\x"),
        *("https:\\\\a.example\\thanks", " https://a.example/thanks", "https://a.example/thanks "),
        "https://a.example/thanks x",
        *("https://a.example/thanks\t", "https://a.example/th\nanks", "https://a.example/thanks\r\nx: y"),
        *("https://a.example/thanks\x00", "https://a.example/thanks\x7f", "https://a.example/thanks\u2028x"),
        *("https://a.example/thanks\u200b", "https://a.example/thanks/\u202e", "https://a.example/dänke"),
        *("https://а.example/thanks", "https://a。example/thanks", "https://a.example／thanks", "https://a%2eexample/thanks"),
        *("https://a.example/thanks<x>", 'https://a.example/thanks"', "https://a.example/thanks`", "https://a.example/thanks|"),
    ],
)  # fmt: skip
def test_any_other_address_is_refused_without_an_error(url: str) -> None:
    assert not ALLOWED.allows_redirect(url)


@pytest.mark.parametrize("url", ["https://[x", "https://crm.shop.example/a b", "https://user@shop.example"])
def test_a_setting_that_is_no_plain_address_is_named(url: str) -> None:
    for name, value in (("public_url", url), ("allowed_redirects", (url,)), ("allowed_origins", (url,))):
        with pytest.raises(ValueError, match=name):
            Settings(**{name: value})  # type: ignore[arg-type]  # the name varies


def test_an_address_is_read_into_its_parts() -> None:
    parts = parse("https://a.example:8443/x?y#z")
    assert parts is not None
    assert (parts.hostname, parts.port, parts.path, parts.query, parts.fragment) == ("a.example", 8443, "/x", "y", "z")
