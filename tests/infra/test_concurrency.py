"""How many functions run at once, by the account's limit."""

import pytest

from infra import concurrency
from shared.core.settings import Settings


@pytest.mark.parametrize(("account", "queue", "job"), [(10, 2, 2), (99, 4, 24), (200, 5, 50), (1_000, 5, 250)])
def test_queues_and_jobs_take_their_share_of_the_account(account: int, queue: int, job: int) -> None:
    settings = Settings(account_concurrency=account)
    assert concurrency.of_a_queue(5, settings) == queue
    assert concurrency.of_a_queue(2, settings) == 2
    assert concurrency.of_a_job(settings) == job


@pytest.mark.parametrize(("account", "reserved"), [(10, None), (199, None), (200, 20), (1_000, 100)])
def test_nothing_is_reserved_on_a_small_account(account: int, reserved: int | None) -> None:
    assert concurrency.reserved(Settings(account_concurrency=account)) == reserved
