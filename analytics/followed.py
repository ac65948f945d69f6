"""Advice that was accepted: what it promised beside what can be measured.

Measured is the change of what a prompt of the task costs on both models together, since then and
in the 30 days before, at the volume since.  What people ask may have changed, too: it is no proof.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.advice_basis import VOLUME_DAYS, Names, pair_of
from analytics.evidence import Pair
from analytics.report import Block, Column, Note, Row, Table
from storage.advice import Opinion
from storage.reading import Days, Reader

LEAST_DAYS = 7  # a week has every weekday
MOST = 10
Totals = tuple[int, int]  # prompts and micro-credits


@dataclass(frozen=True, slots=True)
class Followed:
    """One accepted proposal after `days` complete days; micro-credits a month of 30 days.

    `measured` is None while it is too early, or where nothing was used before or since; it is
    negative where a prompt costs more than before.
    """

    pair: Pair
    predicted: int
    days: int
    measured: int | None


def follow(reader: Reader, opinions: Sequence[Opinion], today: int) -> list[Followed]:
    """What came of the latest accepted proposals, the newest first."""
    accepted = [one for one in opinions if one.status == "accepted"][:MOST]
    if not accepted:
        return []
    since = {pair_of(one): reader.clock.day(one.at) for one in accepted}
    rows = reader.sums(
        ("day", "task", "model"),
        ("prompts", "credits"),
        Days(min(since.values()) - VOLUME_DAYS, today),
        {
            "task": sorted({task for task, _, _ in since}),
            "model": sorted({model for _, *models in since for model in models}),
        },
    )
    used: dict[tuple[int, int], list[tuple[int, Totals]]] = defaultdict(list)
    for day, task, model, prompts, credits in rows:
        used[task, model].append((day, (prompts, credits)))
    found = []
    for one in accepted:
        pair = pair_of(one)
        task, *models = pair
        cells = [cell for model in models for cell in used[task, model]]
        first = since[pair]
        before = _total(cells, Days(first - VOLUME_DAYS, first))
        after = _total(cells, Days(first + 1, today))
        days = max(0, today - first - 1)
        found.append(Followed(pair, one.predicted, days, measured(before, after, days)))
    return found


def _total(cells: Sequence[tuple[int, Totals]], days: Days) -> Totals:
    inside = [totals for day, totals in cells if days.first <= day < days.end]
    return sum(prompts for prompts, _ in inside), sum(credits for _, credits in inside)


def measured(before: Totals, after: Totals, days: int) -> int | None:
    """Micro-credits that 30 days cost less than at the earlier price of a prompt.

    At most what the prompts would have cost then; None where it cannot be told.
    """
    if days < LEAST_DAYS or not before[0] or not after[0]:
        return None
    at_that_price = after[0] * before[1] // before[0]
    return (at_that_price - after[1]) * VOLUME_DAYS // days


def followed_blocks(followed: Sequence[Followed], names: Names, task: int | None) -> list[Block]:
    """Predicted beside measured; nothing where no advice was accepted."""
    shown = [one for one in followed if task in (None, one.pair[0])]
    if not shown:
        return []
    columns = (
        Column("task", "Accepted"),
        Column("model", "From"),
        Column("to_model", "To"),
        Column("predicted", "Predicted, up to", "credits"),
        Column("measured", "Measured, a month", "credits"),
        Column("days", "Days", "count"),
    )
    rows: list[Row] = []
    for one in shown:
        spoken = names.of(one.pair)
        parts = (spoken.task, spoken.costly, spoken.cheap)
        rows.append((*parts, one.predicted, one.measured, one.days))
    note = "Measured is what a prompt costs now against the 30 days before, on both models."
    return [Table(columns, tuple(rows)), Note(note)]
