"""Database and usage: migrate, import, verify, rebuild."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from analytics.errors import UserError
from analytics.numbers import count_text
from analytics.text import clean
from bot.cli.terminal import (
    WorkspaceOption,
    current_engine,
    err,
    load_settings,
    operator,
    out,
    progress,
    utc_now,
)
from storage.audit import broken_link
from storage.engine import opened, reading
from storage.import_log import MAX_FILE, PastImport, past_imports
from storage.migrate import upgrade
from storage.rebuild import rebuild
from storage.timekeys import day_number
from storage.verify import verify
from storage.workspaces import find_workspace

FromDay = Annotated[str | None, typer.Option("--from", help="First local day, 2026-03-01.")]
COUNTS = ("accepted", "duplicate", "conflicting", "replaced", "rejected")
ALWAYS = ("accepted", "duplicate", "rejected")
LAST_IMPORT = 2**31 - 1  # the column has 32 bits on PostgreSQL
ToDay = Annotated[str | None, typer.Option("--to", help="Last local day, included.")]


def migrate_command() -> None:
    """Create or update the tables; copies a SQLite file first."""
    settings = load_settings()
    with opened(settings.database_url) as engine:
        done = upgrade(engine, zone=settings.timezone, now=utc_now())
    if done.backup is not None:
        out.print(f"The database was copied to {done.backup} first.")
    out.print(
        "The database is up to date." if done.before == done.after else "Tables are in place."
    )


def verify_command(
    workspace: WorkspaceOption = None, first: FromDay = None, last: ToDay = None
) -> None:
    """Compare ledger with rollups and budgets; check the audit.

    Exit 1 on any difference.
    """
    engine = current_engine(load_settings())
    with reading(engine) as connection:
        chosen = find_workspace(connection, workspace)
        broken = broken_link(connection, chosen.id)
    start, end = days_of(first, last)
    with progress("Comparing") as step:
        wrong = 0
        for difference in verify(engine, chosen, first_day=start, last_day=end, progress=step):
            wrong += 1
            err.print(str(difference))
    if broken is not None:
        wrong += 1
        err.print(f"The audit's chain is broken at row {broken}.")
    if wrong:
        err.print(f"{wrong} differences. `creditbot rebuild` computes the rollups anew.")
        raise typer.Exit(1)
    out.print(f"Ledger, rollups, budgets and audit of workspace {chosen.name} agree.")


def rebuild_command(
    workspace: WorkspaceOption = None, first: FromDay = None, last: ToDay = None
) -> None:
    """Compute the rollups anew from the ledger."""
    engine = current_engine(load_settings())
    with reading(engine) as connection:
        chosen = find_workspace(connection, workspace)
    start, end = days_of(first, last)
    with progress("Rebuilding") as step:
        count = rebuild(engine, chosen, first_day=start, last_day=end, progress=step)
    out.print(f"Rebuilt from {count:,} usage events.")


Files = Annotated[list[Path] | None, typer.Argument(help="Files to read.")]
SourceName = Annotated[
    str, typer.Option("--source", help="events, litellm, copilot; auto detects.")
]
ZoneName = Annotated[
    str | None, typer.Option("--tz", help="Zone of times without an offset: Europe/Berlin.")
]
Delimiter = Annotated[str, typer.Option("--delimiter", help="Column delimiter of a CSV.")]
DecimalSign = Annotated[str, typer.Option("--decimal", help="Decimal sign of a CSV.")]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Text encoding.")]
Rejects = Annotated[
    bool, typer.Option("--rejects", help="Write rejected rows to FILE.rejected.csv.")
]
CompleteRange = Annotated[
    bool,
    typer.Option(
        "--complete-range", help="Days inside the file's range without rows had no usage."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and judge, store nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Undo = Annotated[int | None, typer.Option("--undo", help="Take back the import of this number.")]


def import_command(  # noqa: PLR0913, PLR0917  # one parameter an option of the program
    files: Files = None,
    source: SourceName = "auto",
    workspace: WorkspaceOption = None,
    zone: ZoneName = None,
    delimiter: Delimiter = ",",
    decimal: DecimalSign = ".",
    encoding: Encoding = None,
    *,
    rejects: Rejects = False,
    complete_range: CompleteRange = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    undo: Undo = None,
) -> None:
    """Import usage from files; may be repeated, and undone."""
    from bot import importing  # noqa: PLC0415  # readers are only needed here
    from storage.imports import ImportPlan  # noqa: PLC0415
    from storage.sources.base import SourceOptions  # noqa: PLC0415

    engine = current_engine(load_settings())
    if undo is not None:
        if not 1 <= undo <= LAST_IMPORT:
            raise UserError(
                f"'{undo}' is not the number of an import.", hint="`creditbot imports` lists them."
            )
        with progress("Taking back") as step:
            importing.run_undo(
                engine,
                workspace=workspace,
                batch_id=undo,
                actor=operator(),
                now=utc_now(),
                console=out,
                progress=step,
            )
        return
    if not files:
        raise typer.BadParameter("name at least one file")
    plan = ImportPlan(
        workspace=workspace,
        source=source,
        options=SourceOptions(zone, delimiter, decimal, encoding),
        complete_range=complete_range,
        dry_run=dry_run,
        rejects=rejects,
    )
    raise typer.Exit(
        importing.run_import(engine, files, plan, json_output=as_json, now=utc_now(), console=out)
    )


def imports_command(workspace: WorkspaceOption = None) -> None:
    """Every import with its number, newest first."""
    with reading(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        found = past_imports(connection, chosen.id)
    for one in found:
        out.print(_import_line(one, chosen.clock().zone))
    if not found:
        out.print("Nothing was imported yet.")


def _import_line(one: PastImport, zone: ZoneInfo) -> str:
    """`2  2026-03-30 14:05  events  2 accepted, 0 duplicate, 0 rejected  usage.csv`."""
    counts = [
        f"{count_text(one.counts.get(name, 0))} {name}"
        for name in COUNTS
        if one.counts.get(name) or name in ALWAYS
    ]
    parts = (
        f"{one.id:>4}",
        f"{one.started_at.astimezone(zone):%Y-%m-%d %H:%M}",
        one.kind,
        ", ".join(counts) if one.counts else "not finished",
        "undone" if one.undone_at else "",
        clean(one.file, MAX_FILE),
    )
    return "  ".join(part for part in parts if part)


def days_of(first: str | None, last: str | None) -> tuple[int | None, int | None]:
    """The day numbers of two ISO days; raises BadParameter, also when the second comes first."""
    start = None if first is None else day_of(first)
    end = None if last is None else day_of(last)
    if start is not None and end is not None and end < start:
        raise typer.BadParameter(f"--from {first} is later than --to {last}")
    return start, end


def day_of(text: str) -> int:
    """The day number of an ISO day; raises BadParameter."""
    try:
        return day_number(date.fromisoformat(text))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a day like 2026-03-01") from None
