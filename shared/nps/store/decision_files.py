"""The decisions of a night in the bucket: `invitations/<run_id>/part-<segment>.csv.gz`, a line for each candidate."""

import csv
import gzip
import io
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from shared.core import aws, environment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Decision(NamedTuple):
    """A candidate of a run of a survey, and `INVITED` or the reason why not."""

    customer_id: str
    survey_id: str
    run: str
    decision: str


def put(run_id: str, segment: int, decisions: Iterable[Decision]) -> None:
    """Write the decisions of a segment, over the file of an earlier try. The same decisions make the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Decision._fields)
    writer.writerows(decisions)
    body = gzip.compress(text.getvalue().encode(), mtime=0)
    key = f"invitations/{run_id}/part-{segment:05d}.csv.gz"
    _s3().put_object(Bucket=environment.variable("DATA_BUCKET"), Key=key, Body=body)


@cache
def _s3() -> "S3Client":
    return aws.client("s3")
