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
from storage.purchases import Purchase
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
    everyone = replace(query, filters=Filters())
    days = Days(day_number(stretch.first), day_number(today) + 1)
    used = sum(gather_credits(everyone, "day", days).values())
    left = purse(query, reader.clock.day(query.now)).burned.left
    return Level(subject, revision, stretch, limit, used, left)


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
    """The one key of the question that comes after those that were `asked` in the period."""
    return f"{_line_key(found, policy)}e{len(asked) + 1}"


def _line_key(found: Level, policy: Policy) -> str:
    """How the keys begin of questions about the line as it stands: its limit and trigger."""
    return f"{crossings_key(found, policy)}r{found.revision}|{trigger_text(policy)}|"


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
    """The newest purchase that was bought, or about this very line was refused or may be sold."""
    line = _line_key(found, policy)
    answers = [
        one
        for one in asked
        if one.state == "accepted" or (one.is_answered and one.dedupe_key.startswith(line))
    ]
    return answers[-1] if answers else None


def is_armed(found: Level, policy: Policy, asked: Sequence[Purchase]) -> bool:
    """Whether a crossing would be a new one."""
    last = last_answer(found, policy, asked)
    if last is None:
        return True
    return last.rearmed_at is not None or found.used >= int(last.facts["used"]) + last.credits


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
