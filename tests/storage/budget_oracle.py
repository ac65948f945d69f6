"""What must be told about budgets, in plain Python over events: it knows no table and no mark.

Shares are compared as fractions, periods are walked day by day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from storage.budgets import Budget
from storage.marks import Threshold, kept

DAY = timedelta(days=1)
Period = tuple[int, date]  # a budget and the first day of a period


@dataclass
class Spent:
    """One event."""

    day: date
    credits: int
    labels: dict[str, int]


@dataclass
class Told:
    """One alert, as it must be found."""

    budget: int
    first: date
    revision: int
    passed: list[Threshold]
    episode: int
    state: str = "fired"


@dataclass
class Open:
    """A threshold that fired and is not over."""

    told: Told
    below_since: datetime | None = None


@dataclass
class BudgetOracle:
    """Every event and budget of a workspace, and what people were told so far."""

    events: dict[str, Spent] = field(default_factory=dict)
    budgets: dict[int, Budget] = field(default_factory=dict)
    kinds: dict[int, Budget] = field(default_factory=dict)  # removed ones too
    rows: set[Period] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    open: dict[tuple[int, date, int, Threshold], Open] = field(default_factory=dict)
    fired: dict[tuple[int, date, int, Threshold], int] = field(default_factory=dict)

    # ---- usage

    def used(self, row: Period) -> int:
        """Micro-credits of a period."""
        budget = self.kinds[row[0]]
        days = self.days(budget, row[1])
        return sum(
            one.credits
            for one in self.events.values()
            if one.day in days and one.labels.get(budget.scope, 0) == budget.target_id
        )

    def all_used(self) -> dict[Period, int]:
        """Micro-credits of every period that has a row."""
        return {row: self.used(row) for row in sorted(self.rows)}

    def days(self, budget: Budget, day: date) -> list[date]:
        """The days of the period that holds a day."""
        first = day
        while not self._begins(budget, first):
            first -= DAY
        days = [first]
        while not self._begins(budget, days[-1] + DAY):
            days.append(days[-1] + DAY)
        return days

    def _begins(self, budget: Budget, day: date) -> bool:
        if budget.period == "weekly":
            return day.weekday() == 0
        if budget.period == "quarterly":
            return day.day == 1 and day.month in (1, 4, 7, 10)
        return day.day == (budget.billing_day if budget.period == "billing" else 1)

    # ---- what happens

    def wrote(self, before: dict[Period, int], today: date) -> None:
        """Usage changed in one transaction."""
        for row, used in self.all_used().items():
            if used != before[row]:
                self._decide(row, before[row], today)

    def look(self, now: datetime, today: date) -> None:
        """The level check."""
        for day in (today, today + DAY):
            self.rows |= {(one.id, self.days(one, day)[0]) for one in self.budgets.values()}
        running = [row for row in sorted(self.rows) if self._holds(row, today)]
        for row in running:
            self._end(row, now, today)
        for row in running:
            self._decide(row, self.used(row), today)

    def _holds(self, row: Period, today: date) -> bool:
        return today in self.days(self.kinds[row[0]], row[1])

    def _limit(self, row: Period, today: date) -> int:
        last = min(today, self.days(self.kinds[row[0]], row[1])[-1])
        return self.budgets[row[0]].limit_on((last - date(1970, 1, 1)).days)

    def _reaches(self, threshold: Threshold, used: int, limit: int) -> bool:
        return used > 0 and used >= self.point(threshold, limit)

    def point(self, threshold: Threshold, limit: int) -> Fraction:
        """What must be used to reach a threshold."""
        if isinstance(threshold, int):
            return Fraction(threshold * limit, 100)
        return Fraction(threshold.amount if threshold.kind == "used" else limit - threshold.amount)

    def _decide(self, row: Period, before: int, today: date) -> None:
        number, first = row
        if first > today or number not in self.budgets:
            return
        budget, used, limit = self.budgets[number], self.used(row), self._limit(row, today)
        known = sorted(budget.thresholds, key=lambda t: (self.point(t, limit), _tie(t), kept(t)))
        now = [t for t in known if self._reaches(t, used, limit)]
        keys = {t: (number, first, budget.revision, t) for t in now}
        free = [t for t in now if keys[t] not in self.open and self.fired.get(keys[t], 0) < 3]
        if not free:
            return
        crossed = [t for t in free if not self._reaches(t, before, limit)]
        state = "fired" if self._holds(row, today) else "skipped"
        episode = self.fired.get(keys[free[-1]], 0) + 1
        told = Told(number, first, budget.revision, crossed or free[-1:], episode, state)
        self.told.append(told)
        for t in free:
            self.fired[keys[t]] = self.fired.get(keys[t], 0) + 1
            self.open[keys[t]] = Open(told)

    def _end(self, row: Period, now: datetime, today: date) -> None:
        budget, used = self.budgets.get(row[0]), self.used(row)
        limit = self._limit(row, today) if budget else 0
        over: list[tuple[Told, str]] = []
        is_warned = self._warns(row, used, limit)
        for key in [key for key in self.open if key[:2] == row]:
            one = self.open[key]
            if budget is None:
                over.append((self.open.pop(key).told, "resolved"))
            elif key[2] != budget.revision:
                over.append((self.open.pop(key).told, ""))
            elif not self._is_down(key[3], used, limit):
                one.below_since = None
            elif one.below_since is None:
                one.below_since = now
            elif now - one.below_since >= timedelta(minutes=10):
                over.append((self.open.pop(key).told, "resolved"))
        still = [id(one.told) for one in self.open.values()]
        for told, state in over:
            if id(told) not in still and told.state == "fired":
                told.state = state or ("replaced" if is_warned else "resolved")

    def _warns(self, row: Period, used: int, limit: int) -> bool:
        """Whether the budget as it is now was told to be high, or is about to be."""
        budget = self.budgets.get(row[0])
        if budget is None:
            return False
        told = {key[3] for key in self.open if key[:3] == (*row, budget.revision)}
        return bool(told) or any(
            self._reaches(t, used, limit) and self.fired.get((*row, budget.revision, t), 0) < 3
            for t in budget.thresholds
        )

    def _is_down(self, threshold: Threshold, used: int, limit: int) -> bool:
        point = self.point(threshold, limit)
        return used == 0 or used < point - min(Fraction(2 * limit, 100), point / 2)

    def shown(self) -> Iterator[tuple[object, ...]]:
        """Every alert, in the order in which they must be found."""
        for one in self.told:
            yield one.budget, str(one.first), one.revision, set(one.passed), one.episode, one.state


def _tie(threshold: Threshold) -> int:
    return threshold if isinstance(threshold, int) else 10**6
