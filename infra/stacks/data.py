"""The data: both tables, the bucket of rescorings and of the fact log, the signing key."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.exception import accept
from shared.core.settings import Settings


class DataStack(Stack):
    """The data that has to survive everything else; outside the local stage nothing here is deleted with the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        self._keep = not settings.is_local
        super().__init__(scope, construct_id, termination_protection=self._keep)
        self._removal_policy = RemovalPolicy.RETAIN if self._keep else RemovalPolicy.DESTROY

        own_customers = self._table(
            "Customers",
            partition_key="pk",
            sort_key="sk",
            time_to_live_attribute="expires_at",
            stream=dynamodb.StreamViewType.NEW_IMAGE,
        )
        own_scorecards = self._table("Scorecards", partition_key="customer_id")
        # What everything else uses. A restored table is known by its name alone, which is no import: nothing that is
        # exported changes its value, and CloudFormation has nothing to refuse.
        self.customers = (
            self._restored("Customers", settings.restored_customers_table, settings.restored_customers_stream)
            or own_customers
        )
        self.scorecards = self._restored("Scorecards", settings.restored_scorecards_table) or own_scorecards

        self.bucket = s3.Bucket(
            self,
            "Data",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    prefix="rescorings/",
                    expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
                # For the shop's analysts: more than a year, so that a season can be compared with the last.
                s3.LifecycleRule(prefix="scores/", expiration=Duration.days(400)),
                # Why a customer was or was not asked to a survey: a year, for questions of theirs.
                s3.LifecycleRule(prefix="invitations/", expiration=Duration.days(365)),
                # Every fact without what is personal: `regulars republish` and analyses read it.
                s3.LifecycleRule(prefix="facts/", expiration=Duration.days(settings.fact_log_days)),
            ],
            removal_policy=self._removal_policy,
        )
        accept(
            self.bucket,
            "S1",
            "it holds what functions hand to each other and the shop's own snapshots; nobody else may read it",
        )

        # Generated once: CloudFormation would make it anew, and every customer id with it, if this property changed.
        # `regulars keys rotate-signing` puts the signing keys beside it.
        self.signing_key = secretsmanager.Secret(
            self,
            "SigningKey",
            description="Signs the tokens in links and mints customer ids",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
            removal_policy=self._removal_policy,
        )
        accept(
            self.signing_key,
            "SMG4",
            "it holds the key of ids, which must not change; the keys that sign links are rotated by a command",
        )

        CfnOutput(self, "CustomersTable", value=self.customers.table_name)
        CfnOutput(self, "ScorecardsTable", value=self.scorecards.table_name)
        CfnOutput(self, "BucketName", value=self.bucket.bucket_name)
        # For good: CloudFormation refuses to take back what another stack imports, and wirings come and go. The own
        # tables' even while restored ones are used: when this stack is deployed, the others still import these.
        for value in (
            *(own_customers.table_arn, own_customers.table_name, own_customers.table_stream_arn),
            *(own_scorecards.table_arn, own_scorecards.table_name),
            *(self.bucket.bucket_arn, self.bucket.bucket_name, self.signing_key.secret_arn),
        ):
            self.export_value(value)

    def _restored(self, own: str, name: str, stream_arn: str | None = None) -> dynamodb.ITable | None:
        """The restored table of this name that takes the place of the own one, None where there is no name."""
        if not name:
            return None
        arn = self.format_arn(service="dynamodb", resource="table", resource_name=name)
        return dynamodb.Table.from_table_attributes(
            self, f"Restored{own}", table_arn=arn, table_stream_arn=stream_arn or None
        )

    def _table(
        self,
        construct_id: str,
        *,
        partition_key: str,
        sort_key: str | None = None,
        time_to_live_attribute: str | None = None,
        stream: dynamodb.StreamViewType | None = None,
    ) -> dynamodb.Table:
        def key(name: str) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)

        return dynamodb.Table(
            self,
            construct_id,
            partition_key=key(partition_key),
            sort_key=key(sort_key) if sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            # DynamoDB's own key: free, and no call to KMS on the way of a request. Who may read the table
            # is decided by IAM alone, in one place.
            encryption=dynamodb.TableEncryption.DEFAULT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=time_to_live_attribute,
            stream=stream,
            deletion_protection=self._keep,
            removal_policy=self._removal_policy,
        )
