"""A job as a state machine: plan, wait for its turn, go through the segments, close."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra import concurrency, names
from infra.constructs.exception import accept
from infra.constructs.function import Function
from infra.constructs.schedule import Schedule
from shared.core.settings import Settings
from shared.edge.wiring import Job as Wiring
from shared.edge.wiring import Step

# A job asks so often whether its turn has come.
WAITS: Final = Duration.seconds(30)
# As Step Functions expressions: the input of the plan, and its output.
_PLANNED: Final = {
    "run_id.$": "$$.Execution.Name",
    "execution_arn.$": "$$.Execution.Id",
    "started_at.$": "$$.Execution.StartTime",
    "input.$": "$$.Execution.Input",
}
_RUN: Final = {"run.$": "$.plan.run"}


class JobMachine(Construct):
    """The state machine of a job.

    Every state hands on a small document: what is large lies in the bucket, under keys that follow from the run's id
    and the segment's number. The maps are distributed ones, for an inline map ends at 40 at once and at 25,000
    events.
    """

    def __init__(
        self,
        scope: Construct,
        wiring: Wiring,
        *,
        settings: Settings,
        functions: Mapping[str, Function],
    ) -> None:
        super().__init__(scope, wiring.name.capitalize())
        self._functions = functions
        self._settings = settings
        self.machine = self._machine(wiring)
        CfnOutput(scope, f"{wiring.name.capitalize()}StateMachineArn", value=self.machine.state_machine_arn)
        if wiring.schedule:
            Schedule(
                scope,
                wiring.name,
                wiring.schedule,
                settings=settings,
                action="states:StartExecution",
                target_arn=names.machine_arn(scope, settings, wiring.name),
                target_input=wiring.input,
            )

    def _machine(self, wiring: Wiring) -> sfn.StateMachine:
        log_group = logs.LogGroup(
            self,
            "logs",
            # The prefix keeps AWS's resource policy for such log groups short, whatever their number.
            log_group_name=f"/aws/vendedlogs/states/{names.name_of(self._settings, wiring.name)}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=names.name_of(self._settings, wiring.name),
            definition_body=sfn.DefinitionBody.from_chainable(self._definition(wiring.steps)),
            timeout=Duration.hours(wiring.timeout),
            tracing_enabled=self._settings.tracing,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False),
        )
        self._accept(machine, wiring.steps)
        return machine

    def _definition(self, steps: Sequence[Step]) -> sfn.IChainable:
        first, *others = steps
        plan = self._invoke(first, _PLANNED, result_path="$.plan")
        wait = sfn.Wait(self, "Let the other end", time=sfn.WaitTime.duration(WAITS)).next(plan)
        following: Any = None
        for step in reversed(others):
            following = self._state(step, following)
        turn = sfn.Choice(self, "Is it its turn?")
        turn.when(sfn.Condition.boolean_equals("$.plan.wait", True), wait)
        turn.otherwise(following)
        return plan.next(turn)

    def _state(self, step: Step, following: Any) -> Any:
        """The state of a step that goes on with the state `following`, or ends."""
        state: Any = self._for_each(step) if step.each else self._invoke(step, _RUN, result_path=sfn.JsonPath.DISCARD)
        if following is not None:
            state.next(following)
        if step.when is None:
            return state
        choice = sfn.Choice(self, f"{step.when.capitalize()}?")
        choice.when(sfn.Condition.boolean_equals(f"$.plan.run.{step.when}", True), state)
        choice.otherwise(following if following is not None else sfn.Succeed(self, "Nothing is left"))
        return choice

    def _for_each(self, step: Step) -> sfn.DistributedMap:
        """A state that calls a function for each segment of the plan, each in an execution of its own."""
        each = sfn.DistributedMap(
            self,
            f"Each segment: {_title(step)}",
            # Names the executions; made from the title it would change with it.
            label=_label(step),
            items_path="$.plan.segments",
            max_concurrency=concurrency.of_a_job(self._settings),
            item_selector={**_RUN, "segment.$": "$$.Map.Item.Value"},
            # All answers have to fit into the 256 KB of a state, even where they are thrown away.
            result_path=sfn.JsonPath.DISCARD,
        )
        each.item_processor(self._invoke(step))
        return each

    def _invoke(
        self, step: Step, payload: Mapping[str, Any] | None = None, *, result_path: str | None = None
    ) -> tasks.LambdaInvoke:
        """A state that calls a step's function; without `payload` it hands on its own input."""
        state = tasks.LambdaInvoke(
            self,
            _title(step),
            lambda_function=self._functions[step.function.name],
            payload=sfn.TaskInput.from_object(dict(payload)) if payload else None,
            payload_response_only=True,
            retry_on_service_exceptions=False,
            result_path=result_path,
        )
        state.add_retry(
            # Nothing has begun: the account's concurrency is used up, or Lambda is out of order.
            errors=["Lambda.TooManyRequestsException", "Lambda.ServiceException"],
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_attempts=10,
            max_delay=Duration.minutes(1),
            jitter_strategy=sfn.JitterType.FULL,
        )
        state.add_retry(
            # Each step overwrites what it wrote before, so that trying again is safe whatever failed.
            errors=["States.ALL"],
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_attempts=4,
            max_delay=Duration.minutes(1),
            jitter_strategy=sfn.JitterType.FULL,
        )
        return state

    def _accept(self, machine: sfn.StateMachine, steps: Sequence[Step]) -> None:
        if not self._settings.tracing:
            accept(machine, "SF2", "traces cost more than what they trace: a setting, off unless somebody looks")
        accept(machine, "SF1", "errors only: every step already logs for itself")
        accept(machine, "IAM5[Resource::*]", "log delivery's actions know no resources, nor do X-Ray's")
        stack = Stack.of(self)
        for step in steps:
            function = self._functions[step.function.name]
            accept(
                machine,
                f"IAM5[Resource::<{stack.get_logical_id(function.node.default_child)}.Arn>:*]",
                "CDK allows a function together with its versions, of which it has none",
            )
        name = json.dumps(
            {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": stack.get_logical_id(machine.node.default_child)}]}]},
            separators=(",", ":"),
        )
        maps = [f"{name}/{_label(step)}:*" for step in steps if step.each]
        for executions in ([f"{name}:*"] if maps else []) + maps:
            accept(
                machine,
                f"IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{executions}]",
                "a distributed map starts, watches and stops executions of its own, whose names AWS gives",
            )


def _title(step: Step) -> str:
    return step.function.name.replace("_", " ").capitalize()


def _label(step: Step) -> str:
    return step.function.name.replace("_", "-")
