"""Accepting one finding of cdk-nag on one construct, always with its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import Construct


def accept(construct: Construct, rule: str, reason: str) -> None:
    """Accept AwsSolutions rule `rule`, such as `S1` or `IAM5[Resource::*]`, on `construct`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))
