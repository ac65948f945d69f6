"""Importing files at the terminal: progress, a summary or JSON, and the exit code.

Exit codes: 0 everything is stored or was known, 1 some rows were refused (the others are stored),
2 a file or the database cannot be used (nothing of it was stored), 3 it stopped in the middle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from analytics.numbers import count_text, counted, counted_credits, credits_text
from analytics.text import clean
from storage import evidence
from storage.audit import record
from storage.engine import reading, writing
from storage.errors import StorageError, UnusableFile
from storage.import_log import PastImport, past_imports
from storage.imports import ImportPlan, ImportStopped, import_file
from storage.tally import FileResult, Shrunk
from storage.undo import undo_batch
from storage.workspaces import find_workspace

SHOWN = 20
GOOD, REFUSED, UNUSABLE, STOPPED = 0, 1, 2, 3
# An import reads about 3 MB a second, and a bar is worth its line from two seconds on.
BIG_BYTES = 6_000_000
MAX_LINE = 400


def run_import(
    engine: sa.Engine,
    files: Sequence[Path],
    plan: ImportPlan,
    *,
    json_output: bool,
    now: datetime,
    console: Console,
) -> int:
    """Import files one after the other and tell what became of them; gives the exit code.

    A file that cannot be used does not keep the others out; a failing database ends it all.
    Errors and progress go to stderr, the summary or exactly one JSON object to `console`.
    """
    errors = Console(stderr=True)
    told: list[dict[str, object]] = []
    code, brought = GOOD, 0
    for path in files:
        try:
            with _progress(path, errors) as progress:
                result = import_file(engine, path, plan, now=now, progress=progress)
        except StorageError as error:
            told.append({"file": str(path), "error": str(error)})
            errors.out(f"{clean(str(path), MAX_LINE)}: {error}", highlight=False)
            code = max(code, STOPPED if isinstance(error, ImportStopped) else UNUSABLE)
            if not isinstance(error, UnusableFile):
                break
            continue
        told.append(as_json(result))
        brought += result.accepted + result.merged + result.replaced + result.removed
        code = max(code, REFUSED if result.rejected_count else GOOD)
        if not json_output:
            for line in summary(result, dry_run=plan.dry_run):
                console.out(line, highlight=False)
    if brought and not plan.dry_run:
        _gather(engine, plan.workspace, now=now)
    if json_output:
        console.out(json.dumps({"files": told}), highlight=False)
    return code


def _gather(engine: sa.Engine, workspace: str | None, *, now: datetime) -> None:
    """Let advice know of what was imported, where no service does so tonight."""
    # The import itself is done, and whatever keeps this from happening now keeps until then.
    with suppress(StorageError):
        with reading(engine) as connection:
            found = find_workspace(connection, workspace)
        evidence.gather(engine, found, now=now)


def run_undo(  # noqa: PLR0913  # who, when and where it is told stand beside what is undone
    engine: sa.Engine,
    *,
    workspace: str | None,
    batch_id: int,
    actor: str,
    now: datetime,
    console: Console,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Take an import back, record it in the audit and tell what that did.  Raises StorageError."""
    with reading(engine) as connection:
        found = find_workspace(connection, workspace)
    undone = undo_batch(engine, found, batch_id, actor=actor, now=now, progress=progress)
    with writing(engine) as connection:
        record(
            connection,
            found.id,
            at=now,
            actor=actor,
            role="owner",
            action="import.undo",
            object=str(batch_id),
        )
    console.out(
        f"Import {batch_id} is undone. Deleted: {count_text(undone.deleted)}, restored:"
        f" {count_text(undone.restored)}, changed by others since and kept:"
        f" {count_text(len(undone.kept))}.",
        highlight=False,
    )
    if undone.confirmed:
        console.out(
            f"Stated again by a later import and left there: {count_text(undone.confirmed)}.",
            highlight=False,
        )
    if undone.deleted:
        for later in _repeated(engine, found.id, batch_id):
            console.out(
                f"Import {later.id} left out {counted(later.known, 'row')} as known already; what"
                f" is deleted of them now must be imported again: {clean(later.file, MAX_LINE)}",
                highlight=False,
            )


def _repeated(engine: sa.Engine, workspace_id: int, batch_id: int) -> list[PastImport]:
    """The first later imports that may have brought rows of an import, too."""
    with reading(engine) as connection:
        imports = past_imports(connection, workspace_id)
    own = next(one for one in imports if one.id == batch_id)
    return [one for one in reversed(imports) if one.repeats(own)][:SHOWN]


def as_json(result: FileResult) -> dict[str, object]:
    """The result of one file in the shape of `creditbot import --json`.

    A known event whose gaps were filled counts as duplicate.  `rejected` and `conflicts` name
    the first 10,000.
    """
    return {
        "file": result.file,
        "source": result.source,
        "read": result.read,
        "accepted": result.accepted,
        "duplicate": result.duplicate + result.merged,
        "conflicting": result.conflicting,
        "conflicts": [
            {"event_id": event_id, "fields": list(fields)} for event_id, fields in result.conflicts
        ],
        "replaced": result.replaced,
        "adjusted": result.adjusted,
        "rejected_total": result.rejected_count,
        "rejected": [{"line": line, "reason": reason} for line, reason in result.rejected],
    }


