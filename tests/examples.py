"""How many examples hypothesis draws: a fifth in an ordinary run, all of them with REGULARS_THOROUGH=1."""

import os
from typing import Final

from hypothesis import settings

_IS_THOROUGH: Final = bool(os.environ.get("REGULARS_THOROUGH"))


def examples(thorough: int) -> int:
    """How many examples to draw where a thorough run draws so many."""
    return thorough if _IS_THOROUGH else max(thorough // 5, 5)


# Speed is never asserted: no example has a deadline.
settings.register_profile("regulars", max_examples=examples(100), deadline=None)
settings.load_profile("regulars")
