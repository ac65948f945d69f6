"""Who may set a budget, and who chooses what is told of alerts: one rule for every way to ask."""

from __future__ import annotations

from analytics.query import Query
from analytics.scopes import Scope
from analytics.timerange import parse_range
from bot.context import Context, NotAllowed, outranks
from bot.preferences import BUDGETS_BY
from storage.roles import home_of


def may_route(ctx: Context, scope: Scope) -> bool:
    """Whether an asker may choose who is told of alerts about a scope, and be told of them so.

    Admins of any, a lead of the own department.  A personal limit needs no route.
    """
    if outranks(ctx.asker.role, "admin"):
        return True
    home = home_department(ctx)
    return ctx.asker.role == "lead" and home is not None and scope == home


def budget_refused(ctx: Context, scope: Scope) -> NotAllowed | None:
    """Why an asker may not set the budget of a scope; None where they may."""
    if outranks(ctx.asker.role, "admin"):
        return None
    if ctx.asker.role != "lead" or ctx.ours.get(BUDGETS_BY) != "leads":
        return NotAllowed(
            "Budgets are set by admins here.",
            hint="Ask one; `preferences set budgets=leads` lets leads set their department's.",
        )
    own = home_department(ctx)
    if own is not None and scope == own:
        return None
    today = ctx.reader.clock.local_date(ctx.now)
    month = Query(ctx.reader, ctx.now, parse_range("this month", today))
    mine = "; yours is not known" if own is None else f" here: {own.name(month)}"
    return NotAllowed(
        f"A lead sets the budget of the own department{mine}.",
        hint="Ask an admin for any other.",
    )


def home_department(ctx: Context) -> Scope | None:
    """The asker's own department; None where that is not known."""
    person = ctx.asker.person_id
    home = 0 if person is None else home_of(ctx.reader.connection, ctx.reader.workspace.id, person)
    return Scope("department", home) if home else None
