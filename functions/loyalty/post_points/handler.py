"""`PurchaseRecorded`, `PurchaseRefunded`, `ConsentGranted`, `SurveyAnswered` → what they earn or take back, once."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock, fact_store
from shared.edge.queues import consume
from shared.loyalty.actions import earning


def post(record: SQSRecord) -> None:
    """Facts that come again, late or in another order lead to the same account."""
    earning.take(fact_store.from_members(json.loads(record.body)["detail"]), clock.shop_time())


handler = consume(post)
