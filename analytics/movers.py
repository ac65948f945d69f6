"""What carries a change: the largest steps by model, person, project and task.

The steps of each kind add up to the whole change to the micro-credit, those that are not named
in one row of others.  Credits that cannot be priced are on neither side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from analytics.breakdown import WORDS
from analytics.by_person import UNATTRIBUTED
from analytics.captions import caption
from analytics.figures import Mover, MoverFigure
from analytics.lines import REST
from analytics.measures import Comparison, gather_credits
from analytics.numbers import counted, credits_text
from analytics.query import Query
from analytics.report import Column, Group, Row, Table
from analytics.text import distinct
from storage.reading import Span

Kind = Literal["model", "person", "project", "task"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TITLES: Mapping[Kind, str] = {
    "model": "Models",
    "person": "People",
    "project": "Projects",
    "task": "Tasks",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Micro-credits of one id, or of all others, on both sides of a comparison."""

    key: int
    name: str
    before: int
    now: int

    @property
    def step(self) -> int:
        """How far it moved."""
        return self.now - self.before


@dataclass(frozen=True, slots=True)
class Sides:
    """Micro-credits by id now and before."""

    now: Mapping[int, int]
    before: Mapping[int, int]

    @property
    def keys(self) -> frozenset[int]:
        """Every id of either side."""
        return frozenset(self.now) | frozenset(self.before)

    def step(self, key: int) -> int:
        """How far an id moved."""
        return self.now.get(key, 0) - self.before.get(key, 0)

    def together(self, keys: Collection[int], name: str) -> Step:
        """Several ids as one."""
        sums = (sum(side.get(key, 0) for key in keys) for side in (self.before, self.now))
        return Step(REST, name, *sums)


def read_sides(query: Query, kind: Kind, compared: Comparison) -> Sides:
    """Both sides by one kind of id."""

    def read(span: Span) -> dict[int, int]:
        return gather_credits(query, kind, span)

    return Sides(read(compared.now), read(compared.before))


def movers(
    query: Query, kind: Kind, sides: Sides, *, most: int, folded: Collection[int] = ()
) -> list[Step]:
    """The largest steps, and all others in one last row; `folded` ids are always among those."""
    open_ = [key for key in sides.keys if sides.step(key) and key not in folded]
    ranked = sorted(open_, key=lambda key: (-abs(sides.step(key)), key))
    shown = ranked if len(ranked) <= most + 1 and not folded else ranked[:most]
    names = _names(query, kind, shown)
    steps = [
        Step(key, names[key], sides.before.get(key, 0), sides.now.get(key, 0)) for key in shown
    ]
    rest = sides.keys - set(shown)
    if not rest:
        return steps
    return [*steps, sides.together(rest, counted(len(rest), "other"))]


def _names(query: Query, kind: Kind, keys: Collection[int]) -> Mapping[int, str]:
    none = UNATTRIBUTED if kind == "person" else "" if kind == "model" else WORDS[kind].none
    known = query.reader.names(kind)
    return distinct({key: known.get(key) or none for key in keys})


def mover_table(kinds: Mapping[Kind, Sequence[Step]]) -> Table:
    """One group of rows a kind, each with the whole change as its subtotal."""
    rows: list[Row] = []
    groups: list[Group] = []
    for kind, steps in kinds.items():
        whole = Step(REST, "Total", sum(s.before for s in steps), sum(s.now for s in steps))
        rows += [_row(kind, step, whole) for step in steps]
        groups.append(Group(TITLES[kind], len(steps), _row(kind, whole, whole)))
    return Table(
        columns=(
            Column("kind", "By"),
            Column("name", "Name"),
            Column("previous", "Before", "credits"),
            Column("credits", "Credits", "credits"),
            Column("step", "Step", "credits"),
            Column("contribution", "Of the change", "rate"),
        ),
        rows=tuple(rows),
        groups=tuple(groups),
    )


def _row(kind: Kind, step: Step, whole: Step) -> Row:
    part = step.step / whole.step if whole.step else None
    return (TITLES[kind], step.name, step.before, step.now, step.step, part)


def mover_figure(query: Query, steps: Sequence[Step], title: str, words: str) -> MoverFigure:
    """Every step of one kind; what does not fit is folded by who draws it."""
    footer = caption(query)
    named = ", ".join(f"{step.name} {step_text(step.step)}" for step in steps[:3])
    return MoverFigure(
        title=title,
        subtitle=f"Credits more or less than in {words}, by model",
        footer=footer,
        alt=f"Bar chart of changes. {title}. {named}. {footer}.",
        movers=tuple(Mover(step.name, step.step) for step in steps if step.step),
    )


def step_text(step: int) -> str:
    """`+410`, `−20`, with a true minus sign."""
    return f"{'−' if step < 0 else '+'}{credits_text(abs(step))}"
