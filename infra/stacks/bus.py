"""The resources that all capabilities share: the event bus, and the queue of missed schedules."""

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from infra import names
from infra.constructs.queue import DeadLetterQueue
from shared.core.settings import Settings
from shared.edge.wiring import MISSED_SCHEDULES


class BusStack(Stack):
    """Everything here has a fixed name, by which other stacks know it."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        bus = events.EventBus(self, "Bus", event_bus_name=names.name_of(settings, ""))
        if not settings.is_local:
            # Replays every fact of the last 30 days. The local AWS knows no AWS::Events::Archive.
            bus.archive(
                "Archive",
                event_pattern=events.EventPattern(source=["regulars"]),
                retention=Duration.days(30),
            )
        DeadLetterQueue(self, MISSED_SCHEDULES, settings=settings)
        CfnOutput(self, "BusName", value=bus.event_bus_name)
