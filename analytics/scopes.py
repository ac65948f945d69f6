"""What budgets and forecasts are about: the workspace, a department, a project or a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from analytics.burn_up import BurnUp, Spent, added_up, days_behind, read_days
from analytics.errors import UserError
from analytics.projection import Projection, State, chance_of_passing
from analytics.projection_words import chance_text, shown_end
from analytics.query import Filters, Query
from analytics.report import Cell, Column, Note
from analytics.stretches import Stretch, stretch_of
from analytics.text import MAX_NAME, clean
from storage.budgets import THRESHOLDS, Budget, Period, list_budgets
from storage.budgets import Scope as Kind
from storage.grants import allowance, list_grants
from storage.marks import Threshold
from storage.reading import DIMENSIONS, Days, Key
from storage.timekeys import date_of, day_number, month_number

KINDS: tuple[Kind, ...] = ("workspace", "department", "project", "person")
PERIODS: tuple[Period, ...] = ("monthly", "billing", "quarterly", "weekly")  # the first leads
KEYS: Mapping[Kind, Key] = {"department": "department", "project": "project", "person": "person"}
WORKSPACE = "Workspace"
STATUS: Mapping[State, str] = {
    State.PASSED: "Over",
    State.OVER: "Over, expected",
    State.LIKELY: "At risk, likely over",
    State.POSSIBLE: "At risk, possibly over",
    State.ON_TRACK: "On track",
    State.EARLY: "Early",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """One of the kinds; `target` is the id of its department, project or person."""

    kind: Kind = "workspace"
    target: int = 0

    @property
    def filters(self) -> Filters:
        """What narrows a query to it."""
        return Filters() if self.kind == "workspace" else only(self.kind, (self.target,))

    def name(self, query: Query) -> str:
        """What it is called."""
        if self.kind == "workspace":
            return WORKSPACE
        known = query.reader.names(DIMENSIONS[self.kind])
        return clean(known.get(self.target, ""), MAX_NAME)


def only(kind: Kind, targets: Collection[int]) -> Filters:
    """Filters that leave some departments, projects or people."""
    chosen = tuple(targets)
    match kind:
        case "department":
            return Filters(department=chosen)
        case "project":
            return Filters(project=chosen)
        case _:
            return Filters(person=chosen)


def scope_of(filters: Filters) -> Scope:
    """The one scope that filters name; raises UserError for several."""
    chosen: Mapping[Kind, tuple[int, ...]] = {
        "department": filters.department,
        "project": filters.project,
        "person": filters.person,
    }
    named = [Scope(kind, target) for kind, targets in chosen.items() for target in targets]
    if len(named) > 1:
        raise UserError(
            "This looks at one department, project or person at a time.",
            hint="Keep one of them, or leave all out for the workspace.",
        )
    return named[0] if named else Scope()


def scope_alone(filters: Filters) -> Scope | None:
    """The scope that filters are about; None where they name several, or anything else beside."""
    kinds: tuple[Kind, ...] = ("department", "project", "person")
    named = [Scope(kind, target) for kind in kinds for target in getattr(filters, kind)]
    scope = named[0] if named else Scope()
    return scope if scope.filters == filters else None


@dataclass(frozen=True, slots=True)
class Sight:
    """What an asker may see: `people` of whom, and which `groups` in each stretch of days.

    Without `people` everything; else only groups that are listed.
    """

    people: frozenset[int] | None = None
    groups: Mapping[tuple[Kind, Stretch], Collection[int]] = field(default_factory=dict)

    def may_see(self, scope: Scope, stretch: Stretch) -> bool:
        """Whether a scope may have a row of its own about some days."""
        if self.people is None or scope.kind == "workspace":
            return True
        allowed = self.people if scope.kind == "person" else self.groups.get((scope.kind, stretch))
        return scope.target in (allowed or ())


@dataclass(frozen=True, slots=True)
class Limit:
    """What a scope may use in a period; from the plan's allowance where no budget is set.

    `amount` holds the micro-credits it is `raised` by up to the last day of that, `until`.
    """

    scope: Scope
    stretch: Stretch
    amount: int | None
    thresholds: tuple[Threshold, ...] = THRESHOLDS
    is_plan: bool = False
    raised: int = 0
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """A scope with its limit and its burn-up."""

    limit: Limit
    burn: BurnUp


def limits(query: Query) -> list[Limit]:
    """Every budget's, workspace first; the workspace's plan stands in where it has no budget."""
    reader, today = query.reader, query.reader.clock.local_date(query.now)
    budgets = list_budgets(reader.connection, reader.workspace.id)
    ordered = sorted(budgets, key=lambda b: (KINDS.index(b.scope), PERIODS.index(b.period)))
    found = [limit_of(budget, query) for budget in ordered]
    if any(limit.scope.kind == "workspace" for limit in found):
        return found
    plan = allowance(list_grants(reader.connection, reader.workspace.id), month_number(today))
    month = stretch_of("monthly", today)
    return [Limit(Scope(), month, plan or None, is_plan=bool(plan)), *found]


def limit_of(budget: Budget, query: Query) -> Limit:
    """A budget as it limits the period that holds now."""
    today = query.reader.clock.local_date(query.now)
    week_start = query.reader.workspace.week_start
    stretch = stretch_of(budget.period, today, budget.billing_day, week_start)
    day = day_number(today)
    raised = budget.raised_on(day)
    return Limit(
        Scope(budget.scope, budget.target_id),
        stretch,
        budget.limit_on(day),
        budget.thresholds,
        raised=raised,
        until=date_of(budget.raise_end - 1) if raised and budget.raise_end else None,
    )


def tracked(query: Query, wanted: Sequence[Limit]) -> list[Tracked]:
    """The burn-up of each limit's scope, in their order; one question for each kind of scope."""
    days: dict[Scope, dict[int, Spent]] = {}
    for kind in KINDS:
        ours = [limit for limit in wanted if limit.scope.kind == kind]
        if ours:
            days |= _by_scope(query, kind, ours)
    return [
        Tracked(
            limit,
            added_up(
                query, limit.stretch, days.get(limit.scope, {}), limit.amount, limit.thresholds
            ),
        )
        for limit in wanted
    ]


