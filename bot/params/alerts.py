"""What alerts are asked with: their number, kind, how long they are quiet, where they go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context
from bot.params.base import ParamType

AlertId = NewType("AlertId", int)
AlertKind = NewType("AlertKind", str)
Pause = NewType("Pause", timedelta)
QuietHours = NewType("QuietHours", tuple[int, int])
Channel = NewType("Channel", str)
Instant = NewType("Instant", datetime)
Earliest = NewType("Earliest", int)
NO_HOURS = QuietHours((0, 0))
GROUPS = ("threshold", "projected", "anomaly", "silent", "advice", "purchase")
ANY = "all"
OTHER_NAMES: Mapping[str, str] = {
    "thresholds": "threshold",
    "budget": "threshold",
    "budgets": "threshold",
    "forecast": "projected",
    "overrun": "projected",
    "anomalies": "anomaly",
    "unusual": "anomaly",
    "silence": "silent",
    "source": "silent",
    "purchases": "purchase",
}
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=31)
_PAUSE = re.compile(r"(\d{1,4}) ?(m|min|h|d|w)", re.IGNORECASE | re.ASCII)
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))? ?(?:-|–|to) ?(\d{1,2})(?::(\d{2}))?", re.ASCII)
_NUMBER = re.compile(r"#?(\d{1,8})", re.ASCII)
LAST_MINUTE = 24 * 60


class AlertIdType(ParamType):
    """The number of an alert, or of a route."""

    words = "number"
    positional = True

    def __init__(self, *, required: bool = True, positional: bool = True) -> None:
        self.required = required
        self.positional = positional

    def read(self, texts: Sequence[str], ctx: Context) -> AlertId | None:
        """The number, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        found = _NUMBER.fullmatch(texts[0].strip())
        if found is None or not int(found[1]):
            raise UserError(
                f"'{clean(texts[0], 40)}' is not a number.",
                hint="`alerts` and `alerts list` show the numbers, such as 2.",
            )
        return AlertId(int(found[1]))


class AlertKindType(ParamType):
    """A kind of alert, or all of them."""

    words = "|".join((*GROUPS, ANY))

    def __init__(self, *, required: bool = False) -> None:
        self.required = required
        self.positional = required

    def read(self, texts: Sequence[str], ctx: Context) -> AlertKind:
        """The kind, empty for all and when left out; raises UserError with the allowed ones."""
        del ctx
        typed = texts[0].casefold() if texts else ANY
        named = OTHER_NAMES.get(typed, typed)
        if named == ANY:
            return AlertKind("")
        if named not in GROUPS:
            listed = ", ".join(f"`{one}`" for one in (*GROUPS, ANY))
            raise UserError(
                f"'{clean(texts[0], 40)}' is no kind of alert.", hint=f"Choose {listed}."
            )
        return AlertKind(named)

    def complete(self, text: str, ctx: Context) -> list[str]:
        """The kinds that start so."""
        del ctx
        return [one for one in (*GROUPS, ANY) if one.startswith(text.casefold())]


class PauseType(ParamType):
    """How long an alert is quiet: `24h`, `90m`, `3d`."""

    words = "24h"
    positional = True

    def read(self, texts: Sequence[str], ctx: Context) -> Pause:
        """The time, 24 hours when left out; raises UserError."""
        del ctx
        if not texts:
            return Pause(timedelta(hours=24))
        found = _PAUSE.fullmatch(texts[0].strip())
        pause = timedelta(**{_UNITS[found[2].casefold()]: int(found[1])}) if found else timedelta()
        if not SHORTEST <= pause <= LONGEST:
            raise UserError(
                f"'{clean(texts[0], 40)}' is no time to be quiet.",
                hint="Write 5m to 31d, for example `24h`.",
            )
        return Pause(pause)


class QuietHoursType(ParamType):
    """Hours in which only what is urgent is posted: `22:00-07:00`, or `off`."""

    words = "22:00-07:00"
    positional = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> QuietHours:
        """Minutes of the day from and to, (0, 0) for off; raises UserError."""
        del ctx
        typed = texts[0].strip()
        if typed.casefold() in ("off", "none"):
            return NO_HOURS
        found = _HOURS.fullmatch(typed)
        start, end = (
            (_minute(found[1], found[2]), _minute(found[3], found[4])) if found else (-1, -1)
        )
        if min(start, end) < 0:
            raise UserError(
                f"'{clean(typed, 40)}' are no hours of a day.",
                hint="Write them as `22:00-07:00`, or `off`.",
            )
        # The whole day would be kept as `off` is.
        if start % LAST_MINUTE == end % LAST_MINUTE:
            raise UserError(
                f"'{clean(typed, 40)}' leaves no time of the day.",
                hint="Write only the hours that are quiet, `22:00-07:00`, or `off` for none.",
            )
        return QuietHours((start % LAST_MINUTE, end % LAST_MINUTE))


def _minute(hour: str, minute: str | None) -> int:
    """The minute of the day; below 0 where there is none, 24:00 is the day's end."""
    found = int(hour) * 60 + int(minute or 0)
    return found if int(minute or 0) < 60 and found <= LAST_MINUTE else -1


class ChannelType(ParamType):
    """A channel by its mention, id or known name: `to #ops`."""

    words = "#channel"
    led = True
    wordy = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> Channel:
        """The words as typed: which channel they mean is found by who knows the channels."""
        del ctx
        return Channel(" ".join(texts[0].split()))


class InstantType(ParamType):
    """A moment with its offset, as a stored line names it."""

    words = "2026-03-24T07:00+01:00"

    def read(self, texts: Sequence[str], ctx: Context) -> Instant | None:
        """The moment, None when left out; raises UserError."""
        del ctx
        if not texts:
            return None
        try:
            found = datetime.fromisoformat(texts[0])
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise UserError(
                f"'{clean(texts[0], 40)}' is no moment.", hint=f"Write it as `{self.words}`."
            )
        return Instant(found)
