"""Digests: reports of a day, week or month that is over, as channels get them on a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from analytics import digest_daily, digest_monthly, digest_weekly, trends, trials
from analytics.advice_basis import find
from analytics.digest import Sight, query_then
from analytics.errors import UserError
from analytics.movers import Kind
from analytics.query import Filters, Query
from analytics.recommendations import advice_notes
from analytics.report import Note, Report
from analytics.scopes import Sight as BudgetSight
from analytics.stretches import Stretch, stretch_of
from bot.alerts.kinds import late_crossings
from bot.context import Context
from bot.params import FinishedDay, FinishedMonth, FinishedWeek
from bot.registry import command
from bot.walls import folded, open_tasks, unfolded
from storage.budgets import Scope as ScopeKind
from storage.evidence import evidence_day
from storage.timekeys import day_number

GROUPED = ("department", "project", "task")
LABELLED: tuple[Kind, ...] = ("project", "task")
GROUPS: tuple[Literal["department", "project"], ...] = ("department", "project")
ADVICE_DAYS = 7  # nights after a month's end whose evidence still is about it


@command("digest daily", example="digest daily", defaults={"day": "yesterday"})
def digest_of_day(ctx: Context, day: FinishedDay, filters: Filters) -> Report:
    """Yesterday, or another day that is over.

    Credits beside what is usual for the weekday, tiers, top people and models, how prompts went,
    and anything unusual with who carries it. Its line names the day, so it says the same later.
    """
    query = query_then(ctx.reader, day, filters)
    return _with_late(ctx, query, digest_daily.daily(query, _sight(ctx, query)))


@command("digest weekly", example="digest weekly", defaults={"week": "last week"})
def digest_of_week(ctx: Context, week: FinishedWeek, filters: Filters) -> Report:
    """The last whole week, or seven other days that are over.

    Its days, active people and prompts of each, tasks, models side by side, and what moved since
    the week before with its part of the change.
    """
    query = query_then(ctx.reader, week, filters)
    return _with_late(ctx, query, digest_weekly.weekly(query, _sight(ctx, query)))


@command("digest monthly", example="digest monthly", defaults={"month": "last month"})
def digest_of_month(ctx: Context, month: FinishedMonth, filters: Filters) -> Report:
    """The last whole month, or another one that is over.

    What was used and what paid for it, how budgets ended, what remains, tiers, models and people,
    return and advice where they are known. Its PDF is the briefing of four pages.
    """
    query = query_then(ctx.reader, month, filters)
    found = digest_monthly.monthly(query, _sight(ctx, query), _advice(ctx, query))
    return _with_late(ctx, query, found)


def _with_late(ctx: Context, query: Query, report: Report) -> Report:
    """The digest with what late usage passed of periods that were over: nobody else is told."""
    notes = () if query.filters else tuple(Note(text) for text in late_crossings(ctx, query.range))
    return replace(report, blocks=(*report.blocks, *notes)) if notes else report


def _sight(ctx: Context, query: Query) -> Sight:
    """What the asker may be told of the period; of a group's past nothing that nobody checked."""
    if ctx.visible_people is None:
        return Sight()
    hidden: dict[Kind, frozenset[int]] = {}
    for kind in LABELLED:
        with suppress(UserError):
            hidden[kind] = folded(kind, query, ctx)
    return Sight(
        people=ctx.sees_people,
        movers=trends.Sight(("model", *hidden), hidden),
        budgets=_budgets(ctx, query),
        looks_back=not any(getattr(query.filters, group) for group in GROUPED),
    )


def _budgets(ctx: Context, query: Query) -> BudgetSight:
    """The budgets of groups that hide their people in this month, and those of who may be seen."""
    stretch = stretch_of("monthly", query.range.first)
    groups: dict[tuple[ScopeKind, Stretch], frozenset[int]] = {}
    for kind in GROUPS:
        with suppress(UserError):
            groups[kind, stretch] = unfolded(kind, query, ctx) or frozenset()
    return BudgetSight(ctx.visible_people, groups)


def _advice(ctx: Context, query: Query) -> Sequence[Note]:
    """Advice from the nights after the month, for no longer than it is about it."""
    reader = ctx.reader
    place, end = (reader.connection, reader.workspace.id), day_number(query.range.end)
    night = evidence_day(*place)
    if query.filters or night is None or not end <= night <= end + ADVICE_DAYS:
        return ()
    results = [one.result(query.now) for one in trials.standings(*place)]
    found, tasks = find(reader, query.now, trials=results), open_tasks(ctx)
    if found is None:
        return ()
    return advice_notes(found if tasks is None else found.only(tasks), query.now)
