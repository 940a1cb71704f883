"""A moment as the shop sees it: the moment itself and the zone that decides which day it is."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class ShopTime:
    """`now` is a moment in UTC, to the millisecond; `zone` is the shop's time zone."""

    now: datetime
    zone: tzinfo

    @property
    def today(self) -> date:
        """The shop's day."""
        return self.day_of(self.now)

    def day_of(self, moment: datetime) -> date:
        """The day of another moment, by the shop's zone."""
        return moment.astimezone(self.zone).date()
