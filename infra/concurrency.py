"""How many functions run at once, by what the AWS account allows in all (`account_concurrency`)."""

from typing import Final

from shared.core.settings import Settings

# AWS refuses a reservation that leaves fewer than a hundred to the other functions of the account.
RESERVES_FROM: Final = 200
# SQS takes no smaller maximum.
LEAST_OF_A_QUEUE: Final = 2


def of_a_queue(at_most: int, settings: Settings) -> int:
    """How many take messages of a queue: a twentieth of the account's, `at_most` the number that the wiring names."""
    return max(LEAST_OF_A_QUEUE, min(at_most, settings.account_concurrency // 20))


def of_a_job(settings: Settings) -> int:
    """How many segments a job goes through at a time: a quarter of the account's; Step Functions takes up to 10,000."""
    return min(settings.account_concurrency // 4, 10_000)


def reserved(settings: Settings) -> int | None:
    """How many are kept free for a function that must not wait: a tenth of the account's, None below 200.

    The reservation bounds the function too.
    """
    if settings.account_concurrency < RESERVES_FROM:
        return None
    return settings.account_concurrency // 10
