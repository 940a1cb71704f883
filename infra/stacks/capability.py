"""A capability as a stack, built from its wiring: functions, routes, queues, schedules, jobs."""

from typing import Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra import concurrency, names
from infra.constructs.exception import accept
from infra.constructs.function import Function
from infra.constructs.job import JobMachine
from infra.constructs.mail_events import MailEvents as MailEventsConstruct
from infra.constructs.queue import ConsumedQueue, DeadLetterQueue
from infra.constructs.schedule import Schedule as ScheduleConstruct
from infra.constructs.waiting import count_what_waits
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from shared.core.settings import Settings
from shared.edge.wiring import Authorizer, Capability, Hears, MailEvents, Queue, Route, Schedule, Stream

_STREAM_BATCH: Final = 100
# Of the 24 hours that the stream keeps a record: `regulars queues redrive` still finds there what failed.
_STREAM_PATIENCE: Final = Duration.hours(6)


class CapabilityStack(Stack):
    """Everything that a wiring names. Of other stacks it imports what has no fixed name: the data, the API's id."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        capability: Capability,
        *,
        settings: Settings,
        data: DataStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._data = data
        self._api = api
        self._authorizer = apigateway.HttpAuthorizer.from_http_authorizer_attributes(
            self, "Keys", authorizer_id=api.authorizer.ref, authorizer_type="CUSTOM"
        )
        self._bus = events.EventBus.from_event_bus_name(self, "Bus", names.name_of(settings, ""))

        steps = {step.function.name for job in capability.jobs for step in job.steps}
        functions = {
            wiring.name: Function(self, wiring, settings=settings, data=data, api=api, is_step=wiring.name in steps)
            for wiring in capability.functions
        }
        for function in functions.values():
            self._connect(function)
        for job in capability.jobs:
            JobMachine(self, job, settings=settings, functions=functions)

    def _connect(self, function: Function) -> None:
        self._add_routes(function)
        for trigger in function.wiring.triggers:
            match trigger:
                case Queue():
                    self._add_queue(function, trigger)
                case Stream():
                    self._add_stream(function)
                case Authorizer():
                    self._let_authorize(function)
                case Schedule():
                    self._add_schedule(function, trigger)
                case Route():
                    pass

    def _add_routes(self, function: Function) -> None:
        integration = integrations.HttpLambdaIntegration(
            f"{function.wiring.name}-integration",
            function,
            # One permission for all of them: each costs some of the 20 KB that a function's policy may have.
            scope_permission_to_route=False,
        )
        for route in function.wiring.routes:
            made = apigateway.HttpRoute(
                self,
                route.key,
                http_api=self._api.api,
                route_key=apigateway.HttpRouteKey.with_(route.path, apigateway.HttpMethod[route.method]),
                integration=integration,
                authorizer=self._authorizer if route.scope else None,
            )
            if not route.scope:
                accept(made, "APIG4", "public by design: what a link may do is decided by its signed token")

    def _add_queue(self, function: Function, trigger: Queue) -> None:
        name = function.wiring.queue_name(trigger)
        queue = ConsumedQueue(
            self,
            name,
            settings=self._settings,
            function_timeout=function.timeout,
            is_patient=trigger.patient,
        )
        if isinstance(trigger, Hears):
            queue.hear(self._bus, trigger)
        elif isinstance(trigger, MailEvents):
            mail = MailEventsConstruct(self, "Mail", settings=self._settings, types=trigger.types)
            mail.topic.add_subscription(
                subscriptions.SqsSubscription(queue, raw_message_delivery=True, dead_letter_queue=queue.failed)
            )
        queue.feed(function, at_once=concurrency.of_a_queue(trigger.at_once, self._settings))
        if trigger.patient and trigger.waits:
            count_what_waits(function, self._settings)
        # What can never succeed goes there at once, with its reason.
        function.allow(["sqs:GetQueueUrl", "sqs:SendMessage"], [queue.failed.queue_arn])
        CfnOutput(self, f"{name.title().replace('-', '')}QueueUrl", value=queue.queue_url)

    def _add_stream(self, function: Function) -> None:
        failed = DeadLetterQueue(self, function.wiring.name.replace("_", "-"), settings=self._settings)
        function.add_environment("FAILED_QUEUE_URL", failed.queue_url)
        function.add_event_source(
            event_sources.DynamoEventSource(
                self._data.customers,
                # Facts only, and only as they are written; this side of the filter costs nothing.
                filters=[
                    lambda_.FilterCriteria.filter(
                        {
                            "eventName": lambda_.FilterRule.is_equal("INSERT"),
                            "dynamodb": {"Keys": {"sk": {"S": lambda_.FilterRule.begins_with("FACT#")}}},
                        }
                    )
                ],
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=_STREAM_BATCH,
                # None: a confirmation mail leaves at once.
                max_batching_window=Duration.seconds(0),
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                # By age alone: how many attempts an hour without the bus takes depends on how fast each fails. A fact
                # that can never be published does not come to this, for the function puts it aside itself.
                max_record_age=_STREAM_PATIENCE,
                retry_attempts=-1,
                on_failure=event_sources.SqsDlq(failed),
            )
        )

        if not self._settings.tracing:
            accept(function.role_of_its_own, "IAM5[Resource::*]", "Lambda's ListStreams knows no resources")

    def _let_authorize(self, function: Function) -> None:
        function.add_permission(
            "Authorizer",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self.format_arn(
                service="execute-api",
                resource=self._api.api.api_id,
                resource_name=f"authorizers/{self._api.authorizer.ref}",
            ),
        )

    def _add_schedule(self, function: Function, trigger: Schedule) -> None:
        ScheduleConstruct(
            self,
            function.wiring.name.replace("_", "-"),
            trigger,
            settings=self._settings,
            action="lambda:InvokeFunction",
            target_arn=names.function_arn(self, self._settings, function.wiring.name),
        )
