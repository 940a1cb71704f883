"""What somebody is told of: alarms that each mean "do something", and one dashboard."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.function import function_name
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.jobs import JobsStack
from infra.stacks.mail import MailStack
from shared.core.settings import Settings

# Those that no request waits for. What fails behind the API shows as its 5xx, what fails in a rescoring or
# settlement as a failed execution.
BACKGROUND_FUNCTIONS: Final = (
    "publish_changes",
    "ingest_purchases",
    "post_points",
    "send_confirmation",
    "send_points_reminder",
    "send_survey_invitation",
    "send_referral_invitation",
    "notify_marketer",
    "record_mail_events",
    "watch_cases",
)
RESCORING_FUNCTIONS: Final = (
    "plan_rescoring",
    "scan_scorecards",
    "rank_scorecards",
    "write_scores",
    "report_rescoring",
)
SETTLEMENT_FUNCTIONS: Final = ("plan_settlement", "settle_points", "close_settlement")
INVITATION_FUNCTIONS: Final = ("plan_invitations", "decide_invitations")

MAX_STREAM_LAG: Final = Duration.minutes(5)


class WatchStack(Stack):
    """Alarms, a topic that they speak to, and a dashboard.

    CloudWatch charges $0.10 a month per metric that an alarm reads, ten of them free, however they are summed.
    There are 24: each dead-letter queue, the age of mails that wait, the errors of what runs every hour, the
    account's throttles (all functions share one pool, so that is the figure that matters), the stream's lag, the
    failures and time-outs of what runs every night, the API's 5xx. Dashboards are free up to three, of at most
    50 metrics each.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        data: DataStack,
        jobs: JobsStack,
        api: ApiStack,
        mail: MailStack,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        # A policy of our own takes away the default one, by which CloudWatch may publish.
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

        failed = {
            queue.node.id: queue.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=Duration.minutes(5)
            )
            for queue in (*jobs.dead_letter_queues, *mail.dead_letter_queues)
        }
        for name, metric in failed.items():
            self._alarm(name, metric, "Something failed for good and waits in this queue: look, mend, redrive")

        # A message that fails is no error of its function, and comes again for hours before anybody hears of it.
        for queue in mail.patient_queues:
            age = queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=Duration.minutes(5))
            self._alarm(
                f"{queue.node.id}-age",
                age,
                "Mails have not gone out for a quarter of an hour: is SES out, or is something wrong with one?",
                threshold=Duration.minutes(15).to_seconds(),
            )
        self._alarm(
            "watch-cases-errors", self._of_function("watch_cases", "Errors"), "Overdue cases are told to nobody"
        )

        throttles = cloudwatch.Metric(
            namespace="AWS/Lambda", metric_name="Throttles", statistic="Sum", period=Duration.minutes(5)
        )
        self._alarm("throttles", throttles, "The account's concurrency is used up; ask AWS for more")

        lag = self._of_function("publish_changes", "IteratorAge", statistic="Maximum")
        self._alarm(
            "stream-lag",
            lag,
            "Facts are written but not published; after a day they leave the stream",
            threshold=MAX_STREAM_LAG.to_milliseconds(),
        )

        for name, machine, meaning in (
            ("rescoring", jobs.rescoring, "Segments and reports stay as they were after the last run"),
            ("settlement", jobs.settlement, "Points are not expired, tiers not reviewed, nobody is warned"),
            ("invitations", jobs.invitations, "Nobody is asked anything"),
        ):
            self._alarm(f"{name}-failed", machine.metric_failed(period=Duration.minutes(5)), meaning)
            self._alarm(f"{name}-timed-out", machine.metric_timed_out(period=Duration.minutes(5)), meaning)

        server_errors = api.api.metric_server_error(statistic="Sum", period=Duration.minutes(5))
        self._alarm("api-errors", server_errors, "The API answers 5xx")

        self._dashboard(api, jobs, failed, lag)

    def _of_function(self, name: str, metric: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric,
            dimensions_map={"FunctionName": function_name(self._settings, name)},
            statistic=statistic,
            period=Duration.minutes(5),
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: float = 0,
        for_periods: int = 1,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"regulars-{self._settings.stage}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=for_periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))

    def _dashboard(
        self,
        api: ApiStack,
        jobs: JobsStack,
        failed: dict[str, cloudwatch.Metric],
        lag: cloudwatch.Metric,
    ) -> None:
        def graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
            return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)

        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"regulars-{self._settings.stage}",
            widgets=[
                [
                    graph(
                        "Requests",
                        [api.api.metric_count(), api.api.metric_client_error(), api.api.metric_server_error()],
                    ),
                    graph(
                        "Latency of the API",
                        [api.api.metric_latency(statistic=statistic) for statistic in ("p50", "p95", "p99")],
                    ),
                ],
                [
                    graph(
                        "Errors of functions that no request waits for",
                        [
                            self._of_function(name, "Errors").with_(label=name)
                            for name in (
                                *BACKGROUND_FUNCTIONS,
                                *RESCORING_FUNCTIONS,
                                *SETTLEMENT_FUNCTIONS,
                                *INVITATION_FUNCTIONS,
                            )
                        ],
                    ),
                ],
                [
                    graph("Waiting in dead-letter queues", list(failed.values())),
                    graph("Age of unpublished facts", [lag]),
                ],
                [
                    graph(
                        "What runs every night",
                        [
                            metric
                            for machine in (jobs.rescoring, jobs.settlement, jobs.invitations)
                            for metric in (machine.metric_succeeded(), machine.metric_failed(), machine.metric_time())
                        ],
                    ),
                    graph(
                        "Purchases waiting",
                        [jobs.purchases.metric_approximate_number_of_messages_visible()],
                    ),
                ],
            ],
        )
