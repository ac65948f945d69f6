"""Quiet hours: minutes of the day, on a zone's clock, during which what can wait waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60
LONGEST = timedelta(days=2)  # hours of two zones that left nothing by then leave nothing at all


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one minute of the day to another one, over midnight where the end is the smaller."""

    start: int
    end: int
    zone: str

    def awake(self, moment: datetime) -> datetime:
        """The first instant from a moment on at which their clock shows none of these minutes.

        Where the clock jumps over their end, that is the jump; where it goes back, an hour that is
        repeated is quiet twice.
        """
        zone = ZoneInfo(self.zone)
        local = moment.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if (minute - self.start) % DAY_MINUTES >= (self.end - self.start) % DAY_MINUTES:
            return moment
        whole = local.replace(second=0, microsecond=0).astimezone(UTC)
        end = whole + (self.end - minute) % DAY_MINUTES * MINUTE
        if end.astimezone(zone).utcoffset() == local.utcoffset():
            return end
        return self.awake(_change(whole, end, zone))


def awake(moment: datetime, *hours: QuietHours | None) -> datetime | None:
    """The first instant from a moment on at which none of the hours hold; None without any."""
    free = moment
    while free - moment <= LONGEST:
        before = free
        for one in filter(None, hours):
            free = one.awake(free)
        if free == before:
            return free
    return None


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The minute between two of UTC from which on a zone's clock goes as it does at the second."""
    while after - before > MINUTE:
        middle = before + (after - before) // MINUTE // 2 * MINUTE
        if middle.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset():
            after = middle
        else:
            before = middle
    return after
