"""The body that starts a rescoring."""

from pydantic import Field

from shared.edge.payloads import Day, Payload, example


class RescoringPayload(Payload):
    """`as_of` is the day to score for, today where it is left out; for data imported from the past."""

    model_config = example(as_of="2026-11-21")

    as_of: Day | None = Field(
        default=None, description="the day to score for, in the shop's time zone; from the shop's first order to today"
    )
