"""Charts as data, one class a kind: what a picture shows, without a word about how it is drawn.

Invariant: titles state the finding, and every number in title, subtitle and alt text is computed
from the figure's own values.  `UNITS` says what the integers of a field are; unknown is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal

Grain = Literal["hour", "day", "week", "month"]
# Fields that hold micro-credits or millionths; every other number is what it says it is.
UNITS: Mapping[str, Literal["credits", "multiplier"]] = {
    "credits": "credits",
    "previous": "credits",
    "compared": "credits",
    "per_prompt": "credits",
    "average": "credits",
    "limit": "credits",
    "used": "credits",
    "low": "credits",
    "middle": "credits",
    "high": "credits",
    "parts": "credits",
    "cells": "credits",
    "step": "credits",
    "multiplier": "multiplier",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """The words around every picture; `footer` names range, zone, freshness and filter."""

    kind: ClassVar[str] = ""

    title: str
    subtitle: str
    footer: str
    alt: str


# ---- who and what


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
class ModelFigure(Chart):
    """Credits by model, grouped by family, largest family first and "Other" last."""

    kind: ClassVar[str] = "by_model"

    families: tuple[FamilyBars, ...]


@dataclass(frozen=True, slots=True)
class PersonBar:
    """A person's bar; `previous` draws the tick, None where there is nothing to compare.

    `compared` are those of its credits that stand against the tick, all where None; the rest of a
    running range is drawn pale.
    """

    name: str
    credits: int
    previous: int | None
    change: float | str | None
    per_prompt: int | None
    compared: int | None = None


@dataclass(frozen=True, slots=True)
class PersonFigure(Chart):
    """Credits by person, largest first; `others` sums the rest and has no bar."""

    kind: ClassVar[str] = "by_person"

    people: tuple[PersonBar, ...]
    others: PersonBar | None = None


@dataclass(frozen=True, slots=True)
class TierPart:
    """A multiplier tier with its two shares, whole per cent that add up to 100 over the parts.

    `tier` is premium, standard, economy or unknown, which colours it; `label` is shown.
    """

    tier: str
    label: str
    prompts: int
    credits: int | None
    prompt_share: int
    share: int


@dataclass(frozen=True, slots=True)
class TierFigure(Chart):
    """Share of prompts against share of credits by tier: two stacked bars, joined."""

    kind: ClassVar[str] = "tiers"

    tiers: tuple[TierPart, ...]


@dataclass(frozen=True, slots=True)
class SplitRow:
    """A stacked bar: credits in `parts`, in the order of the figure's `tiers`."""

    name: str
    credits: int
    share: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SplitFigure(Chart):
    """Credits by task (or another label), each bar split by tier; shares stand at the ends.

    `tiers` are keys as in `TierPart.tier`, which colour the parts; `labels` their words, if there
    is more to say than the key.
    """

    kind: ClassVar[str] = "use_cases"

    tiers: tuple[str, ...]
    rows: tuple[SplitRow, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mover:
    """What rose or fell, by how many micro-credits."""

    name: str
    step: int


@dataclass(frozen=True, slots=True)
class MoverFigure(Chart):
    """The largest contributions to a change, to both sides of a middle line."""

    kind: ClassVar[str] = "movers"

    movers: tuple[Mover, ...]


# ---- when


@dataclass(frozen=True, slots=True)
class TimeBar:
    """One bucket; `credits` is None where nothing is known, `average` where it is not defined."""

    start: datetime
    label: str
    credits: int | None
    average: int | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class TimelineFigure(Chart):
    """Credits per bucket; `peak` is the index of the largest complete bucket."""

    kind: ClassVar[str] = "timeline"

    grain: Grain
    bars: tuple[TimeBar, ...]
    peak: int | None = None
    average_label: str = ""


@dataclass(frozen=True, slots=True)
class HeatFigure(Chart):
    """Average credits an hour: seven rows of 24, Monday first, local hours; None is no data."""

    kind: ClassVar[str] = "heat"

    cells: tuple[tuple[int | None, ...], ...]
    peak: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A line through buckets; `values` are None where nothing is known."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class LineFigure(Chart):
    """Up to four measures over the same buckets, in one unit that the axis names.

    Values are credits, seconds, per cent from 0 to 100, or counts as they are, never micro-credits.
    """

    kind: ClassVar[str] = "lines"

    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: Literal["credits", "seconds", "percent", "count"]


# ---- will it last


@dataclass(frozen=True, slots=True)
class Band:
    """Where a month is expected to end: the 80 % range and, unless it is too early, the point."""

    low: int
    middle: int | None
    high: int


@dataclass(frozen=True, slots=True)
class BudgetFigure(Chart):
    """Use added up over a period of `days` from `start`: one value a day so far, the last is now.

    Without a `limit` there are no threshold lines, without `forecast` no band.  `marks` are further
    lines, of so many micro-credits, each with what it says.  `falls` is the day
    in the period on which a raise of the limit is over, with the limit from then on.
    """

    kind: ClassVar[str] = "budget"

    start: date
    days: int
    used: tuple[int, ...]
    limit: int | None = None
    thresholds: tuple[int, ...] = ()
    marks: tuple[tuple[int, str], ...] = ()
    forecast: Band | None = None
    falls: tuple[date, int] | None = None


# ---- how well


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Typical and slow response time of a model, person or hour; `p95_ms` needs 20 values."""

    name: str
    p50_ms: float
    p95_ms: float | None
    n: int
    marked: bool = False


@dataclass(frozen=True, slots=True)
class LatencyFigure(Chart):
    """Response times: filled is typical, hollow is slower than 19 of 20; fastest first."""

    kind: ClassVar[str] = "latency"

    rows: tuple[LatencyRow, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A model: what a prompt costs against how good it is; marked ones rest on few prompts."""

    name: str
    family: str
    per_prompt: int
    value: float
    prompts: int
    efficient: bool
    marked: bool = False


@dataclass(frozen=True, slots=True)
class FrontierFigure(Chart):
    """Quality against credits a prompt; a step line joins the efficient ones.

    `value` is a rating from 1 to 5, or a success rate from 0 to 1.
    """

    kind: ClassVar[str] = "frontier"

    axis: Literal["rating", "success"]
    dots: tuple[Dot, ...]


# ---- all at a glance


@dataclass(frozen=True, slots=True)
class Tile:
    """A number with its name above and a note below, all as text."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TopRow:
    """A row of a short list; `family` colours its bar, "" takes the accent."""

    name: str
    credits: int
    family: str = ""


@dataclass(frozen=True, slots=True)
class TopList:
    """A heading, a few rows and the sum of the rest, which has no bar."""

    heading: str
    rows: tuple[TopRow, ...]
    others: TopRow | None = None


@dataclass(frozen=True, slots=True)
class DayStrip:
    """Credits of each day from `start` on; None is before the first usage of all.

    Those from the index `marked` on are the period's, the others what came before it.
    """

    heading: str
    start: date
    credits: tuple[int | None, ...]
    marked: int


@dataclass(frozen=True, slots=True)
class DashboardFigure(Chart):
    """A period at a glance: tiles, its burn-up or else its days, and up to two short lists.

    `subtitle` is dates.
    """

    kind: ClassVar[str] = "dashboard"

    tiles: tuple[Tile, ...]
    burn_up: BudgetFigure | None
    lists: tuple[TopList, ...]
    days: DayStrip | None = None


Figure = (
    ModelFigure
    | PersonFigure
    | TierFigure
    | SplitFigure
    | MoverFigure
    | TimelineFigure
    | HeatFigure
    | LineFigure
    | BudgetFigure
    | LatencyFigure
    | FrontierFigure
    | DashboardFigure
)
