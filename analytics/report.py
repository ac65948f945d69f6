"""The one neutral shape every answer takes before a surface renders it.

Invariant: a report is a value; equal questions over equal data give equal reports.  Cells are
exact integers in the unit of their column, and unknown is None:

=============  =====================================================================
unit           cell
=============  =====================================================================
text           str; may come from outside, every renderer cleans and escapes it
count          int
credits        int, micro-credits
cost           int, billionths of `Column.currency`
share          int, whole per cent by largest remainder
multiplier     int, millionths
change         float, fraction of the previous value (0.08 is 8 % more), or "new"
moment         aware datetime
duration       int, milliseconds
=============  =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Unit = Literal[
    "text", "count", "credits", "cost", "share", "multiplier", "change", "moment", "duration"
]
Cell = str | int | float | datetime | None
Grain = Literal["hour", "day", "week", "month"]
Verb = Literal["ask", "csv", "share", "edit"]


@dataclass(frozen=True, slots=True)
class Period:
    """The stretch a report covers: half-open, aware, with the words the asker used."""

    start: datetime
    end: datetime
    zone: str
    label: str
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `key` is stable for programs, `title` is for people."""

    key: str
    title: str
    unit: Unit = "text"
    currency: str = ""


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A heading over the next `size` rows of a table, with their subtotal as a row of cells."""

    name: str
    size: int
    subtotal: Row


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.  `groups`, when given, cover the rows in order; `total` sums the rows.

    Everything that was asked is in `rows`; a row named by `others` (its index) sums the rest.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: Row | None = None
    groups: tuple[Group, ...] = ()
    others: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One named value."""

    key: str
    title: str
    value: Cell
    unit: Unit = "text"
    note: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Named values side by side."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A line of a tree: a name that may come from outside, our words about it, its children."""

    name: str
    detail: str = ""
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """The text form of a grouped answer; surfaces that show the figure leave it out."""

    title: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence beside the numbers.

    A "delta" stands under the headline, a "context" at the end, a "hint" says what to do next.
    """

    text: str
    role: Literal["delta", "context", "hint"] = "context"


@dataclass(frozen=True, slots=True)
class Button:
    """A line one click away: ask it, get it as CSV, share its answer, or edit it in a form."""

    label: str
    line: str
    verb: Verb = "ask"


@dataclass(frozen=True, slots=True)
class Actions:
    """A row of buttons."""

    buttons: tuple[Button, ...]


# ---- figures: charts as data, one class a kind.  Titles state the finding; every number in title,
# subtitle and alt text is computed from the figure's own rows.


@dataclass(frozen=True, slots=True)
class ModelBar:
    """A model's bar; `multiplier` is None when the catalogue has no price."""

    name: str
    credits: int
    multiplier: int | None
    priced: bool = True


@dataclass(frozen=True, slots=True)
class FamilyBars:
    """The bars of one family under its heading."""

    name: str
    credits: int
    share: int
    models: tuple[ModelBar, ...]


@dataclass(frozen=True, slots=True)
class ModelFigure:
    """Credits by model, grouped by family, largest family first and "Other" last."""

    title: str
    subtitle: str
    footer: str
    alt: str
    families: tuple[FamilyBars, ...]
    kind: Literal["by_model"] = "by_model"


@dataclass(frozen=True, slots=True)
class PersonBar:
    """A person's bar; `previous` draws the tick, None where there is nothing to compare."""

    name: str
    credits: int
    previous: int | None
    change: float | str | None
    per_prompt: int | None


@dataclass(frozen=True, slots=True)
class PersonFigure:
    """Credits by person, largest first; `others` sums the rest and has no bar."""

    title: str
    subtitle: str
    footer: str
    alt: str
    people: tuple[PersonBar, ...]
    others: PersonBar | None = None
    kind: Literal["by_person"] = "by_person"


@dataclass(frozen=True, slots=True)
class TimeBar:
    """One bucket; `credits` is None where nothing is known, `average` where it is not defined."""

    start: datetime
    label: str
    credits: int | None
    average: int | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class TimelineFigure:
    """Credits per bucket; `peak` is the index of the largest complete bucket."""

    title: str
    subtitle: str
    footer: str
    alt: str
    grain: Grain
    bars: tuple[TimeBar, ...]
    peak: int | None = None
    average_label: str = ""
    kind: Literal["timeline"] = "timeline"


Figure = ModelFigure | PersonFigure | TimelineFigure
Block = Facts | Table | ModelFigure | PersonFigure | TimelineFigure | Tree | Note | Actions


@dataclass(frozen=True, slots=True)
class Report:
    """An answer: what was asked (`line` repeats it exactly), when, and its blocks in order.

    `headline` is the finding in one sentence, also the notification text.  `narrowed` names the
    chosen filters.  `data_to` is the time of the newest usage the answer can know.
    """

    title: str
    headline: str
    blocks: tuple[Block, ...]
    period: Period | None = None
    line: str = ""
    as_of: datetime | None = None
    narrowed: str = ""
    data_to: datetime | None = None

    @property
    def figure(self) -> Figure | None:
        """The chart of this answer; there is at most one."""
        kinds = (ModelFigure, PersonFigure, TimelineFigure)
        return next((block for block in self.blocks if isinstance(block, kinds)), None)

    def without(self, verb: Verb) -> Report:
        """This report without the buttons of one verb."""
        blocks = (
            Actions(tuple(button for button in block.buttons if button.verb != verb))
            if isinstance(block, Actions)
            else block
            for block in self.blocks
        )
        return replace(self, blocks=tuple(blocks))
