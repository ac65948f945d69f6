"""What an arrival whose key is known means: the same, more of it, a contradiction, a revision.

Compared is what the source supplied, never our credits.  A second arrival fills what was unknown
and never overwrites a known value; a higher revision of the source replaces the whole event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import cast

from storage.pricing import Tariff
from storage.records import (
    BLOCKED,
    HOME_DEPARTMENT,
    RULED,
    SKEWED,
    STATED,
    UNCOUNTED,
    UNPRICED,
    Detail,
    LedgerRow,
    Record,
)

_ROW = LedgerRow._fields
_SAME = slice(_ROW.index("ts"), _ROW.index("rating") + 1)
_NAMED = ("person_id", "project_id", "model_id", "task_id", "tokens_in", "tokens_out", "rating")
# What credits are computed from, by the names of `supplied`.
_PRICED_BY = frozenset({"model_id", "prompts", "ok", "blocked", "stated", "cost_nano", "currency"})
# Flags that say what a source told, and what not.
_TOLD = UNCOUNTED | HOME_DEPARTMENT | STATED | BLOCKED | RULED
# Two routes of one call each look at their own watch.
_MEASURED = frozenset({"ts", "latency_ms", "ttft_ms"})
_PLAIN_DETAILS = (
    "cost_nano", "currency", "cache_read", "cache_write", "reasoning", "ttft_ms",
    "provider", "error", "tags", "trial_id", "arm",
)  # fmt: skip


class Meeting(Enum):
    """How an arrival relates to what is known."""

    DUPLICATE = "duplicate"
    MERGED = "merged"
    CONFLICTING = "conflicting"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an arrival: the record to keep from now on, and the fields in dispute."""

    meeting: Meeting
    record: Record
    fields: tuple[str, ...] = ()


def supplied(record: Record, unit: str | None) -> dict[str, object]:
    """What a source supplied of an event: known values only, by name.

    `stated` is (amount, unit) of explicit credits; `unit` is the workspace's credit.
    """
    row, detail = record.row, record.detail
    known: dict[str, object] = {"grain": row.grain}
    known |= {name: value for name in _NAMED if (value := getattr(row, name))}
    if row.flags & RULED:
        known.pop("task_id", None)
    if not row.flags & SKEWED:
        known["ts"] = row.ts
    if row.department_id and not row.flags & HOME_DEPARTMENT:
        known["department_id"] = row.department_id
    if not row.flags & UNCOUNTED:
        known["prompts"] = row.prompts
    if row.ok_n:
        known["ok"] = (row.ok, row.ok_n)
    if row.flags & BLOCKED:
        known["blocked"] = True
    if row.latency_ms is not None:
        known["latency_ms"] = row.latency_ms
    known |= {
        name: value for name in _PLAIN_DETAILS if (value := getattr(detail, name)) is not None
    }
    if detail.amount is not None:
        known["stated"] = (detail.amount, detail.unit)
    elif row.flags & STATED:
        known["stated"] = (row.credits, unit)
    return known


def is_same(known: Record, arrived: Record, unit: str | None) -> bool:
    """Whether two records hold the same of what a source supplies."""
    if _is_identical(known, arrived):
        return True
    before, after = supplied(known, unit), supplied(arrived, unit)
    if (known.row.flags | arrived.row.flags) & SKEWED:
        before.pop("ts", None)
        after.pop("ts", None)
    return before == after


def _is_identical(known: Record, arrived: Record) -> bool:
    """The quick look that settles nearly every row of a file that is imported again."""
    old, new = known.row, arrived.row
    return (
        old[_SAME] == new[_SAME]
        and known.detail == arrived.detail
        and not (old.flags ^ new.flags) & _TOLD
        and (not old.flags & STATED or old.credits == new.credits)
    )


def meet(known: Record, arrived: Record, tariff: Tariff) -> Verdict:
    """What an arrival with a known key does."""
    newer = arrived.detail.revision - known.detail.revision
    if newer > 0:
        return Verdict(Meeting.REPLACED, succeed(known, arrived))
    if newer < 0 or _is_identical(known, arrived):
        return Verdict(Meeting.DUPLICATE, known)
    before, after = supplied(known, tariff.unit), supplied(arrived, tariff.unit)
    ignored = _MEASURED if known.row.route != arrived.row.route else frozenset()
    disputed = tuple(
        sorted(
            name for name in (before.keys() & after.keys()) - ignored if before[name] != after[name]
        )
    )
    if disputed:
        return Verdict(Meeting.CONFLICTING, known, disputed)
    gaps = after.keys() - before.keys() - {"ts"}
    if not gaps:
        return Verdict(Meeting.DUPLICATE, known)
    return Verdict(
        Meeting.MERGED, _filled(known, arrived, {name: after[name] for name in gaps}, tariff)
    )


def succeed(known: Record, arrived: Record) -> Record:
    """The arrival in the place of the known event; who brought it first is kept."""
    return Record(arrived.row._replace(batch_id=known.row.batch_id), arrived.detail)


def _filled(known: Record, arrived: Record, gaps: Mapping[str, object], tariff: Tariff) -> Record:
    record = Record(_filled_row(known.row, arrived.row, gaps), _filled_detail(known.detail, gaps))
    # Credits are frozen when recorded, but what they follow from may come in any order.
    if record.row.flags & UNPRICED or not _PRICED_BY.isdisjoint(gaps):
        return tariff.price(record)
    return record


def _filled_row(row: LedgerRow, arrived: LedgerRow, gaps: Mapping[str, object]) -> LedgerRow:
    columns = {name: getattr(arrived, name) for name in gaps if name in _ROW}
    flags = row.flags
    if "prompts" in gaps:
        flags &= ~UNCOUNTED
    if "ok" in gaps:
        columns["ok_n"] = arrived.ok_n
    if "blocked" in gaps:
        flags |= BLOCKED
    if "task_id" in gaps:
        flags &= ~RULED
    if "department_id" in gaps:
        flags &= ~HOME_DEPARTMENT
    elif "person_id" in gaps and flags & HOME_DEPARTMENT:
        columns["department_id"] = arrived.department_id
    return row._replace(**columns, flags=flags)


def _filled_detail(detail: Detail, gaps: Mapping[str, object]) -> Detail:
    columns = {name: gaps[name] for name in _PLAIN_DETAILS if name in gaps}
    if "stated" in gaps:
        amount, unit = cast("tuple[int, str]", gaps["stated"])
        columns |= {"amount": amount, "unit": unit}
    return detail._replace(**columns)  # type: ignore[arg-type]  # names and values of `supplied`
