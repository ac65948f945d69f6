"""Whether credits have to be bought, and how many: a policy against what was used and is left.

A line is crossed from below.  After a purchase, or a no, the next crossing counts only once use
was seen below the line again, or as much was used as was asked for: one leap of use buys once.
What ended without anybody's answer, as by turning buying off, leaves its crossing open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from analytics.grants import purse
from analytics.measures import gather_credits
from analytics.numbers import exact_credits
from analytics.query import Filters, Query
from analytics.scopes import PERIODS, limit_of
from analytics.stretches import Stretch, stretch_of
from storage.budgets import list_budgets
from storage.events import MICRO
from storage.grants import allowance, list_grants
from storage.periods import period_key
from storage.purchase_policy import Policy
from storage.purchases import Purchase, asked_for
from storage.reading import Days
from storage.timekeys import day_number, month_number


@dataclass(frozen=True, slots=True)
class Level:
    """How a workspace stands in the period of its trigger; micro-credits.

    `subject` is the budget, the plan or the balance that is watched; `limit` is None for the
    balance, and where there is neither budget nor plan.
    """

    subject: str
    revision: int
    stretch: Stretch
    limit: int | None
    used: int
    left: int

    @property
    def period_key(self) -> str:
        """The period by its local dates: `monthly:2026-03`, `weekly:2026-03-02`."""
        return period_key(self.stretch.period, day_number(self.stretch.first))


def level(query: Query, policy: Policy) -> Level:
    """How the workspace stands now: its leading budget, else the plan, or the balance."""
    reader, today = query.reader, query.reader.clock.local_date(query.now)
    subject, revision, stretch, limit = _watched(query, policy, today)
    used = _used_since(query, stretch.first)
    left = purse(query, reader.clock.day(query.now)).burned.left
    return Level(subject, revision, stretch, limit, used, left)


def _used_since(query: Query, first: date) -> int:
    """The micro-credits that everybody used from a local day to now."""
    today = query.reader.clock.local_date(query.now)
    days = Days(day_number(first), day_number(today) + 1)
    everyone = replace(query, filters=Filters())
    return sum(gather_credits(everyone, "day", days).values())


def _watched(query: Query, policy: Policy, today: date) -> tuple[str, int, Stretch, int | None]:
    place = query.reader.connection, query.reader.workspace.id
    month = stretch_of("monthly", today)
    if policy.trigger_left is not None:
        return "balance", 0, month, None
    ours = [budget for budget in list_budgets(*place) if budget.scope == "workspace"]
    if ours:
        budget = min(ours, key=lambda one: PERIODS.index(one.period))
        limit = limit_of(budget, query)
        return f"budget:{budget.id}", budget.revision, limit.stretch, limit.amount
    return "plan", 0, month, allowance(list_grants(*place), month_number(today)) or None


def crossings_key(found: Level, policy: Policy) -> str:
    """How the keys of all crossings of a line in a period begin."""
    return f"p|{policy.provider}|{found.subject}|{found.period_key}|"


def crossing_key(found: Level, policy: Policy, asked: Sequence[Purchase]) -> str:
    """The one key of the question that comes after those that were `asked`."""
    crossings = crossings_key(found, policy)
    before = sum(one.dedupe_key.startswith(crossings) for one in asked)
    return f"{crossings}r{found.revision}|{trigger_text(policy)}|e{before + 1}"


def asked_before(query: Query, policy: Policy, found: Level) -> list[Purchase]:
    """What was asked of the provider in the period, oldest first, whatever was watched then.

    Use that was bought for when the plan was watched is not bought for again as a budget's.
    """
    reader = query.reader
    return asked_for(
        reader.connection,
        reader.workspace.id,
        policy.provider,
        since=reader.clock.midnight(day_number(found.stretch.first)),
        crossings=crossings_key(found, policy),
    )


def trigger_text(policy: Policy) -> str:
    """`100%`, or `<2000` credits left."""
    if policy.trigger_left is None:
        return f"{policy.trigger_pct}%"
    return f"<{exact_credits(policy.trigger_left):f}"


def is_across(found: Level, policy: Policy, asked: Sequence[Purchase]) -> bool:
    """Whether use is at the line or beyond; what was bought in the period moves a line of use."""
    if policy.trigger_left is not None:
        return found.left < policy.trigger_left
    if not found.limit:
        return False
    whole = found.limit + sum(one.credits for one in asked if one.state == "accepted")
    return found.used * 100 >= (policy.trigger_pct or 100) * whole


def last_answer(found: Level, policy: Policy, asked: Sequence[Purchase]) -> Purchase | None:
    """The newest purchase that was or may be sold, or that was refused about this very line."""
    answers = [
        one
        for one in asked
        if one.state in ("accepted", "failed")
        or (one.is_answered and _is_about(one, found, policy))
    ]
    return answers[-1] if answers else None


def _is_about(purchase: Purchase, found: Level, policy: Policy) -> bool:
    """Whether a purchase was asked for at this limit and trigger; a budget's or the plan's."""
    line = facts_of(found, policy)
    names = ("limit", "trigger_pct", "trigger_left", "period", "first")
    return all(purchase.facts.get(name) == line[name] for name in names)


def is_armed(query: Query, found: Level, policy: Policy, asked: Sequence[Purchase]) -> bool:
    """Whether a crossing would be a new one."""
    last = last_answer(found, policy, asked)
    if last is None or last.rearmed_at is not None:
        return True
    # From where its own period began: the use of a week is not held against that of a month.
    first = date.fromisoformat(str(last.facts["first"]))
    return _used_since(query, first) >= int(last.facts["used"]) + last.credits


def wanted(found: Level, policy: Policy, room: int) -> int:
    """The micro-credits to buy, cut to what the ceiling leaves; 0 when nothing is needed."""
    if policy.pack is not None:
        missing = policy.pack
    else:
        short = (policy.target or 0) - found.left
        missing = -(-short // MICRO) * MICRO  # whole credits: providers sell no fractions
    return max(min(missing, room), 0)


def facts_of(found: Level, policy: Policy) -> Mapping[str, object]:
    """The numbers of the crossing, as a purchase and its alerts keep them."""
    return {
        "subject": found.subject,
        "trigger_pct": policy.trigger_pct,
        "trigger_left": policy.trigger_left,
        "limit": found.limit,
        "used": found.used,
        "left": found.left,
        "first": found.stretch.first.isoformat(),
        "end": found.stretch.end.isoformat(),
        "period": found.stretch.period,
    }
