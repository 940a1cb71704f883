"""The clock stands still."""

from tests.frozen_clock import clock

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = ["clock"]
