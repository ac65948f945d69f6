"""Sample figures of the kinds after the first three, ordinary and extreme."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from analytics.figures import (
    Band,
    BudgetFigure,
    Figure,
)
from analytics.numbers import credits_text

MICRO = 1_000_000
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
        "unlimited": budget_figure(SPENT, None, (18000, 19500, 21500)),
        "over_budget": budget_figure([v * 1.6 for v in SPENT], 20000, (29000, 31000, 34000)),
        "far_over_budget": budget_figure([v * 40 for v in SPENT], 2000, (8e5, 9e5, 9.8e5)),
        "first_day": budget_figure([430], 20000, (9000, 14000, 26000)),
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


def more_samples() -> dict[str, Figure]:
    """Every sample of these kinds by name."""
    return budgets()
