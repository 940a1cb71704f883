"""The pace of writes, by a clock that stands still until somebody sleeps."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.core.pace import FIRST_PER_SECOND, LEAST_PER_SECOND, MOST_PER_SECOND, Pace


class Clock:
    """Its time passes by sleeping."""

    seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock.now, clock.sleep)


def test_writes_go_out_at_the_pace_and_no_faster(clock: Clock, pace: Pace) -> None:
    pace.wait(500)
    assert clock.seconds == 100
    pace.wait(500)
    assert clock.seconds == pytest.approx(100.5)
    for _ in range(10):
        pace.wait(100)
    assert clock.seconds == pytest.approx(100 + 1_900 / FIRST_PER_SECOND)


def test_time_in_which_nothing_was_written_is_not_made_up_for(clock: Clock, pace: Pace) -> None:
    clock.sleep(60)
    pace.wait(1_000)
    pace.wait(1)
    assert clock.seconds == pytest.approx(161)


def test_it_grows_with_every_batch_that_is_taken_up_to_a_bound(pace: Pace) -> None:
    pace.taken()
    assert FIRST_PER_SECOND < pace.per_second < 1.1 * FIRST_PER_SECOND
    for _ in range(1_000):
        pace.taken()
    assert pace.per_second == MOST_PER_SECOND


def test_it_slows_with_every_refusal_down_to_a_bound_and_pauses(clock: Clock, pace: Pace) -> None:
    clock.sleep(1)
    pace.refused()
    assert pace.per_second == pytest.approx(0.7 * FIRST_PER_SECOND)
    before = clock.seconds
    pace.wait(1)
    assert clock.seconds == pytest.approx(before + 0.5)
    for _ in range(30):
        clock.sleep(1)
        pace.refused()
    assert pace.per_second == LEAST_PER_SECOND


def test_refusals_of_writes_under_way_together_count_once(clock: Clock, pace: Pace) -> None:
    clock.sleep(1)
    for _ in range(8):
        pace.refused()
    assert pace.per_second == pytest.approx(0.7 * FIRST_PER_SECOND)


def test_what_it_lost_it_wins_back(clock: Clock, pace: Pace) -> None:
    clock.sleep(1)
    pace.refused()
    for _ in range(30):
        pace.taken()
    assert pace.per_second == pytest.approx(FIRST_PER_SECOND)


def test_threads_share_one_pace() -> None:
    slept: list[float] = []
    pace = Pace(lambda: 100.0, slept.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pace.wait, [25] * 81))
    assert sorted(slept) == pytest.approx([turn * 25 / FIRST_PER_SECOND for turn in range(1, 81)])
