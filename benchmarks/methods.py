"""Projection, alerts and advice on real series: the goals of a scorer beside our numbers.

The scorer and its data lie beside the project, if anywhere; it asks
`python -m benchmarks.statistics_protocol` one line after the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import Lab
from benchmarks.measurement import Measurement

PROJECT = Path(__file__).resolve().parents[1]
SCORER = Path("prototypes", "statistics", "score.py")
LONGEST = 900  # seconds; it takes 10 to 30


@dataclass(frozen=True, slots=True)
class Goal:
    """A number of the scorer with what it must be at most, or at least."""

    key: str
    words: str
    bound: float
    unit: str
    at_least: bool = False


GOALS = (
    Goal("mape_worst_gap_to_run_rate", "projection: error above run-rate, worst cell", 0.3, "pts"),
    Goal("team_28_mape_gain", "projection: teams, 28 days, below run-rate", 1, "pts", True),
    Goal("team_180_mape_gain", "projection: teams, 180 days, below run-rate", 3, "pts", True),
    Goal(
        "business_28_mape_gain", "projection: business, 28 days, below run-rate", 0.5, "pts", True
    ),
    *(
        goal
        for days in (0, 28, 180)
        for goal in (
            Goal(f"team_{days}_coverage", f"80% range: teams, {days} days", 75, "%", True),
            Goal(f"team_{days}_coverage", f"80% range: teams, {days} days", 90, "%"),
            Goal(
                f"team_{days}_coverage_by_series",
                f"80% range: teams, {days} days, by series",
                65,
                "%",
                True,
            ),
        )
    ),
    Goal("team_over_precision", '"over" from day 10 right: teams', 95, "%", True),
    Goal("business_over_precision", '"over" from day 10 right: business', 95, "%", True),
    Goal("team_after_old_spike", "projection: teams, worse after an old spike", 2, "pts"),
    Goal("business_after_old_spike", "projection: business, worse after an old spike", 2, "pts"),
    Goal("projection_broken_rules", "projection: broken rules", 0, ""),
    Goal("projection_ms_median", "projection: with transport", 5, "ms"),
    Goal("team_false_alerts_30d", "alerts: false in 30 days, teams", 0.6, ""),
    Goal("business_false_alerts_30d", "alerts: false in 30 days, business", 0.15, ""),
    Goal("team_recall_4x", "alerts: a day of 4x more seen, teams", 80, "%", True),
    Goal("team_recall_8x", "alerts: a day of 8x more seen, teams", 97, "%", True),
    Goal("advice_wrong_per_100_unfit_tasks", "advice: wrong in 100 unfit tasks, 3 pts", 0.5, ""),
    Goal("advice_margin10_false", "advice: wrong proposals, 10 pts", 5, "%"),
    Goal("advice_margin10_found", "advice: fine switches found, 10 pts", 20, "%", True),
    Goal("advice_below_minimum_evidence", "advice: below minimum evidence", 0, ""),
    Goal("advice_confounded_moderate_false", "advice: wrong when confounded", 10, "%"),
    Goal("advice_must_be_zero", "advice: what must never be said", 0, ""),
)


def measure(_: Lab) -> list[Measurement]:
    """Each goal of the scorer; not measured where it is missing or did not finish."""
    scores = _scores(PROJECT.parent / "shared")
    return [
        Measurement(goal.words, scores.get(goal.key), goal.bound, goal.unit, goal.at_least)
        for goal in GOALS
    ]


def _scores(shared: Path) -> Mapping[str, float | None]:
    """The scorer's numbers by key; empty without a scorer, or when replies were missing."""
    scorer = shared / SCORER
    if not scorer.is_file():
        return {}
    program = [sys.executable, "-m", "benchmarks.statistics_protocol"]
    done = subprocess.run(  # noqa: S603  # the scorer that lies beside the project
        [sys.executable, str(scorer), "--data", str(shared / "data"), "--", *program],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        timeout=LONGEST,
        check=True,
    )
    result = json.loads(done.stdout)
    if not result["valid"]:
        return {}
    return {key: goal["value"] for key, goal in result["goals"].items()}
