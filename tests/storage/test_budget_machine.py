"""Events, corrections, edits, periods and restarts in any order: what is told is the oracle's.

One of the tests that matter most.  Every threshold is told once for each budget, period, revision
and episode, and what budgets used is what the ledger says after every step.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from storage.budgets import Budget, keep_budget, remove_budget
from storage.engine import writing
from storage.marks import Mark, Threshold, passed_in
from storage.rebuild import rebuild
from storage.timekeys import date_of, to_micros
from tests.cast import ALICE, BOB, event
from tests.storage.budget_oracle import DAY, BudgetOracle, Spent
from tests.storage.budgeted import MINUTE, Budgeted, budgeted
from tests.storage.world import feed

numbers = itertools.count(1)
people = st.sampled_from([ALICE, ALICE, BOB])
scopes = st.sampled_from(["workspace", "department", "project", "person"])
periods = st.sampled_from(["monthly", "weekly", "quarterly", "billing"])
amounts = st.sampled_from([100, 80, 130, 1, 0])
lists = st.sampled_from(
    [
        (75, 90, 100),
        (1, 2),
        (100, 150),
        (50, Mark("used", 60), Mark("left", 30)),
        (Mark("left", 10), Mark("used", 90), Mark("left", 1)),
    ]
)
places = st.integers(0, 5)  # in a list, round and round
nearly = st.sampled_from([0, 1, -1])
passing = st.sampled_from([MINUTE, DAY, 3 * DAY, 9 * MINUTE])


class Budgets(RuleBasedStateMachine):
    """Whatever happens to a workspace happens to the oracle too."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.home: Budgeted = budgeted(engine, name=f"machine {next(numbers)}")
        self.oracle = BudgetOracle()
        self.batches: list[tuple[int, list[str]]] = []
        labels = self.home.place.labels
        self.ids: dict[str, dict[str, int]] = {
            "person": {who: labels.person_id(who) for who in (ALICE, BOB)},
            "department": {"Platform": labels.department_id("Platform")},
            "project": {"Atlas": labels.project_id("Atlas")},
        }

    @initialize(
        kinds=st.lists(st.tuples(scopes, periods), min_size=1, max_size=3, unique=True),
        thresholds=lists,
    )
    def begin(self, kinds: list[tuple[str, str]], thresholds: tuple[Threshold, ...]) -> None:
        for scope, period in kinds:
            self.limit(scope, period, 100, thresholds)
        self.look(MINUTE)

    @property
    def today(self) -> date:
        return date_of(self.home.today)

    def missing(self, place: int, threshold: int, gap: int) -> int:
        """Micro-credits from what a budget used to one of its thresholds, less a gap."""
        known = sorted(self.oracle.budgets.values(), key=lambda one: one.id)
        if not known:
            return 0
        budget = known[place % len(known)]
        row = (budget.id, self.oracle.days(budget, self.today)[0])
        limit = budget.limit_on(self.home.today)
        point = self.oracle.point(budget.thresholds[threshold % len(budget.thresholds)], limit)
        return int(point) - gap * limit // 100 - self.oracle.used(row)

    # ---- usage

    @rule(place=places, threshold=places, off=nearly, who=people)
    def rise(self, place: int, threshold: int, off: int, who: str) -> None:
        """Use what a budget has left up to a threshold, more or less exactly."""
        amount = self.missing(place, threshold, 0) + off
        self._write([(max(amount, 1), who)], 0, 0)

    @rule(
        parts=st.lists(st.tuples(st.integers(1, 99), people), min_size=1, max_size=3),
        ago=st.sampled_from([0, 1, 9, 40]),
        is_import=st.booleans(),
    )
    def write(self, parts: list[tuple[int, str]], ago: int, *, is_import: bool) -> None:
        batch = self.home.place.import_batch(next(numbers)) if is_import else 0
        events = self._write(parts, ago, batch)
        if is_import:
            self.batches.append((batch, events))

    def _write(self, parts: list[tuple[int, str]], ago: int, batch: int) -> list[str]:
        before = self.oracle.all_used()
        moment = self.home.now - ago * DAY - MINUTE
        day = self.home.place.workspace.clock().local_date(moment)
        found = []
        for amount, who in parts:
            event_id = f"e{next(numbers)}"
            labels = {
                "person": self.ids["person"][who],
                "department": self.ids["department"]["Platform"],
                "project": self.ids["project"]["Atlas"],
            }
            self.oracle.events[event_id] = Spent(day, amount, labels)
            ts = to_micros(moment)
            found.append(event(event_id=event_id, ts=ts, model="alpha", credits=amount, person=who))
        for _ in range(2):  # the sender tries again
            self.home.place.ledger.write(found, feed(batch), now=self.home.now)
        self.oracle.wrote(before, self.today)
        return [one.event_id for one in found]

    @rule(place=places, threshold=places, off=nearly, which=places, lasts=st.booleans())
    def fall(self, place: int, threshold: int, off: int, which: int, *, lasts: bool) -> None:
        """Let an event cost less, so that a budget is well below a threshold, or nearly."""
        events = [one for one in self.oracle.events if self.oracle.events[one].credits]
        if not events:
            return
        event_id = events[-1 - which % len(events)]
        wanted = self.oracle.events[event_id].credits + self.missing(place, threshold, 2) + off
        self._correct(event_id, max(wanted, 0))
        if lasts:
            self.look(MINUTE)
            self.told_is_the_oracles()
            self.look(10 * MINUTE)

    def _correct(self, event_id: str, amount: int) -> None:
        before = self.oracle.all_used()
        self.oracle.events[event_id].credits = amount
        self.home.correct(event_id, amount)
        self.oracle.wrote(before, self.today)

    @rule(which=places)
    def delete(self, which: int) -> None:
        if not self.oracle.events:
            return
        before = self.oracle.all_used()
        event_id = sorted(self.oracle.events)[which % len(self.oracle.events)]
        del self.oracle.events[event_id]
        self.home.delete(event_id)
        self.oracle.wrote(before, self.today)

    @rule()
    def undo(self) -> None:
        if not self.batches:
            return
        number, events = self.batches.pop()
        # What a person changed or deleted since is left alone: that is `test_undo`'s matter.
        before = self.oracle.all_used()
        for kept in self.home.undo(number):
            events.remove(kept)
        for one in events:
            self.oracle.events.pop(one, None)
        self.oracle.wrote(before, self.today)

    # ---- limits

    @rule(scope=scopes, period=periods, amount=amounts, thresholds=lists)
    def limit(
        self, scope: str, period: str, amount: int, thresholds: tuple[Threshold, ...]
    ) -> None:
        target = next(iter(self.ids[scope].values())) if scope in self.ids else 0
        kept = self.home.limit(
            amount,
            scope,  # type: ignore[arg-type]  # one of the scopes
            target,
            period,  # type: ignore[arg-type]  # one of the periods
            thresholds=thresholds,
            billing_day=11,
        )
        self._know(kept)

    @rule(place=places, extra=st.sampled_from([10, 100]), days=st.sampled_from([1, 2, 60]))
    def raise_one(self, place: int, extra: int, days: int) -> None:
        for budget in self._one(place):
            raised = replace(budget, raised=extra, raise_end=self.home.today + days)
            with writing(self.home.engine) as connection:
                ours = self.home.place.workspace.id
                self._know(keep_budget(connection, ours, raised, now=self.home.now))

    @rule(place=places)
    def remove(self, place: int) -> None:
        for budget in self._one(place):
            del self.oracle.budgets[budget.id]
            with writing(self.home.engine) as connection:
                remove_budget(
                    connection,
                    self.home.place.workspace.id,
                    scope=budget.scope,
                    target_id=budget.target_id,
                    period=budget.period,
                    now=self.home.now,
                )

    def _one(self, place: int) -> list[Budget]:
        known = sorted(self.oracle.budgets.values(), key=lambda one: one.id)
        return [known[place % len(known)]] if known else []

    def _know(self, budget: Budget) -> None:
        self.oracle.budgets[budget.id] = self.oracle.kinds[budget.id] = budget

    # ---- time

    @rule(after=passing)
    def look(self, after: timedelta) -> None:
        self.home.look(after)
        self.oracle.look(self.home.now, self.today)
        assert self.home.look() == 0

    @rule(after=passing)
    def wait(self, after: timedelta) -> None:
        self.home.now += after

    @rule(is_rebuilt=st.booleans())
    def restart(self, *, is_rebuilt: bool) -> None:
        self.home.engine.dispose()
        self.home.place.ledger = self.home.writer()
        if is_rebuilt:
            rebuild(self.home.engine, self.home.place.workspace)

    @invariant()
    def used_is_the_oracles(self) -> None:
        found = {
            (number, date_of(first)): used for (number, first), used in self.home.used().items()
        }
        assert found == self.oracle.all_used()

    @invariant()
    def told_is_the_oracles(self) -> None:
        found = [
            (
                alert.facts["budget"],
                alert.facts["first"],
                alert.facts["revision"],
                set(passed_in(alert.facts)),
                alert.facts["episode"],
                alert.state,
            )
            for alert in self.home.alerts()
        ]
        assert found == list(self.oracle.shown())

    def teardown(self) -> None:
        self.home.check()


def test_what_is_told_is_the_oracles_whatever_happens_in_which_order(engine: sa.Engine) -> None:
    few = settings(
        settings.default,
        max_examples=25 if engine.dialect.name == "sqlite" else 8,
        stateful_step_count=30,
    )
    run_state_machine_as_test(lambda: Budgets(engine), settings=few)  # type: ignore[arg-type]  # it takes factories too
