"""`PurchaseRecorded`, `PurchaseRefunded`, `ConsentGranted`, `SurveyAnswered` → what they earn or take back, once."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock
from shared.edge.queues import consume, fact_of
from shared.loyalty.actions import earning


def post(record: SQSRecord) -> None:
    """Facts that come again, late or in another order lead to the same account."""
    earning.take(fact_of(record), clock.shop_time())


handler = consume(post)
