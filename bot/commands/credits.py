"""What the workspace bought, what is left of it, and the report of a month."""

from __future__ import annotations

from datetime import date, timedelta

from analytics import grants, monthly
from analytics.errors import UserError
from analytics.numbers import counted_credits
from analytics.query import Query
from analytics.report import Actions, Button, Report
from analytics.text import clean
from analytics.timerange import EARLIEST, MONTH_NAMES, parse_range
from bot.context import Context
from bot.params import Amount, Day, GrantId, Month, Rank, Rhythm, Text
from bot.registry import command
from storage.grants import Grant, add_grant, list_grants, remove_grant
from storage.timekeys import date_of, day_number

LATEST = date(2100, 1, 1)


@command("report", example="report last month", defaults={"month": "this month"})
def report_of_month(ctx: Context, month: Month) -> Report:
    """The credit report of a month.

    Total, plan and additional credits, average, tiers, what remains of each grant, top models and
    people, beside the month before; of the running month also where it will end.
    """
    return monthly.monthly(Query(ctx.reader, ctx.now, month), with_people=ctx.sees_people)


@command("grants list", example="grants list")
def list_of_grants(ctx: Context) -> Report:
    """Plans and packs, and what is left of each.

    The plan pays first, then packs by priority, earliest expiry and age.
    """
    return grants.grant_list(_this_month(ctx))


@command(
    "grants add plan",
    example="grants add plan 15000 monthly",
    needs="admin",
    changes=True,
    defaults={"every": "monthly"},
)
def add_plan(
    ctx: Context, amount: Amount, every: Rhythm, from_: Day | None, name: Text | None
) -> Report:
    """Add the plan's credits of every month.

    It counts from the month of its first day on, this month if none is given.  A plan of the same
    name takes the place of the one before.
    """
    del every  # there is one so far; it stands in the line for people
    first = _checked(from_ or _today(ctx))
    grant = add_grant(
        ctx.reader.connection,
        ctx.reader.workspace.id,
        kind="plan",
        name=name or "Team Plan",
        credits=amount,
        first_day=day_number(first),
        now=ctx.now,
    )
    ctx.record("grants add", f"grant {grant.id}", after=_words(grant))
    return _changed(_words(grant))


@command(
    "grants add pack",
    example="grants add pack 5000 expires 2030-06-30",
    needs="admin",
    changes=True,
    defaults={"priority": "0"},
)
def add_pack(
    ctx: Context,
    amount: Amount,
    expires: Day | None,
    from_: Day | None,
    name: Text | None,
    priority: Rank,
) -> Report:
    """Add a pack of credits, usable from today up to the day it expires.

    Packs pay when the plan's credits of the month are used: a lower priority first, then the one
    that expires first.
    """
    first = _checked(from_ or _today(ctx))
    if expires is not None and _checked(expires) < first:
        raise UserError(
            f"A pack that expires on {expires} is over before it starts on {first}.",
            hint="Give a later day, or `from 2026-01-01` for one that was bought before.",
        )
    grant = add_grant(
        ctx.reader.connection,
        ctx.reader.workspace.id,
        kind="pack",
        name=name or "Credit Pack",
        credits=amount,
        first_day=day_number(first),
        end_day=None if expires is None else day_number(expires) + 1,
        priority=priority,
        now=ctx.now,
    )
    ctx.record("grants add", f"grant {grant.id}", after=_words(grant))
    return _changed(_words(grant))


@command("grants remove", example="grants remove 1", needs="admin", changes=True)
def remove(ctx: Context, grant: GrantId) -> Report:
    """Take a plan or pack out of every count, as if it had never been.

    The ID is that of `grants list`.
    """
    connection, workspace = ctx.reader.connection, ctx.reader.workspace.id
    removed = remove_grant(connection, workspace, grant, now=ctx.now)
    if removed is None:
        raise _unknown(grant, list_grants(connection, workspace))
    ctx.record("grants remove", f"grant {grant}", before=_words(removed))
    return _changed(f"Removed: {_words(removed)}")


def _this_month(ctx: Context) -> Query:
    return Query(ctx.reader, ctx.now, parse_range("this month", _today(ctx)))


def _today(ctx: Context) -> date:
    return ctx.reader.clock.local_date(ctx.now)


def _checked(day: date) -> date:
    if EARLIEST <= day < LATEST:
        return day
    raise UserError(f"'{day}' is too far away.", hint="Days go from 2000-01-01 to 2099-12-31.")


def _words(grant: Grant) -> str:
    """`Team Plan: 15,000 credits a month from March 2026 on`."""
    first = date_of(grant.first_day)
    start = f"{MONTH_NAMES[first.month - 1]} {first.year}"
    amount = f"{clean(grant.name)}: {counted_credits(grant.credits)}"
    if grant.kind == "plan":
        return f"{amount} a month from {start} on"
    if grant.end_day is None:
        return f"{amount} from {first.day} {start} on"
    last = date_of(grant.end_day) - timedelta(days=1)
    until = f"{last.day} {MONTH_NAMES[last.month - 1]} {last.year}"
    return f"{amount} from {first.day} {start} until {until}"


def _changed(words: str) -> Report:
    return Report("Grants", f"{words}.", (_onward(),))


def _unknown(grant: int, known: list[Grant]) -> UserError:
    listed = ", ".join(f"{one.id} ({clean(one.name, 40)})" for one in known[:5])
    hint = f"There is {listed}." if listed else "None is known yet."
    return UserError(f"There is no grant {grant}.", hint=hint)


def _onward() -> Actions:
    return Actions((Button("Grants", "grants list"), Button("Report", "report this month")))
