"""What holds for every test."""

import os
import sys
from collections.abc import Iterator

import pytest

from shared.core import environment

# Every worker and every program that a test starts imports CDK, moto or botocore, some ten seconds of compiling each:
# they are compiled once, also where the environment says otherwise.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A worker has one core: numpy's other threads would only wait for it, and burn it as they wait.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def environment_read_anew() -> Iterator[None]:
    """A function reads its environment once; each test has an environment of its own."""
    environment.forget()
    yield
    environment.forget()
