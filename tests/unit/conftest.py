"""The clock stands still."""

import tests.examples  # noqa: F401  # sets how many examples are drawn
from tests.frozen_clock import clock

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = ["clock"]
