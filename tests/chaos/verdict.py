"""What a run came to, told by the platforms' record beside the load that was asked for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.delivery.sending import REPEAT
from storage.engine import opened, reading
from storage.outbox import ENDED, reference
from storage.outgoing import Delivery, Destination
from storage.verify import verify
from storage.workspaces import find_workspace

REFERENCE = re.compile(r"\bref ([a-z2-7]{12})\b")
IN_NAME = re.compile(r"-([a-z2-7]{12})\.\w+$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run in numbers.

    `due` is what the load wanted and `rows` what came of it in our tables; a message is lost when
    it has ended unseen, astray when it is not in the thread of its post.
    """

    due: int
    rows: int
    seen: int
    lost: int
    doubled: int
    astray: int
    labelled: int
    early: int
    open_rows: int
    without_reason: int
    states: dict[str, int]
    skipped: dict[str, int]
    fates: dict[str, int]
    hasty: Sequence[str] = ()
    violations: Sequence[str] = ()
    faults: Sequence[str] = ()
    kills: int = 0
    seconds: float = 0.0
    examples: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        """Whether everything held."""
        wrong = (self.lost, self.doubled, self.astray, self.early, self.open_rows)
        said = (self.without_reason, self.skipped, self.violations, self.faults)
        return self.due == self.rows == self.seen and not any(wrong) and not any(said)


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    id: str
    parent_id: str | None
    state: str
    reason: str | None
    dedupe_key: str
    act: str


def judge(url: str, record: Path, *, due: int) -> Verdict:
    """The verdict over a finished run; the platforms have written their last line."""
    events = [json.loads(line) for line in record.read_text().splitlines()]
    found = [(key, event) for event in events for key in _references(event)]
    told = Counter(key for key, _ in found)
    labelled = sum(REPEAT in str(event.get("text", "")) for event in events)
    ends = [event for event in events if event["did"] == "end"]
    rows = list(_rows(url))
    seen = {row.key: told[row.key] for row in rows}  # other cells have their own rows
    wanted = [row for row in rows if row.act != "edit" and row.state != "skipped"]
    lost = [row for row in wanted if row.state in ENDED and not seen[row.key]]
    doubled = [row for row in rows if seen[row.key] > 1]
    return Verdict(
        due=due,
        rows=len(wanted),
        seen=sum(seen.values()),
        lost=len(lost),
        doubled=len(doubled),
        astray=_astray(rows, dict(found)),
        labelled=labelled,
        early=sum(end["early"] for end in ends),
        hasty=[place for end in ends for place in end["hasty"]],
        open_rows=sum(row.state not in ENDED for row in rows),
        without_reason=sum(row.state in ENDED[1:] and not row.reason for row in rows),
        states=dict(Counter(row.state for row in rows)),
        skipped=dict(Counter(str(row.reason) for row in rows if row.state == "skipped")),
        fates=dict(sum((Counter(end["fates"]) for end in ends), Counter())),
        violations=[text for end in ends for text in end["violations"]],
        faults=_faults(url),
        examples=[f"{row.state}, {row.reason}: {row.dedupe_key}" for row in (*lost, *doubled)][:10],
    )


def _references(event: dict[str, Any]) -> Iterator[str]:
    """By what a message or file is known: Slack's key, else what is to be read in it."""
    if event["did"] not in ("message", "file"):
        return
    named = IN_NAME.findall(" ".join([str(event.get("key") or ""), *event.get("files", ())]))
    if event["platform"] == "slack" and event["did"] == "message":
        yield event["key"]
    elif named:
        yield named[0]
    else:
        yield from REFERENCE.findall(event.get("text", ""))[:1]


def _rows(url: str) -> Iterator[_Row]:
    d, to = Delivery.__table__.c, Destination.__table__.c  # type: ignore[attr-defined]  # SQLModel's
    joined = sa.and_(to.workspace_id == d.workspace_id, to.id == d.destination_id)
    told = (d.state, d.reason, d.dedupe_key, d.act)
    wanted = sa.select(d.id, to.channel_id, d.part, d.parent_id, *told).where(joined)
    with opened(url) as engine, reading(engine) as connection:
        for key, channel, part, *rest in connection.execute(wanted).all():
            yield _Row(reference(key, channel, part), key, *rest)


def _astray(rows: Sequence[_Row], events: Mapping[str, dict[str, Any]]) -> int:
    """How many parts are not below their post: in its thread, or as an answer to it."""
    posts = {row.id: events[row.key]["id"] for row in rows if row.key in events}
    below = [row for row in rows if row.parent_id is not None and row.key in events]
    return sum(events[row.key]["thread"] != posts[str(row.parent_id)] for row in below)


def _faults(url: str) -> list[str]:
    """What is wrong with the database afterwards."""
    with opened(url) as engine:
        with reading(engine) as connection:
            workspace = find_workspace(connection, None)
            if engine.dialect.name == "sqlite":
                told = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
                damage = [] if told == "ok" else [f"integrity_check: {told}"]
            else:
                damage = []
        return [*damage, *map(str, verify(engine, workspace))]
