"""Alarms, each of which asks for an action, and a dashboard."""

from collections.abc import Iterator, Sequence
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra import names, wirings
from infra.constructs.schedule import MISSED_SCHEDULES
from infra.stacks.api import ApiStack
from shared.core.metrics import NAMESPACE
from shared.core.settings import Settings
from shared.edge.wiring import Function, Job, Queue, Schedule, Stream

MAX_STREAM_LAG: Final = Duration.minutes(5)
MAX_PATIENCE: Final = Duration.minutes(15)
PERIOD: Final = Duration.minutes(5)
# CloudWatch takes 1,024 characters.
MAX_SEARCH: Final = 1_000


class WatchStack(Stack):
    """Alarms, a topic that they speak to, and a dashboard; all of it follows from the wirings, by fixed names.

    CloudWatch charges $0.10 a month per metric that an alarm reads, ten of them free, however they are summed.
    These are: each dead-letter queue, the age of mails that wait, the errors of functions that a schedule starts,
    the account's throttles (all functions share one pool, so that is the figure that matters), the stream's lag,
    failures and time-outs of jobs, the API's 5xx, and what functions count themselves. What fails behind the API shows
    as its 5xx, what fails in a step as a failed execution. Dashboards are free up to three, of at most 50 metrics each:
    what grows with each capability is searched for.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, api: ApiStack) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._api_id = api.api.api_id
        self._topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        # A policy of our own replaces the default policy, by which CloudWatch may publish.
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if settings.alarm_email:
            self._topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))

        self._failed: list[str] = []
        for function in wirings.functions().values():
            self._watch_function(function)
        self._alarm_of_failed(MISSED_SCHEDULES, "Something did not start at its time")
        for job in _jobs():
            self._watch_job(job)
        counted = {name: text for function in wirings.functions().values() for name, text in function.metrics.items()}
        for name, meaning in counted.items():
            self._alarm(name, _metric(NAMESPACE, name, {"stage": settings.stage}, "Sum"), meaning)
        throttles = cloudwatch.Metric(namespace="AWS/Lambda", metric_name="Throttles", statistic="Sum", period=PERIOD)
        self._alarm("throttles", throttles, "The account's concurrency is used up; ask AWS for more")
        self._alarm("api-errors", self._of_api("5xx"), "The API answers 5xx")
        self._dashboard()

    def _watch_function(self, function: Function) -> None:
        hyphened = function.name.replace("_", "-")
        for trigger in function.triggers:
            match trigger:
                case Queue():
                    name = function.queue_name(trigger)
                    self._alarm_of_failed(name, function.alarm)
                    # A message that fails is no error of its function, and comes again for hours before anybody
                    # hears of it.
                    if trigger.patient and not trigger.hides:
                        self._alarm(
                            f"{name}-age",
                            self._of_queue(name, "ApproximateAgeOfOldestMessage"),
                            "Mails have not gone out for a quarter of an hour: is SES out, or is something wrong "
                            "with one?",
                            threshold=MAX_PATIENCE.to_seconds(),
                        )
                case Stream():
                    self._alarm_of_failed(hyphened, function.alarm)
                    self._alarm(
                        "stream-lag",
                        self._of_function(function.name, "IteratorAge", statistic="Maximum"),
                        function.alarm,
                        threshold=MAX_STREAM_LAG.to_milliseconds(),
                    )
                case Schedule():
                    self._alarm(f"{hyphened}-errors", self._of_function(function.name, "Errors"), function.alarm)

    def _watch_job(self, job: Job) -> None:
        for name, metric in (("failed", "ExecutionsFailed"), ("timed-out", "ExecutionsTimedOut")):
            self._alarm(f"{job.name}-{name}", self._of_job(job, metric), job.alarm)

    def _alarm_of_failed(self, queue: str, meaning: str) -> None:
        name = f"{queue}-failed"
        self._failed.append(name)
        self._alarm(
            name,
            self._of_queue(name, "ApproximateNumberOfMessagesVisible"),
            f"{meaning or 'Something failed for good'}; it waits in this queue: look, mend, redrive",
        )

    def _of_function(self, name: str, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        dimensions = {"FunctionName": names.name_of(self._settings, name)}
        return _metric("AWS/Lambda", metric, dimensions, statistic)

    def _of_queue(self, name: str, metric: str) -> cloudwatch.Metric:
        return _metric("AWS/SQS", metric, {"QueueName": names.name_of(self._settings, name)}, "Maximum")

    def _of_job(self, job: Job, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        dimensions = {"StateMachineArn": names.machine_arn(self, self._settings, job.name)}
        return _metric("AWS/States", metric, dimensions, statistic)

    def _of_api(self, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        return _metric("AWS/ApiGateway", metric, {"ApiId": self._api_id}, statistic)

    def _alarm(self, name: str, metric: cloudwatch.IMetric, description: str, *, threshold: float = 0) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=names.name_of(self._settings, name),
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))

    def _dashboard(self) -> None:
        functions = wirings.functions().values()
        queues = [
            function.queue_name(trigger)
            for function in functions
            for trigger in function.triggers
            if isinstance(trigger, Queue)
        ]
        streams = [
            function.name for function in functions if any(isinstance(trigger, Stream) for trigger in function.triggers)
        ]
        graphs = [
            _graph("Requests", [self._of_api(name) for name in ("Count", "4xx", "5xx")]),
            _graph(
                "Latency of the API",
                [self._of_api("Latency", statistic=statistic) for statistic in ("p50", "p95", "p99")],
            ),
            _graph(
                "Errors of functions",
                [
                    search
                    for capability in wirings.capabilities()
                    for search in self._searches(
                        "AWS/Lambda", "FunctionName", "Errors", [function.name for function in capability.functions]
                    )
                ],
            ),
            _graph("Waiting in dead-letter queues", self._messages(self._failed)),
            _graph("Waiting in queues", self._messages(queues)),
            _graph(
                "Age of unpublished facts",
                [self._of_function(name, "IteratorAge", statistic="Maximum") for name in streams],
            ),
            _graph(
                "Jobs",
                [
                    self._of_job(job, metric, statistic=statistic).with_(label=f"{job.name} {metric}")
                    for job in _jobs()
                    for metric, statistic in (
                        ("ExecutionsSucceeded", "Sum"),
                        ("ExecutionsFailed", "Sum"),
                        ("ExecutionTime", "Average"),
                    )
                ],
            ),
        ]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=names.name_of(self._settings, ""),
            widgets=[graphs[at : at + 2] for at in range(0, len(graphs), 2)],
        )

    def _messages(self, queues: Sequence[str]) -> list[cloudwatch.MathExpression]:
        return list(self._searches("AWS/SQS", "QueueName", "ApproximateNumberOfMessagesVisible", queues))

    def _searches(
        self, namespace: str, dimension: str, metric: str, of: Sequence[str]
    ) -> Iterator[cloudwatch.MathExpression]:
        """The sums of a metric of all these, each a line of its own; as few searches as their length allows."""
        left = [f'"{names.name_of(self._settings, name)}"' for name in of]
        while left:
            count = len(left)
            while len(text := _search(namespace, dimension, metric, left[:count])) > MAX_SEARCH:
                count -= 1
            left = left[count:]
            yield cloudwatch.MathExpression(expression=text, using_metrics={}, label="", period=PERIOD)


def _jobs() -> list[Job]:
    return [job for capability in wirings.capabilities() for job in capability.jobs]


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=PERIOD
    )


def _search(namespace: str, dimension: str, metric: str, values: Sequence[str]) -> str:
    terms = f'MetricName="{metric}" {dimension}=({" OR ".join(values)})'
    return f"SEARCH('{{{namespace},{dimension}}} {terms}', 'Sum', {PERIOD.to_seconds()})"


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
