"""A table restored as DynamoDB does it, under another name, and with what a restore leaves out put back.

Left out are the stream, TTL, point-in-time recovery itself, deletion protection and tags. Each step looks first
whether it was done, so all of it may be repeated, also where an answer was lost.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from shared.core.settings import Settings

CUSTOMERS: Final = "customers"
SCORECARDS: Final = "scorecards"

POLL_SECONDS: Final = 20
# DescribeTable may not know a new table for some seconds; backups are not available to it for some minutes.
MAX_POLLS_UNKNOWN: Final = 15
MAX_POLLS_BACKUPS: Final = 45
_OF_AWS: Final = "aws:"
# An earlier attempt did it, and its answer was lost.
_BEGUN: Final = frozenset({"TableAlreadyExistsException", "TableInUseException"})

Say = Callable[[str], None]


class CannotRestore(Exception):
    """It cannot be restored as asked; the message is a sentence that says why."""


def target_name(settings: Settings, table: str, to: datetime) -> str:
    """The name of the restored table: by it, the same command finds what it began."""
    return settings.resource_name(f"{table}-{to:%Y%m%dT%H%M%SZ}")


def check_window(to: datetime, earliest: datetime | None, latest: datetime | None) -> None:
    """Raises CannotRestore where a table cannot be restored to a moment; without a window it has no backups at all."""
    if earliest is None or latest is None:
        raise CannotRestore("The table has no point-in-time recovery, so there is nothing to restore")
    if not earliest <= to <= latest:
        raise CannotRestore(
            f"It can be restored to moments from {earliest:%Y-%m-%dT%H:%M:%SZ} to {latest:%Y-%m-%dT%H:%M:%SZ}"
        )


def window(name: str) -> tuple[datetime | None, datetime | None]:
    """The earliest and the latest moment to which a table can be restored now; None without such backups."""
    answer = _client().describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    about = answer.get("PointInTimeRecoveryDescription", {})
    return about.get("EarliestRestorableDateTime"), about.get("LatestRestorableDateTime")


def describe(name: str) -> dict[str, Any] | None:
    """A table as DynamoDB describes it, None where there is none."""
    try:
        return {**_client().describe_table(TableName=name)["Table"]}
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise


def start(source: str, target: str, to: datetime) -> bool:
    """Begin to restore a table to a moment of its window; False where that was begun before. Raises CannotRestore."""
    about = describe(target)
    if about is None:
        try:
            _client().restore_table_to_point_in_time(SourceTableName=source, TargetTableName=target, RestoreDateTime=to)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _BEGUN:
                raise
        return True
    from_arn = about.get("RestoreSummary", {}).get("SourceTableArn", "")
    if source != target and from_arn and from_arn.rpartition("/")[2] != source:
        raise CannotRestore(f"There is a table {target} already, which was restored from {from_arn}")
    return False


def wait(target: str, say: Say) -> dict[str, Any]:
    """Wait until a table is there and can be changed; its description. Says each minute how long it has waited."""
    begun, unknown, said = time.monotonic(), 0, -1
    while True:
        about = describe(target)
        if about and about["TableStatus"] == "ACTIVE":
            return about
        unknown = 0 if about else unknown + 1
        if unknown > MAX_POLLS_UNKNOWN:
            raise CannotRestore(f"DynamoDB does not know the table {target} (any more)")
        minutes = int(time.monotonic() - begun) // 60
        if minutes > said:
            said = minutes
            say(f"{target}: {about['TableStatus'] if about else 'not there yet'}, for {minutes} min")
        time.sleep(POLL_SECONDS)


def complete(target: str, source: str, *, is_streamed: bool, say: Say) -> dict[str, Any]:
    """Put back what a restore leaves out, with the tags of the source; the table's description.

    `is_streamed`: whether new items are streamed and items end by `expires_at`, as in the customers table.
    """
    about = wait(target, say)
    if is_streamed:
        if not about.get("StreamSpecification", {}).get("StreamEnabled"):
            specification: Any = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
            _client().update_table(TableName=target, StreamSpecification=specification)
            about = wait(target, say)
        _end_items(target)
    if not about.get("DeletionProtectionEnabled"):
        _client().update_table(TableName=target, DeletionProtectionEnabled=True)
        about = wait(target, say)
    _back_up(target, say)
    _tag(about["TableArn"], source)
    return about


def _end_items(name: str) -> None:
    about = _client().describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if about.get("TimeToLiveStatus") not in ("ENABLING", "ENABLED"):
        specification: Any = {"Enabled": True, "AttributeName": "expires_at"}
        _client().update_time_to_live(TableName=name, TimeToLiveSpecification=specification)


def _back_up(name: str, say: Say) -> None:
    for _ in range(MAX_POLLS_BACKUPS):
        if window(name) != (None, None):
            return
        try:
            _client().update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
            return
        except ClientError as error:
            if error.response["Error"]["Code"] != "ContinuousBackupsUnavailableException":
                raise
        say(f"{name}: backups cannot be switched on yet")
        time.sleep(POLL_SECONDS)
    raise CannotRestore(f"DynamoDB does not let backups of {name} be switched on; try the same command again")


def _tag(arn: str, source: str) -> None:
    """Give a table the tags of the source, but for those that AWS itself gives."""
    about = describe(source)
    if about is None or about["TableArn"] == arn:
        return
    pages = _client().get_paginator("list_tags_of_resource").paginate(ResourceArn=about["TableArn"])
    tags = [tag for page in pages for tag in page["Tags"] if not tag["Key"].startswith(_OF_AWS)]
    if tags:
        _client().tag_resource(ResourceArn=arn, Tags=tags)


def _client() -> Any:
    return boto3.client("dynamodb")
