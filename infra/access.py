"""What each function may do: the one list to change when a function starts or stops using something."""

from dataclasses import dataclass
from typing import Final

# TransactWriteItems has no action of its own: each of its items is authorised as a put or an update.
CHANGE: Final = ("GetItem", "PutItem")


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one function may use; its environment names exactly these things and no others.

    `customers`, `scorecards`: DynamoDB actions on that table, without the `dynamodb:`.
    `bucket`: S3 actions on the objects below `bucket_folders` of the data bucket, without the `s3:`.
    `signing_key`: reads the secret that signs tokens in links.
    `sends_mail`: may send as the shop's sender through the configuration set.
    `publishes`: may put events on the bus.
    `starts_rescoring`, `starts_settlement`, `starts_invitations`: may start that state machine.
    `watches_rescoring`: may ask how executions of the rescoring are.
    `links`: is told where links lead, as everything that sends mail is.
    `numeric`: has the layer of numpy and msgspec.
    """

    customers: tuple[str, ...] = ()
    scorecards: tuple[str, ...] = ()
    bucket: tuple[str, ...] = ()
    signing_key: bool = False
    sends_mail: bool = False
    publishes: bool = False
    starts_rescoring: bool = False
    starts_settlement: bool = False
    starts_invitations: bool = False
    watches_rescoring: bool = False
    bucket_folders: tuple[str, ...] = ("rescorings",)
    links: bool = False
    numeric: bool = False


ACCESS: Final = {
    # The HTTP API
    "authorize_request": Access(customers=("GetItem",)),
    "register_customer": Access(customers=CHANGE, signing_key=True),
    "confirm_signup": Access(customers=CHANGE, scorecards=("UpdateItem",), signing_key=True),
    "manage_preferences": Access(customers=CHANGE, signing_key=True),
    "unsubscribe_customer": Access(customers=CHANGE, signing_key=True),
    "record_purchase": Access(customers=(*CHANGE, "Query"), scorecards=("GetItem", "UpdateItem"), signing_key=True),
    "refund_purchase": Access(customers=CHANGE, scorecards=("GetItem", "UpdateItem")),
    "view_customer": Access(customers=("GetItem", "Query"), scorecards=("GetItem",)),
    "report_segments": Access(customers=("GetItem",)),
    "report_forecast": Access(customers=("GetItem",)),
    "report_lifecycle": Access(customers=("GetItem",)),
    "report_cohorts": Access(customers=("GetItem",)),
    "start_rescoring": Access(customers=("PutItem",), starts_rescoring=True),
    "view_rescoring": Access(customers=("Query",), watches_rescoring=True),
    "configure_loyalty": Access(customers=("GetItem", "PutItem", "UpdateItem", "Query")),
    "view_points": Access(customers=(*CHANGE, "Query"), signing_key=True, links=True),
    "adjust_points": Access(customers=(*CHANGE, "Query"), scorecards=("UpdateItem",)),
    "redeem_reward": Access(customers=(*CHANGE, "UpdateItem", "Query")),
    "show_points_page": Access(customers=(*CHANGE, "UpdateItem", "Query"), signing_key=True),
    "start_settlement": Access(starts_settlement=True),
    "report_loyalty": Access(customers=("GetItem",)),
    "configure_surveys": Access(customers=(*CHANGE, "Query"), signing_key=True, links=True),
    "start_invitations": Access(starts_invitations=True),
    "answer_survey": Access(
        customers=(*CHANGE, "UpdateItem", "BatchGetItem", "Query"), scorecards=("GetItem",), signing_key=True
    ),
    "answer_anonymously": Access(customers=(*CHANGE, "UpdateItem"), signing_key=True),
    "take_complaint": Access(
        customers=(*CHANGE, "UpdateItem", "BatchGetItem"), scorecards=("GetItem",), signing_key=True
    ),
    "manage_cases": Access(customers=(*CHANGE, "UpdateItem", "DeleteItem", "BatchGetItem", "Query")),
    "report_nps": Access(customers=("Query",)),
    "describe_api": Access(),
    # Streams, queues
    "publish_changes": Access(publishes=True),
    "ingest_purchases": Access(customers=(*CHANGE, "Query"), scorecards=("GetItem", "UpdateItem"), signing_key=True),
    "send_confirmation": Access(customers=CHANGE, signing_key=True, sends_mail=True),
    "record_mail_events": Access(customers=CHANGE),
    "post_points": Access(customers=(*CHANGE, "Query"), scorecards=("GetItem", "UpdateItem", "ConditionCheckItem")),
    "send_points_reminder": Access(customers=(*CHANGE, "Query"), signing_key=True, sends_mail=True),
    "send_survey_invitation": Access(customers=(*CHANGE, "BatchGetItem", "Query"), signing_key=True, sends_mail=True),
    "send_referral_invitation": Access(customers=(*CHANGE, "Query"), signing_key=True, sends_mail=True),
    "notify_marketer": Access(customers=CHANGE, sends_mail=True),
    # Every hour
    "watch_cases": Access(customers=(*CHANGE, "UpdateItem", "DeleteItem", "BatchGetItem", "Query")),
    # Invitations
    "plan_invitations": Access(scorecards=("DescribeTable",)),
    "decide_invitations": Access(
        customers=(*CHANGE, "UpdateItem", "BatchGetItem", "Query"),
        scorecards=("Scan",),
        bucket=("PutObject",),
        bucket_folders=("invitations",),
    ),
    # Settlement
    "plan_settlement": Access(scorecards=("DescribeTable",)),
    "settle_points": Access(customers=(*CHANGE, "Query", "BatchGetItem"), scorecards=("Scan",)),
    "close_settlement": Access(customers=CHANGE),
    # Rescoring
    "plan_rescoring": Access(
        customers=(*CHANGE, "Query"), scorecards=("DescribeTable", "Scan"), watches_rescoring=True
    ),
    "scan_scorecards": Access(customers=("PutItem",), scorecards=("Scan",), bucket=("PutObject",), numeric=True),
    "rank_scorecards": Access(customers=("GetItem",), bucket=("GetObject", "PutObject"), numeric=True),
    "fit_forecaster": Access(customers=("PutItem",), bucket=("GetObject", "PutObject"), numeric=True),
    "write_scores": Access(
        customers=("GetItem", "PutItem", "BatchWriteItem"),
        scorecards=("GetItem", "PartiQLUpdate", "Scan"),
        bucket=("GetObject", "PutObject"),
        numeric=True,
    ),
    "report_rescoring": Access(
        customers=(*CHANGE, "UpdateItem", "DeleteItem", "Query"),
        bucket=("GetObject", "PutObject", "DeleteObject"),
        bucket_folders=("rescorings", "scores"),
        numeric=True,
    ),
}
