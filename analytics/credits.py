"""Burn order: which grant pays for what is used, exact to the micro-credit.

The plan's allowance of a month pays first, then packs by priority, earliest expiry and age.  What
no grant covers is overage.  It always holds that used = plan + packs + overage in every month,
and left = given - used - lost for every grant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from storage.grants import Grant, in_month
from storage.timekeys import date_of, first_day, month_number

FOREVER = 10**9  # later than any day number


@dataclass(frozen=True, slots=True)
class MonthUse:
    """Micro-credits used in a month, by what paid for them."""

    plan: int = 0
    packs: int = 0
    overage: int = 0

    @property
    def used(self) -> int:
        """All of it."""
        return self.plan + self.packs + self.overage

    def __add__(self, other: MonthUse) -> MonthUse:
        """Both together."""
        return MonthUse(
            self.plan + other.plan, self.packs + other.packs, self.overage + other.overage
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """A grant on some day in micro-credits; of a plan, the month of that day.

    What is left of a pack when it expires is `lost`.
    """

    grant: Grant
    given: int
    used: int
    lost: int = 0

    @property
    def left(self) -> int:
        """What can still be used."""
        return self.given - self.used - self.lost


@dataclass(slots=True)
class _Purse:
    """What is left in each grant while days go by; plans are filled anew every month."""

    plans: Sequence[Grant]
    packs: Sequence[Grant]
    month: int = 0
    used: Counter[int] = field(default_factory=Counter)

    def turn_to(self, month: int) -> None:
        """Begin a month: its plans have all their credits again."""
        if month != self.month:
            self.month = month
            for plan in self.plans:
                self.used[plan.id] = 0

    def pay(self, day: int, amount: int) -> MonthUse:
        """Take the credits of a day out of what is usable then."""
        plan = self._take((one for one in self.plans if in_month(one, self.month)), amount)
        usable = (one for one in self.packs if one.first_day <= day < (one.end_day or FOREVER))
        packs = self._take(usable, amount - plan)
        return MonthUse(plan, packs, amount - plan - packs)

    def _take(self, grants: Iterable[Grant], amount: int) -> int:
        rest = amount
        for grant in grants:
            part = min(rest, grant.credits - self.used[grant.id])
            self.used[grant.id] += part
            rest -= part
        return amount - rest

    def balance(self, grant: Grant, day: int) -> Balance:
        """What a grant holds at the end of a day."""
        used = self.used[grant.id]
        if grant.kind == "plan":
            return Balance(grant, grant.credits if in_month(grant, self.month) else 0, used)
        is_over = grant.end_day is not None and grant.end_day <= day
        return Balance(grant, grant.credits, used, grant.credits - used if is_over else 0)


@dataclass(frozen=True, slots=True)
class Burned:
    """What paid for the use of each month, and what every grant holds on the last day."""

    months: Mapping[int, MonthUse]
    balances: tuple[Balance, ...]

    def month(self, number: int) -> MonthUse:
        """What paid in a month; nothing where nothing was used."""
        return self.months.get(number, MonthUse())

    @property
    def left(self) -> int:
        """What all grants still hold."""
        return sum(balance.left for balance in self.balances)


def burn(grants: Sequence[Grant], by_day: Mapping[int, int], last_day: int) -> Burned:
    """Let the grants pay for micro-credits by local day number, up to and including a last day.

    Use before the month of the first grant is nobody's matter.  Balances come in burn order, of
    grants that have begun.
    """
    plans, packs = burn_order(grants)
    purse, months = _Purse(plans, packs), dict[int, MonthUse]()
    start = first_month_day(min((grant.first_day for grant in grants), default=FOREVER))
    for day in sorted(day for day in by_day if start <= day <= last_day):
        month = month_number(date_of(day))
        purse.turn_to(month)
        months[month] = months.get(month, MonthUse()) + purse.pay(day, by_day[day])
    last_month = month_number(date_of(last_day))
    purse.turn_to(last_month)
    begun = [plan for plan in plans if month_number(date_of(plan.first_day)) <= last_month]
    begun += [pack for pack in packs if pack.first_day <= last_day]
    return Burned(months, tuple(purse.balance(grant, last_day) for grant in begun))


def burn_order(grants: Sequence[Grant]) -> tuple[list[Grant], list[Grant]]:
    """Plans and packs, each in the order in which they pay."""
    plans = [grant for grant in grants if grant.kind == "plan"]
    packs = [grant for grant in grants if grant.kind == "pack"]
    return (
        sorted(plans, key=lambda plan: (plan.priority, plan.first_day, plan.id)),
        sorted(
            packs,
            key=lambda pack: (pack.priority, pack.end_day or FOREVER, pack.first_day, pack.id),
        ),
    )


def first_month_day(day: int) -> int:
    """The first day of a day's month."""
    return day if day == FOREVER else first_day(month_number(date_of(day)))


def matters_since(grants: Sequence[Grant], last_day: int) -> int:
    """The first day whose use changes what the grants that are alive in a month can pay.

    Packs that were over before any pack that still counts began are history.
    """
    packs = [grant for grant in grants if grant.kind == "pack" and grant.first_day <= last_day]
    start = first_month_day(last_day)
    while True:
        alive = (pack.first_day for pack in packs if (pack.end_day or FOREVER) > start)
        earliest = first_month_day(min(alive, default=start))
        if earliest >= start:
            return start
        start = earliest
