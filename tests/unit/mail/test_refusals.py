"""What SES's refusals mean for a mail, each error for itself."""

import boto3
import pytest

from shared.mail.refusals import REMEDIES, Remedy, is_over_quota, remedy


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("TooManyRequestsException", Remedy.AGAIN),
        ("ThrottlingException", Remedy.AGAIN),
        ("SendingPausedException", Remedy.WAIT),
        ("AccountSuspendedException", Remedy.WAIT),
        ("LimitExceededException", Remedy.WAIT),
        ("MailFromDomainNotVerifiedException", Remedy.WAIT),
        ("MessageRejected", Remedy.NONE),
        ("BadRequestException", Remedy.NONE),
        ("NotFoundException", Remedy.NONE),
        ("AccessDeniedException", Remedy.NONE),
        ("ExpiredTokenException", Remedy.AGAIN),
        ("SomethingNew", Remedy.AGAIN),
    ],
)
def test_each_error_has_its_remedy(code: str, expected: Remedy) -> None:
    assert remedy(code, over_quota=False) is expected


def test_every_error_that_ses_names_has_been_decided_on() -> None:
    model = boto3.client("sesv2", region_name="eu-central-1").meta.service_model
    named = {shape.name for shape in model.operation_model("SendEmail").error_shapes}
    assert named
    assert named <= set(REMEDIES)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException", "LimitExceededException"])
def test_a_day_s_quota_is_waited_for_and_a_second_s_is_not(code: str) -> None:
    assert is_over_quota("Daily message quota exceeded.")
    assert not is_over_quota("Maximum sending rate exceeded.")
    assert remedy(code, over_quota=True) is Remedy.WAIT
