"""The body that starts a rescoring."""

from datetime import date

from shared.edge.payloads import Payload


class RescoringPayload(Payload):
    """`as_of` is the day to score for, today where it is left out; for data imported from the past."""

    as_of: date | None = None
