"""Every hour → customers whose cases were resolved some days ago are asked whether it helped."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock
from shared.nps.actions import recovery


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Each is asked about once, however often this runs."""
    return {"asked": recovery.ask_whether_it_helped(clock.shop_time())}
