"""Alarms, each of which asks for an action that docs/operations.md describes, a budget, and a dashboard."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra import names, wirings
from infra.constructs import waiting
from infra.stacks.api import ApiStack
from shared.core.metrics import NAMESPACE
from shared.core.settings import LOCAL_STAGE, Settings
from shared.edge.wiring import MISSED_SCHEDULES, Function, Job, Queue, Schedule, Stream

MAX_STREAM_LAG: Final = Duration.minutes(5)
PERIOD: Final = Duration.minutes(5)
HOUR: Final = Duration.hours(1)
# A night's run, and two hours for it to take.
MAX_HOURS_BETWEEN_RUNS: Final = 26
# AWS looks into an account's mail from 5 % of bounces and 0.1 % of complaints on.
MAX_BOUNCE_RATE: Final = 0.04
MAX_COMPLAINT_RATE: Final = 0.0008
# Lambda tries a start by a schedule three times within some minutes.
MAX_ERRORS_OF_A_START: Final = 2
# The section of docs/operations.md that says what to do about each kind of alarm.
GUIDE: Final = "docs/operations.md"
# CloudWatch takes 1,024 characters.
MAX_SEARCH: Final = 1_000


class WatchStack(Stack):
    """Alarms, a topic that they speak to, and a dashboard; all of it follows from the wirings, by fixed names.

    CloudWatch charges $0.10 a month per metric that an alarm reads, ten of them free, however they are summed.
    These are: one for each dead-letter queue, two for each queue of mails (waiting and in flight), one for each
    function that a schedule starts, four for each job (failed, timed out, aborted, succeeded), the account's throttles
    (all functions share one pool, so that is the figure that matters), the stream's lag, the API's 5xx, SES's rates of
    bounces and complaints, what functions count themselves, and what waits for hours (a metric of ours: $0.30 in a
    month in which something does). Today that makes 44, $3.40 a month. What fails behind the API shows as its 5xx, what
    fails in a step as a failed execution. Dashboards are free up to three, of at most 50 metrics each: what grows with
    each capability is searched for. The budget, where one is set, is free.

    What passes by itself is no alarm: a request that fails once, a queue that is full for a moment.
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
        self._alarm_of_failed(MISSED_SCHEDULES, "Something did not start at its time", guide="schedules-failed")
        for job in _jobs():
            self._watch_job(job)
        counted = {name: text for function in wirings.functions().values() for name, text in function.metrics.items()}
        for name, meaning in counted.items():
            alarm = re.sub("(?<!^)([A-Z])", r"-\1", name).lower()
            self._alarm(alarm, _metric(NAMESPACE, name, {"stage": settings.stage}, "Sum"), meaning)
        throttles = _metric("AWS/Lambda", "Throttles", {}, "Sum")
        self._alarm("throttles", throttles, "The account's concurrency is used up; ask AWS for more", of=(3, 3))
        self._alarm("api-errors", self._of_api("5xx"), "The API answers 5xx, and not only once", of=(2, 3))
        self._alarm(
            "waiting",
            _metric(waiting.NAMESPACE, waiting.metric_name(settings), {}, "Sum"),
            "Mails wait for hours: is SES's daily quota used up, or the account paused? After two days they end among "
            "the dead letters",
            guide="mails-postponed",
        )
        self._watch_reputation()
        if settings.monthly_budget_usd:
            self._add_budget()
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
                    if trigger.patient:
                        self._alarm(
                            f"{name}-waiting",
                            self._waiting(name),
                            "Mails have not gone out for a quarter of an hour: is SES out, or is something wrong "
                            "with one?",
                            guide="queue-waiting",
                            threshold=0.5,
                            of=(3, 3),
                        )
                case Stream():
                    self._alarm_of_failed(hyphened, function.alarm, guide="publish-changes-failed")
                    self._alarm(
                        "stream-lag",
                        self._of_function(function.name, "IteratorAge", statistic="Maximum"),
                        function.alarm,
                        threshold=MAX_STREAM_LAG.to_milliseconds(),
                        of=(2, 2),
                    )
                case Schedule():
                    self._alarm(
                        f"{hyphened}-errors",
                        self._of_function(function.name, "Errors").with_(period=HOUR),
                        function.alarm,
                        guide="function-errors",
                        threshold=MAX_ERRORS_OF_A_START,
                    )

    def _watch_job(self, job: Job) -> None:
        ends = {
            name: self._of_job(job, metric)
            for name, metric in (
                ("failed", "ExecutionsFailed"),
                ("timed_out", "ExecutionsTimedOut"),
                ("aborted", "ExecutionsAborted"),
            )
        }
        failures = cloudwatch.MathExpression(
            # A metric without a value would leave the sum without one.
            expression=" + ".join(f"FILL({name}, 0)" for name in ends),
            using_metrics=ends,
            label="Failed, timed out or aborted",
            period=PERIOD,
        )
        self._alarm(f"{job.name}-failed", failures, job.alarm, guide="job-failed")
        if job.schedule and job.schedule.hour is not None:
            self._alarm(
                f"{job.name}-missing",
                self._of_job(job, "ExecutionsSucceeded").with_(period=HOUR),
                f"None has come to its end in {MAX_HOURS_BETWEEN_RUNS} hours. {job.alarm}",
                guide="job-missing",
                threshold=1,
                of=(MAX_HOURS_BETWEEN_RUNS, MAX_HOURS_BETWEEN_RUNS),
                comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                # Where none runs, Step Functions reports nothing.
                missing=cloudwatch.TreatMissingData.BREACHING,
            )

    def _watch_reputation(self) -> None:
        for name, metric, most, meaning in (
            ("bounces", "BounceRate", MAX_BOUNCE_RATE, "Too many mails bounce"),
            ("complaints", "ComplaintRate", MAX_COMPLAINT_RATE, "Too many recipients call our mails spam"),
        ):
            self._alarm(
                name,
                _metric("AWS/SES", f"Reputation.{metric}", {}, "Average").with_(period=HOUR),
                f"{meaning}; AWS may stop the account's mail",
                threshold=most,
                # While no mail is sent, SES reports nothing, and the rate stays what it was.
                missing=cloudwatch.TreatMissingData.IGNORE,
            )

    def _add_budget(self) -> None:
        address = {"subscriptionType": "EMAIL", "address": self._settings.alarm_email}
        budgets.CfnBudget(
            self,
            "Budget",
            budget={
                "budgetName": names.name_of(self._settings, ""),
                "budgetType": "COST",
                "timeUnit": "MONTHLY",
                "budgetLimit": {"amount": self._settings.monthly_budget_usd, "unit": "USD"},
            },
            notifications_with_subscribers=[
                {
                    "notification": {
                        "notificationType": kind,
                        "comparisonOperator": "GREATER_THAN",
                        "threshold": 100,
                        "thresholdType": "PERCENTAGE",
                    },
                    "subscribers": [address],
                }
                for kind in ("ACTUAL", "FORECASTED")
            ],
        )

    def _alarm_of_failed(self, queue: str, meaning: str, *, guide: str = "queue-failed") -> None:
        name = f"{queue}-failed"
        self._failed.append(name)
        self._alarm(
            name,
            self._of_queue(name, "ApproximateNumberOfMessagesVisible"),
            f"{meaning or 'Something failed for good'}; it waits in this queue: look, mend, redrive",
            guide=guide,
        )

    def _waiting(self, queue: str) -> cloudwatch.MathExpression:
        """The messages of a queue, those that a function has at the moment included.

        As averages, which add up: a message that fails is by turns waiting and in flight. The age of the oldest
        message says nothing of it, for SQS leaves out what was received more than three times.
        """
        return cloudwatch.MathExpression(
            expression="waiting + in_flight",
            using_metrics={
                "waiting": self._of_queue(queue, "ApproximateNumberOfMessagesVisible", statistic="Average"),
                "in_flight": self._of_queue(queue, "ApproximateNumberOfMessagesNotVisible", statistic="Average"),
            },
            label="Waiting or in flight",
            period=PERIOD,
        )

    def _of_function(self, name: str, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        dimensions = {"FunctionName": names.name_of(self._settings, name)}
        return _metric("AWS/Lambda", metric, dimensions, statistic)

    def _of_queue(self, name: str, metric: str, *, statistic: str = "Maximum") -> cloudwatch.Metric:
        return _metric("AWS/SQS", metric, {"QueueName": names.name_of(self._settings, name)}, statistic)

    def _of_job(self, job: Job, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        dimensions = {"StateMachineArn": names.machine_arn(self, self._settings, job.name)}
        return _metric("AWS/States", metric, dimensions, statistic)

    def _of_api(self, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        return _metric("AWS/ApiGateway", metric, {"ApiId": self._api_id}, statistic)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        meaning: str,
        *,
        guide: str = "",
        threshold: float = 0,
        of: tuple[int, int] = (1, 1),
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        """An alarm where `of[0]` of the last `of[1]` periods are beyond the threshold.

        `guide`: the entry of docs/operations.md, where it is not the alarm's name.
        """
        if self._settings.stage == LOCAL_STAGE and isinstance(metric, cloudwatch.MathExpression):
            # The local CloudWatch refuses alarms on metric math, and with them the deployment.
            return
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=names.name_of(self._settings, name),
            alarm_description=f"{meaning} ({GUIDE}#{guide or name})",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            datapoints_to_alarm=of[0],
            evaluation_periods=of[1],
            treat_missing_data=missing,
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
        namespace=namespace, metric_name=name, dimensions_map=dimensions or None, statistic=statistic, period=PERIOD
    )


def _search(namespace: str, dimension: str, metric: str, values: Sequence[str]) -> str:
    terms = f'MetricName="{metric}" {dimension}=({" OR ".join(values)})'
    return f"SEARCH('{{{namespace},{dimension}}} {terms}', 'Sum', {PERIOD.to_seconds()})"


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
