"""Mail: the SES configuration set, what SES reports back, and the functions that send and listen."""

from typing import Final

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.exception import accept
from infra.constructs.function import Function
from infra.constructs.layer import DependencyLayer
from infra.constructs.queue import ConsumedQueue
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.jobs import BATCH_TIMEOUT, JobsStack
from shared.core.settings import Settings

# Some five hours, for a message is received every three minutes: while SES is out, no mail is given up.
MAIL_RECEIVES: Final = 100


class MailStack(Stack):
    """Sending and its feedback. The sender's identity is not made here: a shop verifies its domain once,
    by DNS, for all its stages.
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
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._data = data
        self._public_url = settings.public_url or api.url
        self._layer = DependencyLayer(self, "Dependencies", settings=settings)

        self._configuration_set = ses.ConfigurationSet(
            self,
            "ConfigurationSet",
            configuration_set_name=f"regulars-{settings.stage}",
            reputation_metrics=True,
            tls_policy=ses.ConfigurationSetTlsPolicy.REQUIRE,
            # A mailbox that bounced may work again, and its owner may ask again: we know who is suppressed.
            suppression_reasons=ses.SuppressionReasons.COMPLAINTS_ONLY,
        )
        self.feedback_topic = sns.Topic(self, "Feedback", enforce_ssl=True)
        self._configuration_set.add_event_destination(
            "Feedback",
            destination=ses.EventDestination.sns_topic(self.feedback_topic),
            events=[
                ses.EmailSendingEvent.BOUNCE,
                ses.EmailSendingEvent.COMPLAINT,
                ses.EmailSendingEvent.DELIVERY,
                ses.EmailSendingEvent.REJECT,
            ],
        )
        self.record_mail_events, feedback = self._record_feedback()
        self.send_confirmation, confirmations = self._mails(
            jobs, "confirmations", "send_confirmation", "CustomerSignedUp"
        )
        self.send_points_reminder, reminders = self._mails(
            jobs, "reminders", "send_points_reminder", "PointsExpiring", "TierEnding"
        )
        self.send_survey_invitation, invitations = self._mails(
            jobs, "surveys", "send_survey_invitation", "SurveyInvited"
        )
        self.send_referral_invitation, promoters = self._mails(
            jobs, "promoters", "send_referral_invitation", "SurveyAnswered", "SurveyAnswerChanged"
        )
        self.notify_marketer, cases = self._mails(jobs, "cases", "notify_marketer", "CaseOpened", "CaseOverdue")
        # A message that comes in somebody's quiet hours is hidden until they are over.
        self.send_survey_invitation.add_environment("INVITATIONS_QUEUE_URL", invitations.queue_url)
        # Not the surveys': theirs may wait for the morning.
        self.patient_queues = [confirmations, reminders, promoters, cases]
        queues = (feedback, confirmations, reminders, invitations, promoters, cases)
        self.dead_letter_queues = [queue.failed for queue in queues]

        CfnOutput(self, "FeedbackTopicArn", value=self.feedback_topic.topic_arn)

    def _record_feedback(self) -> tuple[Function, ConsumedQueue]:
        queue = ConsumedQueue(self, "feedback", settings=self._settings, function_timeout=BATCH_TIMEOUT)
        self.feedback_topic.add_subscription(
            subscriptions.SqsSubscription(queue, raw_message_delivery=True, dead_letter_queue=queue.failed)
        )
        function = self._function("record_mail_events")
        queue.feed(function, at_once=2)
        return function, queue

    def _mails(
        self, jobs: JobsStack, queue_name: str, function_name: str, *detail_types: str
    ) -> tuple[Function, ConsumedQueue]:
        """A function that sends mail about facts of these types, and the queue that it eats from."""
        queue = ConsumedQueue(
            self,
            queue_name,
            settings=self._settings,
            function_timeout=BATCH_TIMEOUT,
            max_receives=MAIL_RECEIVES,
        )
        queue.hear(jobs.bus, *detail_types)
        function = self._sender(function_name)
        queue.feed(function, at_once=2)
        return function, queue

    def _sender(self, name: str) -> Function:
        """A function that may send mail as the shop, through the configuration set and no other way."""
        function = self._function(
            name,
            {
                "PUBLIC_URL": self._public_url,
                "CONFIGURATION_SET": self._configuration_set.configuration_set_name,
            },
        )
        function.allow(
            ["ses:SendEmail"],
            [
                # The shop may have verified the address, its domain or a domain above; and in its sandbox SES
                # asks for the recipient's identity as well.
                self.format_arn(service="ses", resource="identity", resource_name="*"),
                self.format_arn(
                    service="ses",
                    resource="configuration-set",
                    resource_name=self._configuration_set.configuration_set_name,
                ),
            ],
            {"StringEquals": {"ses:FromAddress": self._settings.sender}},
        )
        accept(
            function.role_of_its_own,
            "IAM5[Resource::arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/*]",
            "which identity SES asks for is not known before; whom the mail comes from is held by the condition",
        )
        return function

    def _function(self, name: str, environment: dict[str, str] | None = None) -> Function:
        return Function(
            self,
            name,
            settings=self._settings,
            data=self._data,
            layers=[self._layer],
            timeout=BATCH_TIMEOUT,
            environment=environment,
        )
