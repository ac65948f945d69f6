"""People beside their colleagues on the same tasks: credits used for each credit expected.

It says what prompts cost, nothing about anybody's work.  Expected is what the others spend on a
prompt of the same task; that needs three people in the task and 50 prompts of one's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.nightly import Nightly
from analytics.numbers import counted, round_half_even
from analytics.query import Query
from analytics.report import Column, Note, Table
from analytics.text import clean
from storage.evidence import DAYS as EVIDENCE_DAYS
from storage.evidence import evidence_day, evidence_version, work_by_person
from storage.reading import Days, Reader

LEAST_PEOPLE = 3
LEAST_PROMPTS = 50
PULL = 50  # prompts at the workspace's mean that both sides are mixed with
SHOWN_ENDS = 3  # people at each end of the ranking
SHOWN_SMALL = 4
Work = Mapping[tuple[int, int], tuple[int, int]]  # (person, task) to prompts and micro-credits


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's prompts and micro-credits in comparable tasks; `index` 1.4 is 1.4 times.

    `index` is None below the minimum of evidence, and `missing` says what there is of it.
    """

    person_id: int
    name: str
    prompts: int
    credits: int
    index: float | None

    @property
    def missing(self) -> str:
        """`12 of 50`."""
        return f"{self.prompts} of {LEAST_PROMPTS}"

    @property
    def words(self) -> str:
        """`1.4 times the credits of colleagues on the same tasks`."""
        factor = self.index or 0.0
        if 0.95 <= factor < 1.05:
            return "about as many credits as colleagues on the same tasks"
        return f"{factor:.1f} times the credits of colleagues on the same tasks"


def standings(work: Work, names: Mapping[int, str]) -> list[Standing]:
    """Everybody's standing, the lowest index first, those without enough evidence last.

    Task 0, what is uncategorised, counts as one task; prompts of nobody known (person 0) are
    left out.  Work of tasks with fewer than three people is compared with nobody.
    """
    tasks: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for (person, task), (prompts, credits) in work.items():
        if person and prompts > 0:
            tasks[task][person] = (prompts, credits)
    shared = {task: people for task, people in tasks.items() if len(people) >= LEAST_PEOPLE}
    own: dict[int, _Sums] = defaultdict(_Sums)
    for people in shared.values():
        _compare(people, own)
    prompts = sum(sums.prompts for sums in own.values())
    pull = PULL * sum(sums.credits for sums in own.values()) / prompts if prompts else 0.0
    found = [
        Standing(person, names[person], sums.prompts, sums.credits, _index(sums, pull))
        for person, sums in own.items()
        if person in names
    ]
    return sorted(found, key=lambda one: (one.index is None, one.index or 0, one.name))


@dataclass(slots=True)
class _Sums:
    """What a person used in comparable tasks, and what colleagues would have on as many prompts."""

    prompts: int = 0
    credits: int = 0
    expected: float = 0.0


def _compare(people: Mapping[int, tuple[int, int]], own: dict[int, _Sums]) -> None:
    """Add one task."""
    all_prompts, all_credits = (sum(part) for part in zip(*people.values(), strict=True))
    for person, (prompts, credits) in people.items():
        sums = own[person]
        sums.prompts += prompts
        sums.credits += credits
        sums.expected += prompts * (all_credits - credits) / (all_prompts - prompts)


def _index(sums: _Sums, pull: float) -> float | None:
    if sums.prompts < LEAST_PROMPTS or sums.expected + pull <= 0:
        return None
    return (sums.credits + pull) / (sums.expected + pull)


_WORK: Nightly[Work] = Nightly()
_ALL: Nightly[list[Standing]] = Nightly()


def colleagues(query: Query, visible: frozenset[int] | None) -> list[Standing] | None:
    """The standing of those whose rows the asker may see, from the nightly evidence.

    None before the first night; empty where filters choose what the evidence does not tell apart.
    """
    filters, reader = query.filters, query.reader
    place = reader.connection, reader.workspace.id
    day = evidence_day(*place)
    if day is None:
        return None
    if any((filters.model, filters.family, filters.tier, filters.department, filters.project)):
        return []
    version = evidence_version(*place)
    work = _WORK.of(reader, version, lambda: _everything(reader, day))
    if filters.task:
        chosen = {key: sums for key, sums in work.items() if key[1] in filters.task}
        found = standings(chosen, reader.names("person"))
    else:
        found = _ALL.of(reader, version, lambda: standings(work, reader.names("person")))
    return [
        one
        for one in found
        if (visible is None or one.person_id in visible)
        and (not filters.person or one.person_id in filters.person)
    ]


def _everything(reader: Reader, day: int) -> Work:
    """Everybody's work; what people did beside the tasks of the evidence counts as one task."""
    work = work_by_person(reader.connection, reader.workspace.id)
    days = Days(day - EVIDENCE_DAYS, day)
    rest = {
        person: [prompts, credits]
        for person, prompts, credits in reader.sums(("person",), ("prompts", "credits"), days)
    }
    for (person, _), (prompts, credits) in work.items():
        if person in rest:
            rest[person][0] -= prompts
            rest[person][1] -= credits
    free = {
        (person, 0): (prompts, credits)
        for person, (prompts, credits) in rest.items()
        if prompts > 0 and credits >= 0
    }
    return {**work, **free}


def people_blocks(people: Sequence[Standing] | None) -> list[Table | Note]:
    """The ends of the ranking: who uses least and most for the same tasks; `people` in order."""
    if people is None:
        words = "People are compared as soon as a night has gathered what they did by task."
        return [Note(words)]
    ranked = [one for one in people if one.index is not None]
    blocks: list[Table | Note] = []
    if ranked:
        is_long = len(ranked) > 2 * SHOWN_ENDS
        ends = [*ranked[:SHOWN_ENDS], *ranked[-SHOWN_ENDS:]] if is_long else ranked
        finding = f"{clean(ranked[-1].name)} uses {ranked[-1].words}"
        blocks += [_people_table(ends), Note(f"{finding}, over the 60 days before today.")]
    return [*blocks, *_small([one for one in people if one.index is None])]


def _small(people: Sequence[Standing]) -> list[Note]:
    """`Not enough data: Alice (12 of 50)`."""
    if not people:
        return []
    named = ", ".join(f"{clean(one.name)} ({one.missing})" for one in people[:SHOWN_SMALL])
    more = len(people) - SHOWN_SMALL
    rest = f" and {counted(more, 'other')}" if more > 0 else ""
    return [Note(f"Not enough data: {named}{rest}.")]


def _people_table(people: Sequence[Standing]) -> Table:
    return Table(
        columns=(
            Column("person", "Person"),
            Column("index", "Times the credits of colleagues", "factor"),
            Column("credits_per_prompt", "Per prompt", "credits"),
            Column("prompts", "Prompts", "count"),
        ),
        rows=tuple(
            (clean(one.name), one.index, round_half_even(one.credits, one.prompts), one.prompts)
            for one in people
        ),
    )
