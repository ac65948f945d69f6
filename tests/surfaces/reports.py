"""Reports for tests of surfaces: a few made by hand, and hypothesis strategies for any other.

Tables repeat one generated row instead of generating many: a broken limit then shrinks in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar, get_args
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

import bot.commands  # noqa: F401  # registers every command
from analytics.figures import (
    FamilyBars,
    Figure,
    ModelBar,
    ModelFigure,
    PersonBar,
    PersonFigure,
    TimeBar,
    TimelineFigure,
)
from analytics.report import (
    Actions,
    Block,
    Button,
    Cell,
    Column,
    Fact,
    Facts,
    Group,
    Node,
    Note,
    Period,
    Report,
    Row,
    Table,
    Tree,
    Unit,
)
from bot.registry import COMMANDS

# Every command that answers everybody in words: a file is said otherwise on each platform, only
# people whose usage is known can rate, a grant can be removed once, a raise is free once, an
# alert is seen or put off once, a test has its own number, a route or digest is that of a channel,
# a digest is skipped or ended once, a purchase is decided once.
SILENT = (
    "export",
    "rate",
    "grants remove",
    "budget raise",
    "alerts ack",
    "alerts snooze",
    "alerts test",
    "alerts here",
    "alerts route",
    "alerts off",
    "alerts quiet",
    "purchase approve",
    "purchase decline",
    "purchase test",
    "digest subscribe",
    "digest skip",
    "digest test",
    "digest unsubscribe",
    "digest history",
)
SPOKEN = [command for command in COMMANDS.values() if command.name not in SILENT]
MICRO = 1_000_000
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 30, 14, 10, tzinfo=ZONE)
MARCH = Period(
    start=datetime(2026, 3, 1, tzinfo=ZONE),
    end=datetime(2026, 3, 31, tzinfo=ZONE),
    zone="Europe/Berlin",
    label="last 30d",
    partial=True,
)


# ---- made by hand

MODEL_TABLE = Table(
    columns=(
        Column("model", "Model"),
        Column("multiplier", "Multiplier", "multiplier"),
        Column("prompts", "Prompts", "count"),
        Column("credits", "Credits", "credits"),
        Column("share", "Share", "share"),
        Column("change", "Change", "change"),
    ),
    rows=(
        ("GPT-4o", 2 * MICRO, 2450, 4900 * MICRO, 47, 0.06),
        ("GPT-3.5 Turbo", 300_000, 800, 240 * MICRO, 2, -0.11),
        ("Claude 3.7 Sonnet", 2_500_000, 1100, 2750 * MICRO, 27, "new"),
        ("5 others", None, 2650, 2_500_500_001, 24, None),
    ),
    total=("Total", None, 7000, 10_390_500_001, 100, 0.08),
    groups=(
        Group("ChatGPT", 2, (None, None, 3250, 5140 * MICRO, 49, None)),
        Group("Other", 2, (None, None, 3750, 5_250_500_001, 51, None)),
    ),
    others=3,
)
MODEL_TREE = Tree(
    "Model Usage (Last 30 Days)",
    (
        Node(
            "ChatGPT Models",
            children=(
                Node("GPT-4o (2x)", "2,450 prompts (4,900 credits used)"),
                Node("GPT-3.5 Turbo", "(0.3x): 800 prompts (240 credits used)"),
            ),
        ),
        Node("Other Models", "Llama 3.3 70B (1x), DeepSeek V3 (1x), All Others"),
        Node("Total Credits Used", "10,390"),
    ),
)
MODEL_FIGURE = ModelFigure(
    title="GPT-4o takes 47% of 10,390 credits",
    subtitle="Credits by model",
    footer="1–30 Mar 2026 · Europe/Berlin",
    alt="Bar chart. GPT-4o takes 47% of 10,390 credits.",
    families=(
        FamilyBars("ChatGPT", 5140 * MICRO, 49, (ModelBar("GPT-4o", 4900 * MICRO, 2 * MICRO),)),
    ),
)
PERSON_FIGURE = PersonFigure(
    title="Sarah used most",
    subtitle="Credits by person",
    footer="1–30 Mar 2026 · Europe/Berlin",
    alt="Bar chart. Sarah 2,650 credits.",
    people=(PersonBar("Sarah", 2650 * MICRO, 2 * MICRO, "new", 1_700_000),),
)
TIMELINE = TimelineFigure(
    title="GPT-4o takes 47% of 10,390 credits",
    subtitle="Credits by model",
    footer="1–30 Mar 2026 · Europe/Berlin",
    alt="Bar chart. GPT-4o takes 47% of 10,390 credits.",
    grain="week",
    bars=(
        TimeBar(MARCH.start, "Week 1", 2850 * MICRO),
        TimeBar(MARCH.start + timedelta(days=7), "Week 2", 3100 * MICRO, 2975 * MICRO),
        TimeBar(MARCH.start + timedelta(days=14), "Week 3", None),
        TimeBar(MARCH.start + timedelta(days=21), "Week 10", 400_000, partial=True),
    ),
    peak=1,
)
PEAKS = Facts(
    (
        Fact("peak_day", "Peak Day", "March 15", note="485 credits"),
        Fact("spent", "Spent", 12_400_000_000, "cost", currency="USD"),
    )
)
BUTTONS = (
    Button("7d", "by-model last 7d"),
    Button("Export CSV", "by-model last 30d", "csv"),
    Button("Share", "by-model last 30d", "share"),
)


def answer(
    *blocks: Block, headline: str = "10,390 credits on 8 models; GPT-4o takes 47%"
) -> Report:
    """An answer about March in the usual frame."""
    return Report("By model", headline, blocks, MARCH, "by-model last 30d", NOW, data_to=NOW)


BY_MODEL = answer(
    Note("▲ 8% on the previous 30 days (9,620)", "delta"),
    MODEL_FIGURE,
    MODEL_TABLE,
    MODEL_TREE,
    PEAKS,
    Note("All people", "context"),
    Note("See `by-user` for who", "hint"),
    Actions(BUTTONS),
)
TIMELINE_ALONE = answer(TIMELINE, Actions(BUTTONS))
EMPTY = answer(Table(MODEL_TABLE.columns, ()), headline="No usage in this range")
MISTAKE = Report(
    title="I don't know the command 'by-usr'.",
    headline="I don't know the command 'by-usr'.",
    blocks=(Note("Did you mean `by-user`? `help` lists every command.", "hint"),),
)
SAMPLES = (BY_MODEL, TIMELINE_ALONE, EMPTY, MISTAKE, answer(PERSON_FIGURE, PEAKS))


def values_of(report: Report) -> dict[Button, str]:
    """What each button of a report carries."""
    return {button: f"{button.verb}:{button.line}" for button in buttons_of(report)}


def buttons_of(report: Report) -> Iterator[Button]:
    """The buttons of a report in order."""
    for block in report.blocks:
        if isinstance(block, Actions):
            yield from block.buttons


# ---- any other

HOSTILE = (
    "<!channel>", "<@U123>", "<#C1>", "<https://evil.example|billing>", "@everyone", "@here",
    "<@123456789012345678>", "<@&123456789012345678>", "</pay:1>", "<t:1:R>", "<a:x:1>", ":smile:",
    "[pay](http://evil.example)", "https://evil.example", "discord.gg/evil", "www.evil.example",
    "```", "``", "`", "`x`", "\\", "\\\\`", "*", "**", "__", "~~", "||", "\n", "\r\n", "# ", "> ",
    "- ", "1. ", "-# ", "=1+1", "+1", "-1", "@SUM(A1)", "|calc", "%0a", "＝1", "\t=1", "&", "&lt;",
    '"', ",", ";", "'", "\x1b[31m", "\x00", "\u202e", "\u200b", "\ud800", "\u2028", "e\u0301\u0301",
    "日本語", "👩\u200d🚀", "ﷺ", " ", "a", "gpt-4o",
)  # fmt: skip
TEXTS = st.builds(
    lambda parts, times: "".join(parts) * times,
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.characters()), max_size=8),
    st.sampled_from((1, 1, 1, 60)),
)
AMOUNTS = st.integers(-(10**18), 10**18)
COUNTS = st.sampled_from((0, 1, 3, 120))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(ZONE))  # noqa: DTZ001  # the zone comes beside it
UNITS: tuple[Unit, ...] = get_args(Unit)


def cells(unit: Unit) -> st.SearchStrategy[Cell]:
    """What may stand in a column of a unit."""
    known: st.SearchStrategy[Cell] = AMOUNTS
    if unit == "text":
        known = TEXTS
    elif unit == "moment":
        known = MOMENTS
    elif unit == "change":
        known = st.one_of(st.just("new"), st.floats(-1, 1000, allow_nan=False))
    return st.one_of(st.none(), known)


def rows_like(columns: tuple[Column, ...]) -> st.SearchStrategy[Row]:
    """A row of cells for the columns."""
    return st.tuples(*(cells(column.unit) for column in columns))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """A table of up to 25 columns and 120 equal rows, with or without groups and totals."""
    units = draw(st.lists(st.sampled_from(UNITS), min_size=1, max_size=25))
    title, currency = draw(TEXTS), draw(st.sampled_from(("", "USD", "<@U1>")))
    columns = tuple(Column(f"c{i}", title, unit, currency) for i, unit in enumerate(units))
    like = rows_like(columns)
    rows = (draw(like),) * draw(COUNTS)
    cut = draw(st.integers(0, len(rows)))
    groups = (
        Group(draw(TEXTS), cut, draw(like)),
        Group(draw(TEXTS), len(rows) - cut, draw(like)),
    )
    return Table(
        columns,
        rows,
        total=draw(st.one_of(st.none(), like)),
        groups=draw(st.sampled_from(((), groups))),
        others=draw(st.sampled_from((None, len(rows) - 1))) if rows else None,
    )


@st.composite
def summed_tables(draw: st.DrawFn) -> Table:
    """A table whose total is the sum of its credits."""
    amounts = draw(st.lists(st.integers(0, 10**15), max_size=20))
    columns = (Column("model", "Model"), Column("credits", "Credits", "credits"))
    rows = tuple((draw(TEXTS), amount) for amount in amounts)
    return Table(columns, rows, total=("Total", sum(amounts)))


Value = TypeVar("Value")


def repeated(part: st.SearchStrategy[Value]) -> st.SearchStrategy[tuple[Value, ...]]:
    """One value, many times."""
    return st.builds(lambda value, times: (value,) * times, part, COUNTS)


def facts() -> st.SearchStrategy[Facts]:
    """Equal facts side by side, of any unit."""
    one = st.sampled_from(UNITS).flatmap(
        lambda unit: st.builds(Fact, st.just("key"), TEXTS, cells(unit), st.just(unit), TEXTS)
    )
    return st.builds(Facts, repeated(one))


def trees() -> st.SearchStrategy[Tree]:
    """A tree of two levels."""
    leaf = st.builds(Node, TEXTS, TEXTS)
    branch = st.builds(Node, TEXTS, TEXTS, st.tuples(leaf, leaf))
    return st.builds(Tree, TEXTS, repeated(branch))


def figures() -> st.SearchStrategy[Figure]:
    """A chart of any kind."""
    known = st.integers(0, 10**15)
    maybe = st.one_of(st.none(), known)
    bar = st.builds(TimeBar, MOMENTS, TEXTS, maybe, maybe, st.booleans())
    words = (TEXTS, TEXTS, TEXTS, TEXTS)
    model = st.builds(ModelBar, TEXTS, known, maybe)
    family = st.builds(FamilyBars, TEXTS, known, st.integers(0, 100), st.tuples(model))
    person = st.builds(PersonBar, TEXTS, known, maybe, st.sampled_from((None, "new", 0.5)), maybe)
    return st.one_of(
        st.builds(ModelFigure, *words, repeated(family)),
        st.builds(PersonFigure, *words, repeated(person), st.one_of(st.none(), person)),
        st.builds(TimelineFigure, *words, st.just("day"), repeated(bar)),
    )


def actions() -> st.SearchStrategy[Actions]:
    """Buttons whose lines differ."""
    numbered = st.builds(
        lambda button, times: tuple(
            replace(button, line=f"{i} {button.line}") for i in range(times)
        ),
        st.builds(Button, TEXTS, TEXTS, st.sampled_from(("ask", "csv", "share", "edit"))),
        st.sampled_from((0, 1, 5, 40)),
    )
    return st.builds(Actions, numbered)


def blocks() -> st.SearchStrategy[tuple[Block, ...]]:
    """Blocks of every kind in any order; at most one chart."""
    note = st.builds(Note, TEXTS, st.sampled_from(("delta", "context", "hint")))
    parts = st.lists(st.one_of(note, tables(), facts(), trees(), actions()), max_size=6)
    chart = st.one_of(st.none(), figures())
    return st.builds(lambda some, one: (*some, *([one] if one else [])), parts, chart)


def everywhere(text: str) -> Report:
    """A report that holds one text in each place where text may stand, in a wide table too."""
    columns = tuple(Column(f"c{i}", text, "text", text) for i in range(22))
    row: Row = (text,) * len(columns)
    narrow = (Column("model", text), Column("cost", text, "cost", text))
    return Report(
        title=text,
        headline=text,
        blocks=(
            *(Note(text, role) for role in ("delta", "context", "hint")),
            Table(narrow, ((text, 1),) * 120, (text, 120), (Group(text, 120, (text, 120)),)),
            Table(columns, (row,) * 5, row, others=4),
            Facts((Fact("key", text, text, note=text),)),
            Tree(text, (Node(text, text, (Node(text, text),)),)),
            Actions((Button(text, text), Button(text, text, "csv"))),
            TimelineFigure(text, text, text, text, "day", (TimeBar(NOW, text, 1),)),
        ),
        period=MARCH,
        line=text,
        as_of=NOW,
        narrowed=text,
        data_to=NOW,
    )


def reports() -> st.SearchStrategy[Report]:
    """Any report."""
    return st.one_of(mixed_reports(), st.builds(everywhere, TEXTS))


def mixed_reports() -> st.SearchStrategy[Report]:
    """Reports of any blocks in any order."""
    return st.builds(
        Report,
        title=TEXTS,
        headline=TEXTS,
        blocks=blocks(),
        period=st.sampled_from((None, MARCH)),
        narrowed=st.one_of(st.just(""), TEXTS),
        line=st.one_of(st.just(""), TEXTS),
        as_of=st.one_of(st.none(), MOMENTS),
        data_to=st.one_of(st.none(), MOMENTS),
    )
