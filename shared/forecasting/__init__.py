"""Who will buy again, how often, and for how much: forecasts that each shop's own history has judged."""

from typing import Final

# Of what a fit leaves; another one is fitted anew.
FORMAT: Final = 1
