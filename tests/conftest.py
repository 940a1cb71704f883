"""What holds for every test."""

from collections.abc import Iterator

import pytest

from shared.core import environment


@pytest.fixture(autouse=True)
def environment_read_anew() -> Iterator[None]:
    """A function reads its environment once; each test has an environment of its own."""
    environment.forget()
    yield
    environment.forget()
