"""The clock, read at the edges only; all other code takes the moment as an argument."""

from datetime import UTC, datetime

from shared.core import environment
from shared.core.shop_time import ShopTime


def now() -> datetime:
    """This moment in UTC, to the millisecond, as it is stored."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def shop_time() -> ShopTime:
    """This moment, as the shop sees it."""
    return ShopTime(now(), environment.settings().zone)
