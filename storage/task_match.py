"""Which rule gives an event without a task one: pure matching, remembered by names.

The first rule whose conditions all hold wins.  A condition is a list of which one must hold: globs
(`*` and `?`, without case) over every name that something is known by, or ranges of token counts
(`..500`, `1000..`, `100..500`, both ends included).  What is not known fulfils no condition.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.decisions  # noqa: F401  # declares the table that is looked up below
from storage.catalog import Catalog
from storage.errors import StorageError
from storage.records import RULED, Record
from storage.text import folded, tidy

NAMED: Final = ("source", "project", "department", "person", "model", "provider", "tag")
BOUNDS: Final = ("tokens_in", "tokens_out")
MAX_KNOWN = 50_000  # combinations of names; tags may make every one of them new
_RANGE = re.compile(r"(\d{0,12})\.\.(\d{0,12})|(\d{1,12})")
_RULE = SQLModel.metadata.tables["task_rule"]
Names = Mapping[str, Sequence[str]]


class InvalidRule(StorageError):  # noqa: N818  # the mistake is the name
    """A rule that nothing could ever match, or everything would."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for one task; `conditions` is the list of each field that it looks at."""

    id: int
    position: int
    task_id: int
    conditions: Mapping[str, tuple[str, ...]]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Fields:
    """What rules look at of one event; token counts are 0 when unknown."""

    names: Names = field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0


class Who(NamedTuple):
    """An event by the ids of its names, in the order of `NAMED`."""

    source_id: int
    project_id: int
    department_id: int
    person_id: int
    model_id: int
    provider: str | None
    tags: tuple[str, ...] | None


def list_rules(connection: sa.Connection, workspace_id: int) -> list[Rule]:
    """The rules of a workspace in their order."""
    wanted = sa.select(_RULE).where(_RULE.c.workspace_id == workspace_id)
    return [
        Rule(
            id=row.id,
            position=row.position,
            task_id=row.task_id,
            conditions={name: tuple(given) for name, given in row.conditions.items()},
            created_at=row.created_at,
        )
        for row in connection.execute(wanted.order_by(_RULE.c.position, _RULE.c.id))
    ]


def compiled(rules: Sequence[Rule]) -> Callable[[Fields], int | None]:
    """The task of the first rule that an event fulfils; None when it fulfils none."""
    possible = _Possible(rules)

    def task_of(event: Fields) -> int | None:
        found = _within(possible(event.names), event.tokens_in, event.tokens_out)
        return None if found is None else rules[found].task_id

    return task_of


class Matcher:
    """The rules of a workspace, asked with ids: what names match is remembered."""

    def __init__(self, rules: Sequence[Rule], plates: Nameplates) -> None:
        self.rules = tuple(rules)
        self.fields = frozenset(name for rule in rules for name in rule.conditions)
        self._plates = plates
        self._possible = _Possible(rules)
        used = [place for place, name in enumerate(NAMED) if name in self.fields]
        # Only what some rule looks at tells combinations apart.
        self._key = itemgetter(*(used or [len(NAMED)]))
        self._known: dict[object, tuple[_Bounded, ...]] = {}

    def __call__(self, who: tuple[object, ...], tokens_in: int, tokens_out: int) -> int | None:
        """The place of the first rule that fits; `who` is a `Who`, or a plain tuple like one."""
        key = self._key((*who, None))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            names = self._plates.names(Who._make(who))
            found = self._known[key] = self._possible(names)
        if not found:
            return None
        first, ranges = found[0]
        return first if not ranges else _within(found, tokens_in, tokens_out)

    def place(self, record: Record) -> int | None:
        """The place of the first rule that fits a record."""
        row, detail = record.row, record.detail
        ids = (row.source_id, row.project_id, row.department_id, row.person_id, row.model_id)
        return self((*ids, detail.provider, detail.tags), row.tokens_in, row.tokens_out)

    def ruled(self, record: Record) -> Record:
        """A record whose source named no task, with the one that the rules give it, or none."""
        place = self.place(record)
        row = record.row
        if place is None:
            row = row._replace(task_id=0, flags=row.flags & ~RULED)
        else:
            row = row._replace(task_id=self.rules[place].task_id, flags=row.flags | RULED)
        return record if row == record.row else Record(row, record.detail)


