"""Messages that wait for hours because something is out: counted from the log, for no metric of AWS knows of them."""

from typing import Final

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from infra.names import name_of
from shared.core.settings import Settings
from shared.edge.outcomes import WAITS_FOR_HOURS

NAMESPACE: Final = "Regulars"


def count_what_waits(function: lambda_.Function, settings: Settings) -> None:
    """Count in the metric of the stage what this function lets wait. A month without any costs nothing."""
    function.log_group.add_metric_filter(
        "Waiting",
        filter_pattern=logs.FilterPattern.string_value("$.message", "=", WAITS_FOR_HOURS),
        metric_namespace=NAMESPACE,
        metric_name=metric_name(settings),
    )


def metric_name(settings: Settings) -> str:
    """The metric of all functions of a stage together."""
    return name_of(settings, "waiting")
