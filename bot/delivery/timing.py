"""The times of delivery, all in seconds, and the one rule that binds them.

A send may begin a third of the lease after its claim and take effect `deadline` and `margin` later:
all of that must lie inside the lease, or two owners post the same (facts: 11 to 20 of 210 doubled).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace

HOUR = 3600.0
COUNTS = ("lanes", "makers", "renders", "claims")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long everything may take.  Raises ValueError for times under which posts could double."""

    lease: float = 60.0
    deadline: float = 20.0  # one request, all its parts together
    margin: float = 15.0  # how long after the deadline a request may still take effect
    look_again: float = 10.0  # "not found" is believed when it is read twice so far apart
    first_pause: float = 2.0  # after a refusal without a time, then twice as long each time
    longest_pause: float = 600.0
    alert_life: float = 6 * HOUR
    other_life: float = 24 * HOUR
    blocks: float = 600.0  # how long a message may hold up those behind it
    unread: float = HOUR  # how long a channel that cannot be read now is asked before a repeat
    probe: float = 300.0  # between looks whether a refused token works again
    banned: float = 900.0
    gap: float = 1.0  # between two posts to a channel, where the platform asks for it
    making: float = 60.0  # the lease of making
    picture: float = 10.0
    render_pause: float = 5.0
    renders: int = 3  # failed ones before the plain text
    claims: int = 10  # of a row whose making ends without a word: it may be what kills processes
    poll: float = 0.5
    tick: float = 5.0
    grace: float = 7.0  # what is on its way when the service ends; with the rest below 10 s
    lanes: int = 16  # at once, in this process
    makers: int = 2

    def __post_init__(self) -> None:
        """Refuse what could double."""
        if min(getattr(self, field.name) for field in fields(self)) <= 0:
            raise ValueError("The times of delivery must be above zero.")
        if not 2 / 3 * self.lease > self.deadline + self.margin:
            raise ValueError(
                f"A lease of {self.lease:g} s is too short for a deadline of {self.deadline:g} s "
                f"and a margin of {self.margin:g} s: two thirds of it must be more than both."
            )

    def scaled(self, factor: float) -> Timing:
        """The same with every time so many times as long: tests run a day in minutes."""
        times = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in COUNTS}
        return replace(self, **{name: value * factor for name, value in times.items()})

    def pause(self, failures: int, chance: random.Random) -> float:
        """How long to wait after so many failures: doubling, with up to a quarter of jitter."""
        usual = self.first_pause * 2.0 ** min(failures - 1, 30)
        return min(usual * (1 + chance.random() / 4), self.longest_pause)

    def life(self, kind: str) -> float:
        """How long a message of a kind is tried."""
        return self.alert_life if kind == "alert" else self.other_life
