"""What runs without a request: the outbox, the purchases' queue, the rescoring and its schedule."""

import json
from typing import Any

from aws_cdk import ArnFormat, CfnOutput, Duration, RemovalPolicy, Stack, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.access import ACCESS
from infra.constructs.exception import accept
from infra.constructs.function import Function
from infra.constructs.layer import DependencyLayer
from infra.constructs.queue import ConsumedQueue, DeadLetterQueue
from infra.stacks.data import DataStack
from shared.core.settings import Settings

BATCH_TIMEOUT = Duration.seconds(30)
# One full core, which Lambda gives from 1,769 MB on.
STEP_TIMEOUT = Duration.minutes(15)
STEP_MEMORY = 1769
MACHINE_TIMEOUT = Duration.hours(2)
# A new account may run as few as ten functions at a time, and the API needs some of them.
STEPS_AT_ONCE = 5
# A second rescoring asks so often whether the first has ended.
RESCORING_WAITS = Duration.seconds(30)


class JobsStack(Stack):
    """The bus and everything that is driven by streams, queues and schedules."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._data = data
        self._steps: list[Function] = []
        self._layer = DependencyLayer(self, "Dependencies", settings=settings)
        self._numeric = DependencyLayer(self, "Numeric", settings=settings, requirements="numeric.txt")

        self.bus = events.EventBus(self, "Bus", event_bus_name=f"regulars-{settings.stage}")
        if not settings.is_local:
            # Replays every fact of the last 30 days. The local AWS knows no AWS::Events::Archive.
            self.bus.archive(
                "Archive",
                event_pattern=events.EventPattern(source=["regulars"]),
                retention=Duration.days(30),
            )
        self.publish_changes, self.unpublished = self._publish_changes()
        self.ingest_purchases, self.purchases = self._ingest_purchases()
        self.post_points, self.points = self._post_points()
        self.rescoring = self._rescoring()
        self.settlement = self._settlement()
        self.invitations = self._invitations()
        self.missed_schedules = DeadLetterQueue(self, "schedules", settings=settings)
        # Not at an hour that is left out when the clocks go forward: that night nothing would run.
        self._every_night("rescoring", self.rescoring, hour=4, input_text='{"as_of": null}')
        # In the morning, for its mails leave at once; points end with their month whenever it runs.
        self._every_night("settlement", self.settlement, hour=7, input_text="{}")
        self._every_night("invitations", self.invitations, hour=8, input_text="{}")
        self.watch_cases = self._watch_cases()
        self.dead_letter_queues = [self.unpublished, self.purchases.failed, self.points.failed, self.missed_schedules]

        CfnOutput(self, "BusName", value=self.bus.event_bus_name)
        CfnOutput(self, "PurchasesQueueUrl", value=self.purchases.queue_url)
        CfnOutput(self, "RescoringStateMachineArn", value=self.rescoring.state_machine_arn)
        CfnOutput(self, "PointsQueueUrl", value=self.points.queue_url)

    def _publish_changes(self) -> tuple[Function, DeadLetterQueue]:
        function = Function(
            self,
            "publish_changes",
            settings=self._settings,
            data=self._data,
            layers=[self._layer],
            timeout=BATCH_TIMEOUT,
            environment={"BUS_NAME": self.bus.event_bus_name},
        )
        self.bus.grant_put_events_to(function)
        unpublished = DeadLetterQueue(self, "publish-changes", settings=self._settings)
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
                batch_size=100,
                # None: a confirmation mail leaves at once.
                max_batching_window=Duration.seconds(0),
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                # Until the record leaves the stream, a day later: nothing written goes unpublished.
                retry_attempts=-1,
                on_failure=event_sources.SqsDlq(unpublished),
            )
        )
        return function, unpublished

    def _ingest_purchases(self) -> tuple[Function, ConsumedQueue]:
        queue = ConsumedQueue(self, "purchases", settings=self._settings, function_timeout=BATCH_TIMEOUT)
        function = Function(
            self,
            "ingest_purchases",
            settings=self._settings,
            data=self._data,
            layers=[self._layer],
            timeout=BATCH_TIMEOUT,
        )
        queue.feed(function, at_once=5)
        return function, queue

    def _post_points(self) -> tuple[Function, ConsumedQueue]:
        queue = ConsumedQueue(self, "points", settings=self._settings, function_timeout=BATCH_TIMEOUT)
        queue.hear(self.bus, "PurchaseRecorded", "PurchaseRefunded", "ConsentGranted", "SurveyAnswered")
        function = Function(
            self,
            "post_points",
            settings=self._settings,
            data=self._data,
            layers=[self._layer],
            timeout=BATCH_TIMEOUT,
        )
        queue.feed(function, at_once=5)
        return function, queue

    def _rescoring(self) -> sfn.StateMachine:
        """Scan in parallel segments, rank all customers at once, fit once a week, write in parallel segments, report.

        Every state hands on a small document: what is large lies in the bucket, under keys that follow from the
        rescoring's id and the segment's number. The maps are distributed ones, for an inline map ends at 40 at once
        and at 25,000 events.
        """
        started = {
            "rescoring_id.$": "$$.Execution.Name",
            "execution_arn.$": "$$.Execution.Id",
            "started_at.$": "$$.Execution.StartTime",
            "as_of.$": "$.as_of",
        }
        planned = ("rescoring_id", "started_at", "as_of", "total_segments", "fits", "sample", "unfinished")
        run = {f"{name}.$": f"$.plan.{name}" for name in planned}

        plan = self._step("plan_rescoring", started, result_path="$.plan")
        scan = self._each_rescored("Each segment of scorecards", run, "scan_scorecards")
        rank = self._step("rank_scorecards", run, result_path=sfn.JsonPath.DISCARD)
        fit = self._step("fit_forecaster", run, result_path=sfn.JsonPath.DISCARD)
        write = self._each_rescored("Each segment of scores", run, "write_scores")
        report = self._step("report_rescoring", run)
        # The step that waits for another rescoring to end is the first one.
        self.let_watch_rescoring(self._steps[0])
        write.next(report)

        wait = sfn.Wait(self, "Let the other end", time=sfn.WaitTime.duration(RESCORING_WAITS))
        is_alone = sfn.Choice(self, "Is it alone?").when(
            sfn.Condition.boolean_equals("$.plan.wait", True), wait.next(plan)
        )
        is_due = sfn.Choice(self, "Is a fit due?").when(
            sfn.Condition.boolean_equals("$.plan.fits", True), fit.next(write)
        )
        is_due.otherwise(write)
        is_alone.otherwise(scan.next(rank).next(is_due))
        # A new account's few functions at once take hours for a hundred million customers, and still come to an end.
        machine = self._machine("rescoring", plan.next(is_alone), timeout=Duration.hours(20))
        name = json.dumps(
            {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": self.get_logical_id(machine.node.default_child)}]}]},
            separators=(",", ":"),
        )
        for executions in (f"{name}:*", f"{name}/scan-scorecards:*", f"{name}/write-scores:*"):
            accept(
                machine,
                f"IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{executions}]",
                "a distributed map starts, watches and stops executions of its own, whose names AWS gives",
            )
        return machine

    def _each_rescored(self, title: str, run: dict[str, Any], function: str) -> sfn.DistributedMap:
        """A state that calls a function for each segment of the plan, each in an execution of its own."""
        each = sfn.DistributedMap(
            self,
            title,
            # Names the executions; made from the title it would change with it.
            label=function.replace("_", "-"),
            items_path="$.plan.segments",
            max_concurrency=self._settings.rescoring_workers,
            item_selector={**run, "segment.$": "$$.Map.Item.Value"},
            result_path=sfn.JsonPath.DISCARD,
        )
        each.item_processor(self._step(function))
        return each

    def let_watch_rescoring(self, function: Function) -> None:
        """Let a function ask how executions of the rescoring are."""
        name = f"regulars-{self._settings.stage}-rescoring"
        arn = Stack.of(function).format_arn(
            service="states", resource="execution", resource_name=f"{name}:*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        function.allow(["states:DescribeExecution"], [arn])
        accept(
            function.role_of_its_own,
            f"IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{name}:*]",
            "an execution's name is its rescoring's id, which is not known before",
        )

    def _settlement(self) -> sfn.StateMachine:
        """Go through the points accounts in parallel segments, then state what all of them hold."""
        started = {
            "settlement_id.$": "$$.Execution.Name",
            "started_at.$": "$$.Execution.StartTime",
        }
        plan = self._step("plan_settlement", started, result_path="$.plan")
        settle = self._each_segment("Each segment of accounts", "settlement_id", "settle_points")
        close = self._step(
            "close_settlement",
            {
                "settlement_id.$": "$.plan.settlement_id",
                "started_at.$": "$.plan.started_at",
                "parts.$": "$.parts",
            },
        )
        return self._machine("settlement", plan.next(settle).next(close))

    def _invitations(self) -> sfn.StateMachine:
        """Go through the customers in parallel segments, and decide whom to ask."""
        started = {"run_id.$": "$$.Execution.Name", "started_at.$": "$$.Execution.StartTime"}
        plan = self._step("plan_invitations", started, result_path="$.plan")
        return self._machine(
            "invitations", plan.next(self._each_segment("Each segment of customers", "run_id", "decide_invitations"))
        )

    def _each_segment(self, title: str, id_name: str, function: str) -> sfn.Map:
        """A state that calls a function for each segment of the plan; what all answer is in `$.parts`."""
        each = sfn.Map(
            self,
            title,
            items_path="$.plan.segments",
            max_concurrency=STEPS_AT_ONCE,
            item_selector={
                f"{id_name}.$": f"$.plan.{id_name}",
                "started_at.$": "$.plan.started_at",
                "segment.$": "$$.Map.Item.Value.segment",
                "total_segments.$": "$$.Map.Item.Value.total_segments",
            },
            result_path="$.parts",
        )
        each.item_processor(self._step(function))
        return each

    def _watch_cases(self) -> Function:
        function = Function(
            self,
            "watch_cases",
            settings=self._settings,
            data=self._data,
            layers=[self._layer],
            timeout=Duration.minutes(2),
        )
        role = iam.Role(self, "watch-cases-schedule", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        target = scheduler_targets.LambdaInvoke(function, role=role, dead_letter_queue=self.missed_schedules)
        accept(
            role,
            f"IAM5[Resource::<{self.get_logical_id(function.node.default_child)}.Arn>:*]",
            "CDK allows a function together with its versions, of which it has none",
        )
        scheduler.Schedule(
            self,
            "Hourly watch of cases",
            schedule_name=f"regulars-{self._settings.stage}-cases",
            description="Tells of overdue cases, and asks whether resolved ones helped",
            schedule=scheduler.ScheduleExpression.rate(Duration.hours(1)),
            time_window=scheduler.TimeWindow.off(),
            target=target,
        )
        return function

    def _machine(self, name: str, definition: sfn.IChainable, timeout: Duration = MACHINE_TIMEOUT) -> sfn.StateMachine:
        """A state machine of all steps made since the last one."""
        log_group = logs.LogGroup(
            self,
            f"{name}-logs",
            # The prefix keeps AWS's resource policy for such log groups short, whatever their number.
            log_group_name=f"/aws/vendedlogs/states/regulars-{self._settings.stage}-{name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        machine = sfn.StateMachine(
            self,
            name.capitalize(),
            state_machine_name=f"regulars-{self._settings.stage}-{name}",
            definition_body=sfn.DefinitionBody.from_chainable(definition),
            timeout=timeout,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False),
        )
        accept(machine, "SF1", "errors only: every step already logs for itself")
        accept(machine, "IAM5[Resource::*]", "X-Ray's and log delivery's actions know no resources")
        for function in self._steps:
            accept(
                machine,
                f"IAM5[Resource::<{self.get_logical_id(function.node.default_child)}.Arn>:*]",
                "CDK allows a function together with its versions, of which it has none",
            )
        self._steps.clear()
        return machine

    def _step(
        self, name: str, payload: dict[str, Any] | None = None, *, result_path: str | None = None
    ) -> tasks.LambdaInvoke:
        """A state that calls function `name`; without `payload` it hands on its own input."""
        function = Function(
            self,
            name,
            settings=self._settings,
            data=self._data,
            layers=[self._layer, self._numeric] if ACCESS[name].numeric else [self._layer],
            timeout=STEP_TIMEOUT,
            memory_size=STEP_MEMORY,
        )
        self._steps.append(function)
        step = tasks.LambdaInvoke(
            self,
            name.replace("_", " ").capitalize(),
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload) if payload else None,
            payload_response_only=True,
            retry_on_service_exceptions=False,
            result_path=result_path,
        )
        step.add_retry(
            # Nothing has begun: the account's concurrency is used up, or Lambda is out of order.
            errors=["Lambda.TooManyRequestsException", "Lambda.ServiceException"],
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_attempts=10,
            max_delay=Duration.minutes(1),
            jitter_strategy=sfn.JitterType.FULL,
        )
        step.add_retry(
            # Each step overwrites what it wrote before, so that trying again is safe whatever failed.
            errors=["States.ALL"],
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_attempts=4,
            max_delay=Duration.minutes(1),
            jitter_strategy=sfn.JitterType.FULL,
        )
        return step

    def _every_night(self, name: str, machine: sfn.StateMachine, *, hour: int, input_text: str) -> None:
        scheduler.Schedule(
            self,
            f"Nightly {name}",
            schedule_name=f"regulars-{self._settings.stage}-{name}",
            description=f"Starts the {name} every night",
            schedule=scheduler.ScheduleExpression.cron(
                hour=str(hour), minute="0", time_zone=TimeZone.of(self._settings.time_zone)
            ),
            time_window=scheduler.TimeWindow.off(),
            target=scheduler_targets.StepFunctionsStartExecution(
                machine,
                # As text: an object would lose its null.
                input=scheduler.ScheduleTargetInput.from_text(input_text),
                dead_letter_queue=self.missed_schedules,
            ),
        )
