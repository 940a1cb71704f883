"""Who will buy again, how often, and for how much: forecasts by models chosen by each shop's own history."""

from typing import Final

# The version of stored forecasters; a forecaster of another version is fitted again.
FORMAT: Final = 1
