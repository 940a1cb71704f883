"""Another DynamoDB in the place of moto's, reached over HTTP: what moto allows and others refuse shows there.

`REGULARS_DYNAMODB` is its address. Everything else stays with moto, streams included.
"""

import os
import zlib
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse
from urllib3 import HTTPConnectionPool

URL: Final = os.environ.get("REGULARS_DYNAMODB", "")
# Engines keep the tables of different access keys apart, so parallel workers can share an engine.
ACCOUNT: Final = f"{zlib.crc32(os.environ.get('PYTEST_XDIST_WORKER', 'alone').encode()):012}"
_AUTHORIZATION: Final = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/eu-central-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=unchecked"
)


def answer(request: Any) -> AWSResponse:
    """What the engine answers to this request of botocore, whichever address it was made for."""
    headers = {
        "Authorization": _AUTHORIZATION,
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Target": _text(request.headers["X-Amz-Target"]),
    }
    got = _connections().request("POST", "/", body=request.body, headers=headers, retries=False)
    return AWSResponse(request.url, got.status, HTTPHeaders(), MockRawResponse(got.data))


@cache
def _connections() -> HTTPConnectionPool:
    address = urlsplit(URL)
    assert address.scheme == "http", f"REGULARS_DYNAMODB is to be like http://127.0.0.1:8000, not {URL}"
    assert address.hostname
    return HTTPConnectionPool(address.hostname, address.port)


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header
