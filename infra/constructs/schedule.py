"""Schedules: every so many minutes or hours, or every night in the shop's time zone."""

import json
from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra import names
from shared.core.settings import Settings
from shared.edge.wiring import MISSED_SCHEDULES
from shared.edge.wiring import Schedule as Wiring


class Schedule(scheduler.CfnSchedule):
    """Does `action` on the function or state machine `target_arn`, and may do that and nothing else."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        wiring: Wiring,
        *,
        settings: Settings,
        action: str,
        target_arn: str,
        target_input: Mapping[str, object] | None = None,
    ) -> None:
        missed = names.queue_arn(scope, settings, f"{MISSED_SCHEDULES}-failed")
        role = iam.Role(
            scope,
            f"{name}-schedule-role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
            ),
        )
        role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[target_arn]))
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[missed]))
        super().__init__(
            scope,
            f"{name}-schedule",
            name=names.name_of(settings, name),
            schedule_expression=_expression(wiring),
            schedule_expression_timezone=settings.time_zone,
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": target_arn,
                "roleArn": role.role_arn,
                "input": json.dumps(target_input or {}),
                "deadLetterConfig": {"arn": missed},
            },
        )
        # Scheduler looks whether the role may do it as the schedule is made.
        self.node.add_dependency(role)


def _expression(wiring: Wiring) -> str:
    for unit, every in (("minute", wiring.every_minutes), ("hour", wiring.every_hours)):
        if every is not None:
            return f"rate({every} {unit}{'s' if every > 1 else ''})"
    return f"cron(0 {wiring.hour} * * ? *)"
