"""AWS's clients, straight from botocore: boto3 makes the same ones, but its import loads S3's transfer manager too."""

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session

if TYPE_CHECKING:
    # Its stubs know the client of each service; botocore's do not.
    from boto3 import client as client
else:

    def client(service: str, **options: Any) -> Any:
        """A client of a service, by the environment's region and credentials."""
        return _session().create_client(service, **options)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()
