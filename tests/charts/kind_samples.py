"""Sample figures of the kinds after the first three, ordinary and extreme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

from analytics.figures import (
    Band,
    BudgetFigure,
    DashboardFigure,
    DayStrip,
    Dot,
    Figure,
    FrontierFigure,
    HeatFigure,
    LatencyFigure,
    LatencyRow,
    LineFigure,
    Mover,
    MoverFigure,
    Series,
    SplitFigure,
    SplitRow,
    TierFigure,
    TierPart,
    Tile,
    TopList,
    TopRow,
)
from analytics.numbers import credits_text, shares

MICRO = 1_000_000
NAMES = (
    "Aleksandra Wiśniewska-Brzęczyszczykiewicz and a long name",
    "Aleksandra Wiśniewska-Brzęczyszczykiewicz and a longer name",
    "王小明 (Xiaoming) 的一个非常长的名字 非常长的名字",
    "محمد عبد الله بن عبد العزيز",
    "W" * 200,
    "\u202egro.moc@evil",
    "",
    "$$x$$ 👩\u200d🚀",
)
FOOTER = "1–31 Mar 2026 · Europe/Berlin · data to 24 Mar 18:00"


def micro(amount: float) -> int:
    return round(amount * MICRO)


# ---- budget

SPENT = (
    90, 580, 1100, 1000, 850, 520, 200, 150, 840, 870, 990, 950, 800, 200, 180,
    860, 900, 1290, 830, 740, 170, 240, 440, 440,
)  # fmt: skip


def budget_figure(
    spent: Sequence[float],
    limit: float | None = None,
    end: tuple[float, float, float] | None = None,
    *,
    days: int = 31,
    thresholds: tuple[int, ...] = (75, 90, 100),
    title: str = "",
) -> BudgetFigure:
    """Credits of each day so far; `end` is the expected total as (low, middle, high)."""
    used = [sum(map(micro, spent[:day])) for day in range(1, len(spent) + 1)]
    total = credits_text(used[-1] if used else 0)
    title = title or f"{total} used" + ("" if limit is None else f" of {limit:,.0f}")
    return BudgetFigure(
        title,
        "76% used with 77% of the month gone. Band = 80% range",
        FOOTER,
        f"Line chart. {title}.",
        start=date(2026, 3, 1),
        days=days,
        used=tuple(used),
        limit=None if limit is None else micro(limit),
        thresholds=() if limit is None else thresholds,
        forecast=Band(*map(micro, end)) if end else None,
    )


def budgets() -> dict[str, Figure]:
    """Budgets by name."""
    return {
        "budget": budget_figure(SPENT, 20000, (19060, 19500, 19940)),
        "raised_budget": replace(
            budget_figure(SPENT, 22500, (19060, 19500, 19940)),
            falls=(date(2026, 3, 28), micro(20000)),
        ),
        "unlimited": budget_figure(SPENT, None, (18000, 19500, 21500)),
        "over_budget": budget_figure([v * 1.6 for v in SPENT], 20000, (29000, 31000, 34000)),
        "far_over_budget": budget_figure([v * 40 for v in SPENT], 2000, (8e5, 9e5, 9.8e5)),
        "first_day": budget_figure([430], 20000, (9000, 14000, 26000)),
        "too_early": replace(
            budget_figure([430, 90], 20000, (9000, 0, 26000)),
            forecast=Band(micro(9000), None, micro(26000)),
        ),
        "finished_month": budget_figure([*SPENT, 900, 950, 870, 210, 180, 760, 640], 20000),
        "far_under_budget": budget_figure([1] * 9, 20000, (25, 31, 40)),
        "budget_of_a_week": budget_figure([90, 580, 1100], 5000, (3900, 4300, 5200), days=7),
        "budget_of_a_year": budget_figure([60] * 200, 20000, (18000, 21900, 24000), days=365),
        "budget_of_a_day": budget_figure([60], 100, days=1),
        "huge_budget": budget_figure([4e7] * 20, 1e9, (1.1e9, 1.24e9, 1.4e9)),
        "unused_budget": budget_figure([0] * 6, 20000),
        "budget_of_nothing": budget_figure([3, 4], 0, (20, 30, 90)),
        "many_thresholds": budget_figure(
            SPENT,
            20000,
            (19060, 19500, 19940),
            thresholds=(50, 60, 70, 75, 80, 85, 90, 95, 100, 120),
        ),
        "no_budget_yet": budget_figure([], None, title="Nothing yet"),
        "no_limit_nothing_used": budget_figure([0, 0], None, title="Nothing used"),
    }


# ---- response times

TIMES = (
    ("Claude 3 Haiku", 700, 1900, 480),
    ("Claude 3.7 Sonnet", 1600, 3800, 1100),
    ("GPT-4 Turbo", 2100, 5200, 1200),
    ("GPT-4o", 2700, 6400, 2450),
    ("Llama 3.3 70B", 2900, 6100, 400),
    ("o3 mini", 3600, 8200, 90),
)
Time = tuple[str, float, float | None, int]


def latency_figure(rows: Sequence[Time], title: str = "") -> LatencyFigure:
    """Rows of (name, p50 in ms, p95 in ms, prompts); under 30 prompts a row is marked."""
    title = title or f"Response times of {len(rows)} models"
    return LatencyFigure(
        title,
        "Response time by model, successful prompts",
        FOOTER,
        f"Dot plot. {title}.",
        tuple(LatencyRow(name, p50, p95, n, n < 30) for name, p50, p95, n in rows),
    )


def latencies() -> dict[str, Figure]:
    """Response times by name."""
    return {
        "times": latency_figure(TIMES, "Claude 3 Haiku answers 5× faster than o3 mini"),
        "one_time": latency_figure([("Claude 3 Haiku", 700, None, 4)]),
        "fast_times": latency_figure([("a", 3, 9, 400), ("b", 80, 240, 50), ("c", 90, 90, 40)]),
        "slow_times": latency_figure([("a", 40, 60, 90), ("b", 5e5, 1e9, 80), ("c", 1e8, None, 9)]),
        "times_of_nothing": latency_figure([("a", 0, 0, 90)]),
        "times_of_hours": latency_figure(
            [
                (f"{hour}:00", 900 + 90 * (hour % 12), 2400 + 500 * (hour % 7), 80)
                for hour in range(24)
            ]
        ),
        "times_of_sixty": latency_figure(
            [(f"model-{i}-2026-03-{i:02}", 300 + 55 * i, 900 + 130 * i, 9 * i) for i in range(60)]
        ),
        "times_of_nasty": latency_figure(
            [(name, 700.0 * (i + 1), 1900.0 * (i + 1), 500) for i, name in enumerate(NAMES)]
        ),
        "no_times": latency_figure([], "No response times"),
    }


# ---- hours of the week

HOURS = (
    0.2,
    0,
    0,
    0,
    0.1,
    0.3,
    1.4,
    4,
    12,
    41,
    55,
    57,
    33,
    46,
    63,
    54,
    42,
    23,
    10,
    5,
    4,
    3,
    1,
    0.5,
)
DAYS = (0.85, 1.1, 1.05, 1.08, 0.7, 0.14, 0.12)


def heat_figure(cells: Sequence[Sequence[float | None]], title: str = "The week") -> HeatFigure:
    """Seven rows of average credits an hour; the peak is the largest."""
    rows = tuple(tuple(None if v is None else micro(v) for v in row) for row in cells)
    known = [(v, -d, -h) for d, row in enumerate(rows) for h, v in enumerate(row) if v]
    peak = (-max(known)[1], -max(known)[2]) if known else None
    return HeatFigure(
        title, "Average credits an hour, local time", FOOTER, f"Heat map. {title}.", rows, peak
    )


def weeks() -> dict[str, Figure]:
    """Heat maps by name."""
    week = [[share * hour for hour in HOURS] for share in DAYS]
    hole: list[list[float | None]] = [[*row] for row in week]
    hole[3][10:14] = [None] * 4
    alone: list[list[float | None]] = [[None] * 24 for _ in range(7)]
    alone[6][23] = 1e9
    return {
        "week": heat_figure(week, "Busiest: Tue–Thu, 10–12 and 14–16 h"),
        "week_with_gaps": heat_figure(hole),
        "one_hour": heat_figure(alone),
        "flat_week": heat_figure([[0.000001] * 24] * 7),
        "zero_week": heat_figure([[0] * 24] * 7),
        "no_week": heat_figure([[None] * 24] * 7),
    }


# ---- tiers

TIERS = (
    ("premium", "Premium ≥2×", 2911, 8250),
    ("standard", "Standard 1–<2×", 2717, 3120),
    ("economy", "Economy <1×", 4076, 1477),
)
Tier = tuple[str, str, int, float]


def tier_figure(rows: Sequence[Tier], title: str = "") -> TierFigure:
    """Rows of (tier, label, prompts, credits)."""
    prompts, spent = [row[2] for row in rows], [micro(row[3]) for row in rows]
    parts = zip(rows, spent, shares(prompts), shares(spent), strict=True)
    title = title or f"{sum(prompts):,} prompts in {len(rows)} tiers"
    return TierFigure(
        title,
        "Share by multiplier tier",
        FOOTER,
        f"Stacked bars. {title}.",
        tuple(TierPart(tier, label, n, used, p, c) for (tier, label, n, _), used, p, c in parts),
    )


def tier_samples() -> dict[str, Figure]:
    """Tiers by name."""
    unknown: Tier = ("unknown", "No multiplier", 90, 0)
    return {
        "tiers": tier_figure(TIERS, "Premium models: 30% of prompts, 64% of credits"),
        "four_tiers": tier_figure([*TIERS, unknown]),
        "one_tier": tier_figure(TIERS[1:2]),
        "slim_tiers": tier_figure([(*TIERS[0][:2], 1, 1e9), (*TIERS[1][:2], 10**6, 3)]),
        "unpriced_tiers": tier_figure([unknown]),
        "zero_tiers": tier_figure([(*TIERS[0][:2], 0, 0)]),
        "no_tiers": tier_figure([]),
    }


# ---- use cases

CASES = (
    ("Email & communication", 2909, (230, 2160, 519)),
    ("Content creation", 2286, (1000, 1150, 136)),
    ("Data analysis", 1870, (187, 1540, 143)),
    ("Code & review", 1559, (720, 839, 0)),
    ("Complex research", 1247, (1150, 97, 0)),
    ("Other", 519, (156, 260, 103)),
)
Case = tuple[str, float, Sequence[float]]


def split_figure(
    rows: Sequence[Case],
    tiers: tuple[str, ...] = ("premium", "standard", "economy"),
    title: str = "",
    labels: tuple[str, ...] = (),
) -> SplitFigure:
    """Rows of (name, credits, credits by tier)."""
    title = title or f"Credits of {len(rows)} tasks"
    portions = shares([micro(row[1]) for row in rows])
    return SplitFigure(
        title,
        "Share of credits by use case and multiplier tier",
        FOOTER,
        f"Stacked bars. {title}.",
        tiers,
        tuple(
            SplitRow(name, micro(used), share, tuple(micro(part) for part in parts))
            for (name, used, parts), share in zip(rows, portions, strict=True)
        ),
        labels,
    )


def splits() -> dict[str, Figure]:
    """Use cases by name."""
    tiers = ("premium", "standard", "economy", "unknown")
    labels = tuple(row[1] for row in TIERS)
    return {
        "tasks": split_figure(CASES, title="50% of credits go to email and content", labels=labels),
        "one_task": split_figure([("Email", 1, (1, 0, 0))]),
        "huge_tasks": split_figure(
            [
                ("Huge", 1e9, (1e9, 0, 0, 0)),
                ("Tiny", 0.000001, (0, 0.000001, 0, 0)),
                ("-", 0, (0,) * 4),
            ],
            tiers,
        ),
        "nasty_tasks": split_figure(
            [(name, 4.0, (1, 1, 1, 1)) for name in NAMES], tiers, labels=("W" * 40,) * 4
        ),
        "sixty_tasks": split_figure([(f"task {i}", 900.0 - i, (900 - i, 0, 0)) for i in range(60)]),
        "zero_tasks": split_figure([("Email", 0, (0, 0, 0))]),
        "no_tasks": split_figure([]),
    }


# ---- frontier

RATED = (
    ("Claude 3 Haiku", "Claude", 0.5, 4.2, 480),
    ("Claude 3.5 Sonnet", "Claude", 1, 4.6, 600),
    ("GPT-4 Turbo", "ChatGPT", 1, 4.5, 1200),
    ("Llama 3.3 70B", "Llama", 1, 4.3, 520),
    ("DeepSeek V3", "DeepSeek", 1, 4.25, 400),
    ("GPT-4o", "ChatGPT", 2, 4.7, 2450),
    ("Claude 3.7 Sonnet", "Claude", 2.5, 4.8, 1100),
)
Rated = tuple[str, str, float, float, int]


def frontier_figure(
    rows: Sequence[Rated], title: str = "", axis: Literal["rating", "success"] = "rating"
) -> FrontierFigure:
    """Rows of (model, family, credits a prompt, value, prompts); under 30 a dot is marked."""
    dots = tuple(
        Dot(
            name,
            family,
            micro(price),
            value,
            prompts,
            not any(
                p <= price and v >= value and (p, v) != (price, value) for _, _, p, v, _ in rows
            ),
            prompts < 30,
        )
        for name, family, price, value, prompts in rows
    )
    title = title or f"{sum(dot.efficient for dot in dots)} of {len(dots)} models are efficient"
    return FrontierFigure(
        title,
        "Mean rating (1–5) by cost. Filled = best for the price; size = prompts",
        FOOTER,
        f"Scatter plot. {title}.",
        axis,
        dots,
    )


def frontiers() -> dict[str, Figure]:
    """Frontiers by name."""
    families = ("ChatGPT", "Claude", "Gemini", "Llama", "DeepSeek", "Mistral", "Grok")
    sixty = [
        (
            f"model-{i}-2026-03-{i:02}",
            families[i % 7],
            0.1 + i * 7 % 30 / 10,
            3 + i * 11 % 20 / 10,
            i * i,
        )
        for i in range(60)
    ]
    return {
        "rated": frontier_figure(RATED, "GPT-4o: 2× the price, 0.1 more than Claude 3.5"),
        "one_rated": frontier_figure([("Claude 3 Haiku", "Claude", 0.5, 4.2, 12)]),
        "successful": frontier_figure(
            [(n, f, price, 0.9 + (v - 4) / 9, prompts // 20) for n, f, price, v, prompts in RATED],
            axis="success",
        ),
        "always_successful": frontier_figure(
            [("a", "Claude", 0.5, 1.0, 90), ("b", "Grok", 2, 1.0, 9)], axis="success"
        ),
        "sixty_rated": frontier_figure(sixty),
        "same_place": frontier_figure([(f"model {i}", "Llama", 1, 4.5, 100) for i in range(9)]),
        "far_prices": frontier_figure(
            [
                ("Tiny", "Gemini", 0.000001, 1, 5),
                ("Free", "Llama", 0, 3, 40),
                ("Big", "Grok", 1e9, 5, 9),
            ]
        ),
        "nasty_rated": frontier_figure(
            [(name, "Claude", i / 2, 4 + i / 10, 50 * i) for i, name in enumerate(NAMES)]
        ),
        "no_rated": frontier_figure([]),
    }


# ---- dashboard

TILES = (
    Tile("Used", "15,230", "76% of 20,000"),
    Tile("Forecast", "19,500", "80%: 19.1k–19.9k"),
    Tile("Prompts", "9,704", "▲ 6% vs Feb"),
    Tile("Credits/prompt", "1.57", "▼ 0.07 vs Feb"),
    Tile("Typical wait", "2.3 s", "p95 6.1 s"),
)
TOP_MODELS = TopList(
    "Top models",
    (
        TopRow("GPT-4o · 2×", micro(6120), "ChatGPT"),
        TopRow("Claude 3.7 Sonnet · 2.5×", micro(4010), "Claude"),
        TopRow("GPT-4 Turbo · 1×", micro(1840), "ChatGPT"),
        TopRow("Claude 3.5 Sonnet · 1×", micro(1120), "Claude"),
    ),
    TopRow("5 others", micro(2140)),
)
TOP_PEOPLE = TopList(
    "Top people",
    (
        TopRow("Sarah Oyelaran", micro(2650)),
        TopRow("Mike Chen", micro(2180)),
        TopRow("王小明", micro(1430)),
        TopRow("Anna Kovács", micro(1210)),
    ),
    TopRow("48 others", micro(7760)),
)


def dashboard_figure(
    tiles: Sequence[Tile] = TILES,
    burn_up: BudgetFigure | None = None,
    lists: Sequence[TopList] = (TOP_MODELS, TOP_PEOPLE),
    title: str = "AI credits: on track, 19,500 of 20,000",
) -> DashboardFigure:
    """A dashboard of March."""
    return DashboardFigure(
        title,
        "March 2026 · day 24 of 31",
        "1–24 Mar 2026 · Europe/Berlin · data to 24 Mar 18:00 · changes vs 1–24 Feb",
        f"Dashboard. {title}.",
        tuple(tiles),
        burn_up,
        tuple(lists),
    )


def dashboards() -> dict[str, Figure]:
    """Dashboards by name."""
    march = budget_figure(SPENT, 20000, (19060, 19500, 19940))
    nasty = TopList("W" * 60, tuple(TopRow(name, micro(1e9), "Claude") for name in NAMES))
    wide = Tile("A long label " * 5, "1,234,567,890,123 credits", "a long note " * 9)
    zero = TopList("Top models", (TopRow("GPT-4o", 0, "ChatGPT"),))
    return {
        "dashboard": dashboard_figure(burn_up=march),
        "dashboard_one_list": dashboard_figure(burn_up=march, lists=[TOP_PEOPLE]),
        "dashboard_burn_up": dashboard_figure(TILES[:3], budget_figure(SPENT), []),
        "dashboard_lists": dashboard_figure(TILES[:4]),
        "dashboard_of_one": dashboard_figure(TILES[:1], lists=[TOP_MODELS]),
        "dashboard_of_zero": dashboard_figure(burn_up=budget_figure([0]), lists=[zero]),
        "dashboard_untiled": dashboard_figure((), budget_figure([9], 70, days=7), [TOP_MODELS]),
        "dashboard_nasty": dashboard_figure(
            [wide] * 5,
            budget_figure([4e7] * 20, 1e9, (1.1e9, 1.24e9, 1.4e9)),
            [nasty, replace(nasty, others=TopRow("W" * 90, micro(4)))],
            "A title " * 40,
        ),
        "dashboard_empty": dashboard_figure((), None, [TopList("Top people", ())]),
        "dashboard_days": replace(dashboard_figure(), days=day_strip([None, 3, 0, 5, 4, 2, 900])),
        "dashboard_one_day": replace(dashboard_figure(lists=[]), days=day_strip([7])),
        "dashboard_no_day": replace(dashboard_figure(), days=day_strip([None, 0])),
    }


def day_strip(credits: Sequence[int | None]) -> DayStrip:
    """Days up to 24 March; the last is the period's."""
    known = tuple(None if one is None else micro(one) for one in credits)
    start = date(2026, 3, 24) - timedelta(days=len(known) - 1)
    return DayStrip("The days before and the last " * 3, start, known, len(known) - 1)


