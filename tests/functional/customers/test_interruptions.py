"""A signup that is ended on its way and sent again."""

from collections.abc import Callable
from itertools import count

from shared.customers.store import profiles
from tests.functional.calls import is_killed
from tests.functional.scenes import Contents, Invoke


def test_a_signup_that_is_ended_leaves_nothing_or_all_and_can_be_sent_again(
    invoke: Invoke, empty_tables: Callable[[], None], contents: Contents
) -> None:
    for changes in count():
        empty_tables()
        killed = is_killed(lambda: invoke("register_customer/json"), changes)
        if killed:
            assert len(contents()["customers"]) in (0, 3)
            invoke("register_customer/json")
        known = profiles.get_by_email("ada@example.com")
        assert known is not None
        assert known.signup is not None
        assert len(contents()["customers"]) == 3
        if not killed:
            break
    assert changes > 1
