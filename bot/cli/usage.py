"""Single usage events put right by hand, through the correction log and the audit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import typer

from analytics.errors import UserError
from analytics.numbers import exact_credits
from analytics.text import clean
from bot.cli.ask import moment
from bot.cli.data import day_of
from bot.cli.terminal import (
    WorkspaceOption,
    current_engine,
    load_settings,
    note,
    operator,
    out,
    utc_now,
)
from storage.accounts import list_accounts
from storage.catalog import Catalog
from storage.changes import Values, correct, delete
from storage.engine import reading, writing
from storage.events import MICRO, Granularity
from storage.reading import Dimension, Reader
from storage.records import UNPRICED, LedgerRow, of_day
from storage.stage import LARGEST
from storage.timekeys import from_micros, to_micros
from storage.workspaces import WorkspaceInfo, find_workspace

usage = typer.Typer(help="Put single usage events right.", no_args_is_help=True)
FIELDS = "person, department, project, task, model, credits, at"
Feed = Annotated[str, typer.Argument(help="Its source, as `creditbot sources list` names it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the correction log.")]


@usage.command("list")
def list_command(
    source: Feed,
    on: Annotated[str, typer.Option("--day", help="The local day, 2026-03-15.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    workspace: WorkspaceOption = None,
) -> None:
    """Show the events of a source on a day, with their ids."""
    day = day_of(on)
    with reading(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        reader = Reader(connection, chosen, Catalog.load(connection, chosen.id))
        number = _source(connection, chosen, source)
        found = of_day(connection, chosen.id, number, day=day, limit=limit + 1)
        people, models = reader.names("person"), reader.names("model")
    zone = chosen.clock().zone
    for row in found[:limit]:
        person, model = people.get(row.person_id, "–"), models.get(row.model_id, "–")
        parts = (clean(row.event_id), _when(row, zone), person, model, _credits(row))
        out.print("  ".join(parts))
    if not found:
        out.print(f"{source} has no usage on {on}.")
    if len(found) > limit:
        out.print("… and more; --limit shows them.")


def _when(row: LedgerRow, zone: ZoneInfo) -> str:
    if row.grain == Granularity.DAY:
        return "the day"
    return f"{from_micros(row.ts).astimezone(zone):%H:%M:%S}"


def _credits(row: LedgerRow) -> str:
    if row.flags & UNPRICED:
        return "unpriced"
    return f"{exact_credits(row.credits):f} {'credit' if row.credits == MICRO else 'credits'}"


@usage.command("correct")
def correct_command(
    source: Feed,
    event: Annotated[str, typer.Argument(help="The id it came with.")],
    changes: Annotated[list[str], typer.Argument(help="model=gpt-4o credits=2.5 ...")],
    reason: Reason = "corrected by hand",
    workspace: WorkspaceOption = None,
) -> None:
    """Correct an event.

    What can be: person, department, project, task, model, credits and at, its time.
    """
    engine = current_engine(load_settings())
    with reading(engine) as connection:
        chosen = find_workspace(connection, workspace)
        key = _source(connection, chosen, source), event
        values = _values(connection, chosen, changes)
    now = utc_now()
    correct(engine, chosen, key, values=values, actor=operator(), reason=reason, now=now)
    with writing(engine) as connection:
        what = f"{source} {event} {' '.join(sorted(values))}"
        note(connection, chosen, now=now, action="usage.correct", what=what)
    out.print(f"Event {event} of {source} is corrected; the correction log keeps what it was.")


@usage.command("delete")
def delete_command(
    source: Feed,
    event: Annotated[str, typer.Argument(help="The id it came with.")],
    reason: Reason = "deleted by hand",
    workspace: WorkspaceOption = None,
) -> None:
    """Delete an event; the correction log keeps it."""
    engine = current_engine(load_settings())
    with reading(engine) as connection:
        chosen = find_workspace(connection, workspace)
        key = _source(connection, chosen, source), event
    now = utc_now()
    if not delete(engine, chosen, [key], actor=operator(), reason=reason, now=now):
        raise UserError(f"There is no event '{event}' of {source}.", hint="Nothing was deleted.")
    with writing(engine) as connection:
        note(connection, chosen, now=now, action="usage.delete", what=f"{source} {event}")
    out.print(f"Event {event} of {source} is deleted; the correction log keeps it.")


def _source(connection: sa.Connection, workspace: WorkspaceInfo, name: str) -> int:
    known = {account.name: account.id for account in list_accounts(connection, workspace.id)}
    if name not in known:
        listed = ", ".join(known) or "none yet"
        raise UserError(f"There is no source '{name}'.", hint=f"Sources: {listed}.")
    return known[name]


def _values(connection: sa.Connection, workspace: WorkspaceInfo, changes: Sequence[str]) -> Values:
    reader = Reader(connection, workspace, Catalog.load(connection, workspace.id))
    values: Values = {}
    for change in changes:
        name, _, text = change.partition("=")
        if not text:
            raise UserError(f"'{change}' changes nothing.", hint="Write for example model=gpt-4o.")
        _put(values, reader, name, text=text)
    return values


def _put(values: Values, reader: Reader, name: str, *, text: str) -> None:
    match name:
        case "credits":
            values["credits"] = _micro(text)
        case "at":
            values["ts"] = to_micros(moment(text, reader.workspace.zone))
        case "person":
            values["person_id"] = _known(reader, "person", text)
        case "department":
            values["department_id"] = _known(reader, "department", text)
        case "project":
            values["project_id"] = _known(reader, "project", text)
        case "task":
            values["task_id"] = _known(reader, "task", text)
        case "model":
            values["model_id"] = _known(reader, "model", text)
        case _:
            raise UserError(f"'{name}' cannot be corrected.", hint=f"What can: {FIELDS}.")


def _known(reader: Reader, dimension: Dimension, text: str) -> int:
    found = reader.find(dimension, text)
    if found is None:
        raise UserError(f"I know no {dimension} '{text}'.", hint="Usage has to name it first.")
    return found


def _micro(text: str) -> int:
    try:
        micro = Decimal(text) * MICRO
    except InvalidOperation:
        micro = Decimal(-1)
    if not micro.is_finite() or not 0 <= micro <= LARGEST or micro != int(micro):
        raise UserError(
            f"'{text}' is not a number of credits.", hint="For example 2.5; six decimals at most."
        )
    return int(micro)
