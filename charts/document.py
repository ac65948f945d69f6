"""A printed document as data: pages of parts, every number a text already.

Invariant: parts say what is shown, never where; `charts.pages` puts them on paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.figures import Figure, Tile

LineKind = Literal["row", "group", "others", "total"]


@dataclass(frozen=True, slots=True)
class Opening:
    """The words a document begins with: what it is, its finding, and notes below."""

    kicker: str
    headline: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tiles:
    """A few numbers side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart without its footer: the page says the same at its foot."""

    figure: Figure


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of a table; others and the total stay however little room there is."""

    kind: LineKind
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """A table in words; `right` says which columns stand to the right.

    Rows that have no room on the page are counted, with `rest` saying where they are.
    """

    title: str
    heads: tuple[str, ...]
    right: tuple[bool, ...]
    lines: tuple[TableLine, ...]
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Sentences:
    """A heading and sentences, each with a point before it where `points`."""

    title: str
    texts: tuple[str, ...]
    points: bool = False


Part = Opening | Tiles | Picture | PrintedTable | Sentences


@dataclass(frozen=True, slots=True)
class Page:
    """Parts from top to bottom under a title; what finds no room moves to a further page."""

    parts: tuple[Part, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """Pages with a footer that stands on each of them, and what a reader's program shows."""

    title: str
    subject: str
    footer: str
    pages: tuple[Page, ...]
