"""Sending through SES, and the events that SES reports. The sender's identity is not made here: a shop verifies
its domain once, by DNS, for all its stages.
"""

from collections.abc import Iterable

from aws_cdk import CfnOutput
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import names
from shared.core.settings import Settings


class MailEvents(Construct):
    """The configuration set that every mail goes through, by its fixed name, and the topic of its events."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, types: Iterable[str]) -> None:
        super().__init__(scope, construct_id)
        configuration_set = ses.ConfigurationSet(
            self,
            "ConfigurationSet",
            configuration_set_name=names.name_of(settings, ""),
            reputation_metrics=True,
            tls_policy=ses.ConfigurationSetTlsPolicy.REQUIRE,
            # A mailbox that bounced may work again, and its owner may ask again: we know who is suppressed.
            suppression_reasons=ses.SuppressionReasons.COMPLAINTS_ONLY,
        )
        self.topic = sns.Topic(self, "Feedback", enforce_ssl=True)
        configuration_set.add_event_destination(
            "Feedback",
            destination=ses.EventDestination.sns_topic(self.topic),
            events=[ses.EmailSendingEvent[name] for name in types],
        )
        CfnOutput(scope, "FeedbackTopicArn", value=self.topic.topic_arn)