def summary(result: FileResult, *, dry_run: bool = False) -> Iterator[str]:
    """What a person wants to know about one file, line by line."""
    done = "tried" if dry_run else "imported"
    end = "; nothing is stored" if dry_run else ""
    yield f"{clean(result.file, MAX_LINE)}: {done} as {result.source}{end}"
    yield f"  {_counts(result)}"
    if dry_run:
        yield "  a trial looks at the file alone: rows that are known already count as accepted"
    if result.first and result.last:
        yield f"  usage from {result.first:%Y-%m-%d %H:%M} to {result.last:%Y-%m-%d %H:%M} UTC"
    yield from _listed("refused", result.rejected, result.rejected_count)
    yield from _conflicts(result)
    yield from _listed("adjusted", result.notes, result.adjusted - result.older)
    yield from _remarks(result)
    if result.rejects_file is not None:
        yield f"  refused rows to mend: {clean(str(result.rejects_file), MAX_LINE)}"
    if result.batch_id is not None and _changed(result):
        yield f"  undo with: creditbot import --undo {result.batch_id}"


def _changed(result: FileResult) -> bool:
    """Whether there is anything to undo."""
    return bool(result.accepted or result.merged or result.replaced or result.removed)


def _counts(result: FileResult) -> str:
    named = (
        ("accepted", result.accepted),
        ("duplicate", result.duplicate),
        ("completed", result.merged),
        ("conflicting", result.conflicting),
        ("replaced", result.replaced),
        ("rejected", result.rejected_count),
        ("left out", result.left_out),
    )
    always = ("accepted", "duplicate", "conflicting", "rejected")
    parts = [f"{count_text(count)} {name}" for name, count in named if count or name in always]
    return f"{counted(result.read, 'row')} read: {', '.join(parts)}"


def _listed(name: str, lines: Sequence[tuple[int, str]], total: int) -> Iterator[str]:
    if not total:
        return
    yield f"  {name}:"
    for line, reason in lines[:SHOWN]:
        yield f"    line {line}: {clean(reason, MAX_LINE)}"
    if total > SHOWN:
        yield f"    … and {count_text(total - min(SHOWN, len(lines)))} more"


def _conflicts(result: FileResult) -> Iterator[str]:
    if not result.conflicting:
        return
    yield "  conflicting, the first stays:"
    for event_id, fields in result.conflicts[:SHOWN]:
        yield f"    event {clean(event_id, MAX_LINE)} differs in {', '.join(fields)}"
    if result.conflicting > SHOWN:
        yield f"    … and {count_text(result.conflicting - SHOWN)} more"


def _remarks(result: FileResult) -> Iterator[str]:
    if not result.read:
        yield "  the file has a header but no rows"
    if result.new_unit:
        yield f"  the workspace has no credit yet: from now on it counts in {result.new_unit}"
    if result.unpriced:
        yield (
            f"  {_rows(result.unpriced, 'is', 'are')} unpriced: the credits are not known in the"
            " workspace's unit and are shown apart"
        )
    if result.blank_people:
        yield f"  {_rows(result.blank_people, 'names', 'name')} no person"
    if result.blank_models:
        yield f"  {_rows(result.blank_models, 'names', 'name')} no model"
    if result.removed:
        yield f"  {_rows(result.removed, 'is', 'are', kind='earlier row')} gone from these days"
    yield from _shrunk(result.shrunk)
    if result.kept_gaps:
        yield "  no day was emptied: without its refused rows the file is not complete"
    if result.older:
        yield (
            f"  {_rows(result.older, 'was', 'were')} left out: a later export already brought"
            " those days"
        )


def _shrunk(days: Sequence[Shrunk]) -> Iterator[str]:
    for day in days[:SHOWN]:
        yield (
            f"  {clean(day.account, MAX_LINE)} on {day.day} went from {credits_text(day.before)}"
            f" to {counted_credits(day.after)}"
        )
    if len(days) > SHOWN:
        yield f"  … and {counted(len(days) - SHOWN, 'more day')} with fewer credits than before"


def _rows(count: int, one: str, many: str, *, kind: str = "row") -> str:
    """`1 row is`, `2 rows are`."""
    return f"{counted(count, kind)} {one if count == 1 else many}"


@contextmanager
def _progress(path: Path, errors: Console) -> Iterator[Callable[[int], None] | None]:
    size = path.stat().st_size if path.is_file() else 0
    if size < BIG_BYTES or not errors.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=errors, transient=True) as bar:
        task = bar.add_task(clean(path.name, 40), total=size)
        yield lambda read: bar.update(task, completed=read)
