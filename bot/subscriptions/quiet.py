"""A digest's own quiet hours: what was typed of them, in words, and whether they leave any time.

They are told by the digest's zone and hold for its posts alone; those of its channel hold besides.
"""

from __future__ import annotations

from dataclasses import replace

from analytics.errors import UserError
from bot.context import Context
from bot.params import QuietHours as Typed
from bot.places import where_text
from storage.destinations import Destination
from storage.quiet import QuietHours, awake


def own_hours(
    typed: Typed | None, zone: str, before: QuietHours | None = None
) -> QuietHours | None:
    """What was typed, else what a digest had before, told by its zone; None for none and `off`."""
    if typed is None:
        return before and replace(before, zone=zone)
    return None if typed[0] == typed[1] else QuietHours(*typed, zone)


def check_time_left(ctx: Context, to: Destination, own: QuietHours | None) -> None:
    """Raise UserError for quiet hours that leave no time beside those of the channel."""
    if own is None or to.quiet is None or awake(ctx.now, own, to.quiet) is not None:
        return
    raise UserError(
        f"Quiet hours {hours_text(own)} leave no time: those of {where_text(ctx, to)} are "
        f"{hours_text(to.quiet)}.",
        hint="Choose shorter ones, or none with `quiet=off`.",
    )


def hours_text(hours: QuietHours) -> str:
    """`22:00–07:00 Europe/Berlin`."""
    start, end = (f"{one // 60:02}:{one % 60:02}" for one in (hours.start, hours.end))
    return f"{start}–{end} {hours.zone}"