@dataclass(frozen=True, slots=True)
class Nameplates:
    """The names behind the ids of a workspace; the mappings are by folded name."""

    people: Mapping[str, int]
    plain: Mapping[str, Mapping[str, int]]
    sources: Mapping[str, int]
    catalog: Catalog
    _by_id: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def names(self, who: Who) -> dict[str, Sequence[str]]:
        """Every folded name of each field that is known."""
        model = self.catalog.models.get(who.model_id)
        return {
            "source": self._of("source", self.sources, who.source_id),
            "project": self._of("project", self.plain["project"], who.project_id),
            "department": self._of("department", self.plain["department"], who.department_id),
            "person": self._of("person", self.people, who.person_id),
            "model": [folded(model.slug), folded(model.name)] if model else [],
            "provider": [folded(who.provider)] if who.provider else [],
            "tag": [folded(tag) for tag in who.tags or ()],
        }

    def _of(self, kind: str, ids: Mapping[str, int], wanted: int) -> Sequence[str]:
        if kind not in self._by_id:
            turned: defaultdict[int, list[str]] = defaultdict(list)
            for name, number in ids.items():
                if name:  # the blank name stands for the unknown id 0
                    turned[number].append(folded(name))
            self._by_id[kind] = turned
        return self._by_id[kind].get(wanted, [])


def check_conditions(conditions: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The conditions as they are kept; raises InvalidRule."""
    checked: dict[str, tuple[str, ...]] = {}
    for name, given in conditions.items():
        if name not in (*NAMED, *BOUNDS):
            known = ", ".join((*NAMED, *BOUNDS))
            raise InvalidRule(f'Rules know no field "{tidy(name)}".', hint=f"They know {known}.")
        words = tuple(tidy(word) for word in given)
        for word in words:
            if not word:
                raise InvalidRule(f"A condition of {name} is blank.", hint="Write a name or *.")
            if name in BOUNDS:
                _range(name, word)
        if words:
            checked[name] = words
    if not checked:
        raise InvalidRule("A rule needs a condition.", hint="For example model=gpt-4*.")
    return checked


# ---- matching

_Ranges = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]  # of BOUNDS
_Bounded = tuple[int, _Ranges | None]  # the place of a rule, and the token counts it asks for


class _Possible:
    """Which rules the names of an event leave, up to the first that asks for nothing else."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._patterns = [
            {name: _pattern(given) for name, given in rule.conditions.items() if name in NAMED}
            for rule in rules
        ]
        self._ranges = [_ranges(rule) for rule in rules]

    def __call__(self, names: Names) -> tuple[_Bounded, ...]:
        found: list[_Bounded] = []
        for place, patterns in enumerate(self._patterns):
            if all(
                any(map(pattern.fullmatch, map(folded, names.get(name, ()))))
                for name, pattern in patterns.items()
            ):
                found.append((place, self._ranges[place]))
                if self._ranges[place] is None:
                    break
        return tuple(found)


def _within(possible: Sequence[_Bounded], tokens_in: int, tokens_out: int) -> int | None:
    for place, ranges in possible:
        if ranges is None or all(
            not asked or (count > 0 and any(low <= count <= high for low, high in asked))
            for asked, count in zip(ranges, (tokens_in, tokens_out), strict=True)
        ):
            return place
    return None


def _pattern(globs: Sequence[str]) -> re.Pattern[str]:
    """One pattern for all globs; only `*` and `?` mean something, because names have brackets."""
    one_of = "|".join(
        "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in folded(glob))
        for glob in globs
    )
    return re.compile(one_of, re.DOTALL)


def _ranges(rule: Rule) -> _Ranges | None:
    first, second = (
        tuple(_range(name, word) for word in rule.conditions.get(name, ())) for name in BOUNDS
    )
    return (first, second) if first or second else None


def _range(name: str, word: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(word)
    if match is None or word == "..":
        raise InvalidRule(
            f'"{word}" is not a range of {name}.', hint="Write 100..500, ..500 or 1000.. instead."
        )
    low, high, only = match.groups()
    ends = (int(only), int(only)) if only else (int(low or 0), int(high or 10**12))
    if ends[0] > ends[1]:
        raise InvalidRule(f'"{word}" ends before it begins.', hint=f"Write {high}..{low}.")
    return ends