def _by_scope(query: Query, kind: Kind, wanted: Sequence[Limit]) -> dict[Scope, dict[int, Spent]]:
    spans = [days_behind(query, limit.stretch) for limit in wanted]
    span = Days(min(one.first for one in spans), max(one.end for one in spans))
    found: dict[Scope, dict[int, Spent]] = defaultdict(dict)
    if kind == "workspace":
        rows = read_days(replace(query, filters=Filters()), (), span)
        return {Scope(): {day: spent for (day,), spent in rows.items()}}
    targets = sorted({limit.scope.target for limit in wanted})
    narrowed = replace(query, filters=only(kind, targets))
    for (target, day), spent in read_days(narrowed, (KEYS[kind],), span).items():
        found[Scope(kind, target)][day] = spent
    return dict(found)


def status_text(state: State | None) -> str | None:
    """`On track`; None where there is no limit, or no state that far ahead."""
    return None if state is None else STATUS[state]


def standing_cells(burn: BurnUp) -> tuple[Cell, Cell]:
    """State and chance of passing the limit: `At risk` alone would be two very different things."""
    if burn.limit is None or burn.state is None:
        return (None, None)
    chance = None if burn.is_passed else chance_text(chance_of_passing(burn.projection, burn.limit))
    is_expected = burn.state is State.OVER  # "over" alone is what is passed
    words = STATUS[State.OVER] if is_expected else burn.state.words.capitalize()
    return (words, chance or None)


CHANCE_NOTE = Note("Chance: of passing the budget by the end of its period.")


STANDING = (
    Column("projected", "Forecast", "credits"),
    Column("projected_low", "Low", "credits"),
    Column("projected_high", "High", "credits"),
    Column("status", "Status"),
    Column("chance", "Chance"),
)


def projected_cells(projection: Projection, limit: int | None) -> tuple[Cell, Cell, Cell]:
    """Point, low and high end as they are shown; no point while data are thin."""
    if projection.is_finished or not projection.n:
        return (None, None, None)
    low, point, high = shown_end(projection, limit)
    return (None if projection.is_thin else point, low, high)
