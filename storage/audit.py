"""Who changed what: an append-only chain of rows for each workspace.

Each row's hash covers its content and the hash before it, so a row that was altered, taken out or
put in breaks the chain from there on.  Rows cut off at the end leave no trace.  Ids, not names, and
never a token or a text that was typed to a model.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage import locks
from storage.text import tidy

START = ""  # what stands for the hash before the first row
PROGRAM = "creditbot"  # who changed what nobody ordered
MAX_NAME = 160
MAX_OBJECT = 200
MAX_VALUE = 500
_AUDIT = SQLModel.metadata.tables["audit"]


def record(  # noqa: PLR0913  # the parts of an audit row, each by name
    connection: sa.Connection,
    workspace_id: int,
    *,
    at: datetime,
    actor: str,
    role: str,
    action: str,
    object: str,  # noqa: A002  # the column's name
    before: str | None = None,
    after: str | None = None,
    result: str = "done",
) -> None:
    """Append a row, in the transaction of the change that it tells of; a refusal is a row too."""
    locks.hold(connection, workspace_id)  # or two writers continue the same row
    head = connection.execute(
        sa.select(_AUDIT.c.seq, _AUDIT.c.hash)
        .where(_AUDIT.c.workspace_id == workspace_id)
        .order_by(_AUDIT.c.seq.desc())
        .limit(1)
    ).first()
    row = {
        "workspace_id": workspace_id,
        "seq": head.seq + 1 if head else 1,
        "at": at,
        "actor": tidy(actor, MAX_NAME),
        "role": role,
        "action": action,
        "object": tidy(object, MAX_OBJECT),
        "before": _value(before),
        "after": _value(after),
        "result": result,
        "prev_hash": head.hash if head else START,
    }
    connection.execute(sa.insert(_AUDIT).values(**row, hash=_link(row)))


def record_own(  # noqa: PLR0913  # as above
    connection: sa.Connection,
    workspace_id: int,
    *,
    at: datetime,
    action: str,
    object: str,  # noqa: A002  # as above
    before: str | None = None,
    after: str | None = None,
    result: str = "done",
) -> None:
    """Append a row about what the program changed by itself."""
    record(
        connection,
        workspace_id,
        at=at,
        actor=PROGRAM,
        role="owner",
        action=action,
        object=object,
        before=before,
        after=after,
        result=result,
    )


def broken_link(connection: sa.Connection, workspace_id: int) -> int | None:
    """The number of the first row that does not continue the chain; None when all do."""
    rows = connection.execute(
        sa.select(_AUDIT).where(_AUDIT.c.workspace_id == workspace_id).order_by(_AUDIT.c.seq)
    )
    previous = START
    for expected, row in enumerate(rows.mappings(), 1):
        content = {name: value for name, value in row.items() if name != "hash"}
        if (row["seq"], row["prev_hash"], row["hash"]) != (expected, previous, _link(content)):
            return int(row["seq"])
        previous = row["hash"]
    return None


def _value(text: str | None) -> str | None:
    return None if text is None else tidy(text, MAX_VALUE)


def _link(row: dict[str, object]) -> str:
    """sha256 of the canonical JSON of a row, which holds the hash before it."""
    text = json.dumps(
        row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_moment
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
