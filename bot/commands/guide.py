"""Finding one's way: the overview and help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analytics.numbers import counted
from analytics.overview import overview
from analytics.query import Query
from analytics.report import (
    Actions,
    Block,
    Button,
    Column,
    Fact,
    Facts,
    Note,
    Report,
    Table,
)
from analytics.timerange import parse_range
from bot.context import Context, outranks
from bot.params import CommandName
from bot.registry import COMMANDS, OVERVIEW, Command, command, find_command
from storage.subscriptions import list_subscriptions

ABOUT_RANGES = (
    "Ranges: today, yesterday, last 7d, last 3 months, this month, last week, 2026-03, march, "
    "q1 2026, since monday, 2026-03-01..2026-03-15."
)
ABOUT_FILTERS = (
    'Filters, repeatable: model= family= tier= person= department= project= task=, "quotes" '
    "around names with blanks."
)

# What people look for, and the files that answer it.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Where credits go", ("usage",)),
    ("Plan and packs", ("credits", "purchases")),
    ("Budgets", ("budget", "limits")),
    ("When and what for", ("patterns", "tasks")),
    ("Speed and quality", ("performance", "efficiency")),
    ("Advice and return", ("advice", "trials", "roi")),
    ("Digests", ("digest",)),
    ("Subscriptions", ("digest_lists", "digest_subscriptions")),
    ("Alerts", ("alerts", "alert_routes")),
    ("Files and settings", ("export", "models", "preferences")),
    ("Finding your way", ("guide", "health")),
)


@command(OVERVIEW, example="overview", aliases=("status", "now"))
def this_month(ctx: Context) -> Report:
    """This month at a glance, and three things to try."""
    today = ctx.reader.clock.local_date(ctx.now)
    month = Query(ctx.reader, ctx.now, parse_range("this month", today))
    found = overview(month, with_people=ctx.sees_people)
    return replace(found, blocks=(*found.blocks, *_offer(ctx)))


def _offer(ctx: Context) -> Iterator[Block]:
    """The weekly digest, for an admin of a workspace that has none, where one can be sent."""
    place = ctx.asker.identity.place
    if place is None or not outranks(ctx.asker.role, "admin"):
        return
    if not list_subscriptions(ctx.reader.connection, ctx.reader.workspace.id):
        where = "you" if place.is_direct else "this channel"
        yield Note(f"Every Monday, {where} can be told of the week that is over.", "hint")
        yield Actions((Button("Weekly digest", "digest subscribe weekly mon 09:00", "do"),))


@command("help", example="help by-model", aliases=("?", "commands"), for_anyone=True)
def explain(ctx: Context, about: CommandName) -> Report:
    """What you can ask, by family; `help COMMAND` tells more."""
    del ctx
    if not about:
        return _everything()
    typed = str(about).casefold()
    groups = families()
    found = next((group for group in groups if group[0].casefold() == typed), None)
    if found is not None:
        return _family(*found)
    begun = [one for one in COMMANDS.values() if one.name.startswith(f"{typed} ")]
    if typed not in COMMANDS and begun:
        return _family(typed, begun)
    return _about(str(about))


def families() -> list[tuple[str, list[Command]]]:
    """Every command by family, in the order of `FAMILIES`; those of no family come last."""
    modules = {name: c.answer.__module__.rpartition(".")[2] for name, c in COMMANDS.items()}
    listed = {module for _, members in FAMILIES for module in members}
    rest = tuple(sorted(set(modules.values()) - listed))
    groups = [
        (title, [known for known in COMMANDS.values() if modules[known.name] in members])
        for title, members in (*FAMILIES, ("More", rest))
    ]
    return [(title, commands) for title, commands in groups if commands]


def _everything() -> Report:
    groups = families()
    count = sum(len(commands) for _, commands in groups)
    facts = tuple(
        Fact(f"family_{number}", title, ", ".join(known.name for known in commands))
        for number, (title, commands) in enumerate(groups, 1)
    )
    return Report(
        title="What you can ask",
        headline=f"{count} commands; `help COMMAND` tells more about one",
        blocks=(
            Facts(facts),
            Note(ABOUT_RANGES),
            Note(ABOUT_FILTERS),
            Actions(tuple(Button(title, f"help {title.casefold()}") for title, _ in groups)),
        ),
    )


def _family(title: str, commands: Sequence[Command]) -> Report:
    """The commands of one family, each with what it tells."""
    rows = tuple((known.name, known.summary) for known in commands)
    columns = (Column("command", "Command"), Column("what", "What"))
    asked = [known for known in commands if not known.changes]
    return Report(
        title=title,
        headline=f"{title}: {counted(len(rows), 'command')}",
        blocks=(
            Table(columns, rows),
            Actions(tuple(Button(known.name, known.example) for known in asked[:5])),
            Actions((Button("All commands", "help"),)),
        ),
    )


def _about(name: str) -> Report:
    known = find_command(name)
    rows = tuple((param.name, param.words, param.default) for param in known.params)
    columns = (
        Column("option", "Option"),
        Column("values", "Values"),
        Column("default", "If left out"),
    )
    table = (Table(columns, rows),) if rows else ()
    details = (Note(known.details),) if known.details else ()
    # A button that asks must not change anything: such an example is typed.
    example = (
        Note(f"For example `{known.example}`")
        if known.changes
        else Actions((Button(known.example, known.example),))
    )
    return Report(
        title=known.name,
        headline=known.summary,
        blocks=(
            *details,
            Note(f"Type `{known.usage}`"),
            *table,
            example,
        ),
    )