# ---- lines

Values = Sequence[float | None]
WAVE = [2.1 + 0.9 * ((hour * 5) % 7) / 7 for hour in range(24)]


def line_figure(
    series: dict[str, Values],
    unit: Literal["credits", "seconds", "percent", "count"] = "seconds",
    title: str = "",
) -> LineFigure:
    """Series of equal length, hour by hour."""
    count = max((len(values) for values in series.values()), default=0)
    title = title or f"{len(series)} lines over {count} hours"
    return LineFigure(
        title,
        "By hour of the day",
        FOOTER,
        f"Line chart. {title}.",
        tuple(f"{hour}:00" for hour in range(count)),
        tuple(Series(name, tuple(values)) for name, values in series.items()),
        unit,
    )


def line_samples() -> dict[str, Figure]:
    """Lines by name."""
    hole: list[float | None] = [
        None if 5 < i < 9 or i == 10 else v * 0.9 for i, v in enumerate(WAVE)
    ]
    last: list[float | None] = [None] * 30 + [7.0]
    return {
        "lines": line_figure(
            {
                "Average": WAVE,
                "Typical (p50)": hole,
                "Slow (p95)": [value * 2.5 for value in WAVE],
                "GPT-4o": [value * 0.5 for value in WAVE],
            },
            title="Answers are slowest at 6:00",
        ),
        "one_line": line_figure({"Credits": [3, 4.5, 1e9]}, "credits"),
        "high_per_cents": line_figure(
            {"Success": [96 + i % 4 for i in range(30)], "Of tries": [99.9] * 30}, "percent"
        ),
        "low_per_cents": line_figure({"Share": [0, 3, 100, 44]}, "percent"),
        "known_once": line_figure({"Credits": last, "Nothing": [None] * 31}, "credits"),
        "flat_zero": line_figure({"Prompts": [0] * 12}, "count"),
        "alike_lines": line_figure({f"{name}": [4, 4, 4] for name in NAMES[:4]}, "count"),
        "no_lines": line_figure({}),
        "no_values": line_figure({"Credits": [None] * 5}),
    }


