"""Finding one's way: the overview and help."""

from __future__ import annotations

from analytics.overview import overview
from analytics.query import Query
from analytics.report import (
    Actions,
    Button,
    Column,
    Note,
    Report,
    Table,
)
from analytics.timerange import parse_range
from bot.context import Context
from bot.params import CommandName
from bot.registry import COMMANDS, OVERVIEW, command, find_command

ABOUT_RANGES = (
    "Ranges: today, yesterday, last 7d, last 3 months, this month, last week, 2026-03, march, "
    "q1 2026, since monday, 2026-03-01..2026-03-15."
)
ABOUT_FILTERS = (
    'Filters, repeatable: model= family= tier= person= department= project= task=, "quotes" '
    "around names with blanks."
)


@command(OVERVIEW, example="overview", aliases=("status", "now"))
def this_month(ctx: Context) -> Report:
    """This month at a glance, and three things to try."""
    today = ctx.reader.clock.local_date(ctx.now)
    month = Query(ctx.reader, ctx.now, parse_range("this month", today))
    return overview(month, with_people=ctx.sees_people)


@command("help", example="help by-model", aliases=("?", "commands"))
def explain(ctx: Context, about: CommandName) -> Report:
    """What you can ask, and how; `help COMMAND` tells more."""
    del ctx
    return _about(str(about)) if about else _everything()


def _everything() -> Report:
    rows = tuple((known.name, known.summary, known.example) for known in COMMANDS.values())
    columns = (Column("command", "Command"), Column("what", "What"), Column("example", "Example"))
    examples = [known for known in COMMANDS.values() if known.name not in (OVERVIEW, "help")]
    return Report(
        title="What you can ask",
        headline=f"{len(rows)} commands; `help COMMAND` tells more about one",
        blocks=(
            Table(columns, rows),
            Note(ABOUT_RANGES),
            Note(ABOUT_FILTERS),
            Actions(tuple(Button(known.name, known.example) for known in examples[:5])),
        ),
    )


def _about(name: str) -> Report:
    known = find_command(name)
    rows = tuple((param.name, param.type.words, param.default) for param in known.params)
    columns = (
        Column("option", "Option"),
        Column("values", "Values"),
        Column("default", "If left out"),
    )
    table = (Table(columns, rows),) if rows else ()
    details = (Note(known.details),) if known.details else ()
    return Report(
        title=known.name,
        headline=known.summary,
        blocks=(
            *details,
            Note(f"Type `{known.usage}`"),
            *table,
            Actions((Button(known.example, known.example),)),
        ),
    )
