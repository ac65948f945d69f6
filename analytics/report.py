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
duration       int or float, milliseconds
rate           float, fraction of the whole (0.961 is 96.1 %)
rating         float, mean of 1 to 5 stars
speed          float, tokens a second
factor         float, times as much (1.4 is 1.4 times)
=============  =====================================================================

Who asks sees every block.  Of a report that nobody asked for, blocks with `is_detail` go into the
thread below the post.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from analytics.figures import Chart, Figure

Unit = Literal[
    "text",
    "count",
    "credits",
    "cost",
    "share",
    "multiplier",
    "change",
    "moment",
    "duration",
    "rate",
    "rating",
    "speed",
    "factor",
]
Cell = str | int | float | datetime | None
Form = Literal["csv", "json", "pdf", "png"]
Theme = Literal["light", "dark"]
FORMS: tuple[Form, ...] = get_args(Form)
TEST = "TEST: "
Verb = Literal["ask", "do", "csv", "json", "pdf", "png", "share", "edit"]


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
    """A column of a table; `key` is stable for programs, `title` is for people.

    One that is `whole` is never cut: what has no room beside the others goes on below.
    """

    key: str
    title: str
    unit: Unit = "text"
    currency: str = ""
    whole: bool = False


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
    is_detail: bool = False

    @property
    def names_people(self) -> bool:
        """Whether some row is about one person, by its column or by the kind that it says."""
        keys = [column.key for column in self.columns]
        kinds = {row[keys.index("kind")] for row in self.rows} if "kind" in keys else set()
        words = {str(kind).partition(",")[0] for kind in kinds}  # `person, weekly` of budgets
        return "person" in keys or not words.isdisjoint(("person", "People"))


@dataclass(frozen=True, slots=True)
class Fact:
    """One named value; of a name of somebody or something, `spent` are its micro-credits."""

    key: str
    title: str
    value: Cell
    unit: Unit = "text"
    note: str = ""
    currency: str = ""
    spent: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Named values side by side."""

    facts: tuple[Fact, ...]
    is_detail: bool = False

    @property
    def names_people(self) -> bool:
        """Whether one of them is about one person."""
        return any(fact.key == "top_person" for fact in self.facts)


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
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence beside the numbers.

    A "delta" stands under the headline, a "context" at the end, a "hint" says what to do next.
    """

    text: str
    role: Literal["delta", "context", "hint"] = "context"
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A line one click away: ask it, do it (once), get it as a file, share it, or edit it.

    What is done changes something; its line belongs to a command that does.
    """

    label: str
    line: str
    verb: Verb = "ask"


@dataclass(frozen=True, slots=True)
class Actions:
    """A row of buttons."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Renewal:
    """An answer about now: where it can be changed, it is asked again every `every` seconds.

    That ends after `lasts` seconds.
    """

    every: float
    lasts: float


Block = Facts | Table | Figure | Tree | Note | Actions


def is_detail(block: Block) -> bool:
    """Whether a block is for who wants to know more: of a post it goes into the thread."""
    return isinstance(block, (Facts, Table, Tree, Note)) and block.is_detail


@dataclass(frozen=True, slots=True)
class Export:
    """A file that goes along with an answer: what `line` says, in a form."""

    form: Form
    line: str


@dataclass(frozen=True, slots=True)
class Report:
    """An answer: what was asked (`line` repeats it exactly), when, and its blocks in order.

    `headline` is the finding in one sentence, also the notification text.  `narrowed` names the
    chosen filters.  `data_to` is up to when the answer can know usage.  A surface that
    shows a report with an `export` sends that file.  `theme` is what the asker prefers.  One that
    `is_past` is struck through where a surface can; one with `own_buttons` is given no others.
    """

    title: str
    headline: str
    blocks: tuple[Block, ...]
    period: Period | None = None
    line: str = ""
    as_of: datetime | None = None
    narrowed: str = ""
    data_to: datetime | None = None
    renews: Renewal | None = None
    export: Export | None = None
    theme: Theme | None = None
    is_past: bool = False
    own_buttons: bool = False

    @property
    def figure(self) -> Figure | None:
        """The chart of this answer; there is at most one."""
        return next((block for block in self.blocks if isinstance(block, Chart)), None)

    @property
    def names_people(self) -> bool:
        """Whether some row or fact of it is about one person."""
        return any(block.names_people for block in self.blocks if isinstance(block, (Table, Facts)))

    @property
    def post(self) -> Report:
        """What everybody sees of a report that nobody asked for: all but its details."""
        return replace(self, blocks=tuple(block for block in self.blocks if not is_detail(block)))

    @property
    def thread(self) -> Report | None:
        """The details alone, for a reply to the post; None where there are none."""
        details = tuple(block for block in self.blocks if is_detail(block))
        if not details:
            return None
        mark = TEST if self.title.startswith(TEST) else ""
        headline = f"{mark}Details: {self.title.removeprefix(TEST)}"
        return replace(self, headline=headline, blocks=details, export=None)

    @property
    def as_test(self) -> Report:
        """This report marked as a test in its first and last words and its picture, only once."""
        if self.headline.startswith(TEST):
            return self
        return replace(
            self,
            title=f"{TEST}{self.title}",
            headline=f"{TEST}{self.headline}",
            blocks=(
                *(_tested(block) if isinstance(block, Chart) else block for block in self.blocks),
                Note(f"{TEST}sent by hand to see it arrive, it counts for nothing."),
            ),
        )

    def without(self, verb: Verb) -> Report:
        """This report without the buttons of one verb."""
        blocks = (
            Actions(tuple(button for button in block.buttons if button.verb != verb))
            if isinstance(block, Actions)
            else block
            for block in self.blocks
        )
        return replace(self, blocks=tuple(blocks))


def _tested(figure: Figure) -> Figure:
    """A picture is passed on without its message: it says itself that it is a test."""
    return replace(figure, title=f"{TEST}{figure.title}", alt=f"{TEST}{figure.alt}")