# ---- movers


def mover_figure(steps: dict[str, float], title: str = "") -> MoverFigure:
    """Changes in credits by name."""
    title = title or f"{sum(steps.values()):+,.0f} credits on the previous 30 days"
    movers = tuple(Mover(name, micro(step)) for name, step in steps.items())
    return MoverFigure(title, "Change by model", FOOTER, f"Bar chart. {title}.", movers)


MOVES = {
    "Claude 3.7 Sonnet": 410,
    "GPT-4o": 280,
    "o3 mini": -120,
    "GPT-4 Turbo": -65,
    "Llama 3.3 70B": 40,
    "DeepSeek V3": -2.5,
    "Gemini 2.5 Pro": 0,
}


def mover_samples() -> dict[str, Figure]:
    """Movers by name."""
    return {
        "movers": mover_figure(MOVES),
        "only_rises": mover_figure({"a": 1e9, "b": 0.000001}),
        "only_falls": mover_figure({"a long name": -4000, "b": -300, "c": -0.5}),
        "one_mover": mover_figure({"王小明": -1}),
        "sixty_movers": mover_figure({f"model {i}": 900 - 41 * i for i in range(60)}),
        "nasty_movers": mover_figure({name: (-1.0) ** i * 1e9 for i, name in enumerate(NAMES)}),
        "zero_movers": mover_figure({"a": 0}),
        "no_movers": mover_figure({}),
    }


def more_samples() -> dict[str, Figure]:
    """Every sample of these kinds by name."""
    first = budgets() | latencies() | weeks() | tier_samples() | splits()
    return first | frontiers() | dashboards() | line_samples() | mover_samples()
