"""Queues: encrypted, over TLS only; a consumed queue always has a dead-letter queue behind it."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.exception import accept
from infra.names import name_of, queue_arn
from shared.core.settings import Settings
from shared.edge.wiring import Hears

MAX_RECEIVES: Final = 5
# Some five hours, for a message is received every three minutes: while SES is out, no mail is given up.
PATIENT_RECEIVES: Final = 100


class DeadLetterQueue(sqs.Queue):
    """Messages that failed for good wait here for 14 days; an alarm watches each of these queues."""

    def __init__(
        self, scope: Construct, name: str, *, settings: Settings, source_queues: list[sqs.IQueue] | None = None
    ) -> None:
        super().__init__(
            scope,
            f"{name}-failed",
            queue_name=name_of(settings, f"{name}-failed"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            redrive_allow_policy=sqs.RedriveAllowPolicy(
                redrive_permission=sqs.RedrivePermission.BY_QUEUE, source_queues=source_queues
            )
            if source_queues
            else None,
        )
        accept(self, "SQS3", "this is a dead-letter queue itself")


class ConsumedQueue(sqs.Queue):
    """A queue, its dead-letter queue, and the function that consumes it, record by record."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: Settings,
        function_timeout: Duration,
        is_patient: bool,
    ) -> None:
        # By its name: the dead-letter queue names its source, and its source names it.
        source = sqs.Queue.from_queue_arn(scope, f"{name}-source", queue_arn(scope, settings, name))
        self.failed = DeadLetterQueue(scope, name, settings=settings, source_queues=[source])
        receives = PATIENT_RECEIVES if is_patient else MAX_RECEIVES
        super().__init__(
            scope,
            name,
            queue_name=name_of(settings, name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # Six times the function's timeout, as Lambda's documentation asks for.
            visibility_timeout=Duration.seconds(6 * function_timeout.to_seconds()),
            # The longest that SQS keeps anything; in a dead-letter queue a message keeps its age.
            retention_period=Duration.days(14),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.failed, max_receive_count=receives),
        )

    def hear(self, bus: events.IEventBus, wiring: Hears) -> None:
        """Take the facts off the bus that a function hears; what is not delivered in a day goes to the dead letters."""
        # A member of facts that is true or absent.
        imported = {None: None, True: [True], False: events.Match.does_not_exist()}[wiring.imported]
        events.Rule(
            self,
            "Facts",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=["regulars"],
                detail_type=list(wiring.facts),
                detail=None if imported is None else {"imported": imported},
            ),
            targets=[targets.SqsQueue(self, dead_letter_queue=self.failed, max_event_age=Duration.hours(24))],
        )

    def feed(self, function: lambda_.Function, *, at_once: int) -> None:
        """Invoke `function` with batches of ten; a record that fails is received again, alone.

        `at_once`: how many run at a time, so that a long queue leaves the account's concurrency to the API.
        """
        function.add_event_source(
            event_sources.SqsEventSource(self, batch_size=10, report_batch_item_failures=True, max_concurrency=at_once)
        )
