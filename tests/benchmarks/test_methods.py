"""The scorer's protocol, and its goals as a bench; a stand-in takes the scorer's place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import methods
from benchmarks.lab import Lab
from benchmarks.statistics_protocol import answer

# Asks the program one question and takes the answer's range for a score.
STAND_IN = """
import json, subprocess, sys
question = {"kind": "projection", "daily": [100] * 40, "first_day": "2026-02-01",
            "today_index": 39, "month_days": 31, "budget": None}
done = subprocess.run(sys.argv[sys.argv.index("--") + 1 :], input=json.dumps(question) + "\\n",
                      stdout=subprocess.PIPE, text=True)
projected = json.loads(done.stdout)["projected"]
goals = {"team_28_coverage": {"value": projected, "goal": "", "met": True}}
print(json.dumps({"valid": VALID, "goals": goals}))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of the project without a scorer beside it."""
    project = tmp_path / "project"
    project.symlink_to(methods.PROJECT, target_is_directory=True)
    monkeypatch.setattr(methods, "PROJECT", project)
    return project


def lay_scorer(project: Path, *, valid: bool) -> None:
    scorer = project.parent / "shared" / methods.SCORER
    scorer.parent.mkdir(parents=True)
    scorer.write_text(STAND_IN.replace("VALID", str(valid)), encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_without_a_scorer_nothing_is_measured(tmp_path: Path) -> None:
    found = methods.measure(Lab(tmp_path))
    assert {one.value for one in found} == {None}
    assert len({goal.key for goal in methods.GOALS}) == 26


def test_goals_are_the_scorers_numbers(project: Path, tmp_path: Path) -> None:
    lay_scorer(project, valid=True)
    found = {one.goal: one for one in methods.measure(Lab(tmp_path)) if one.value is not None}
    assert found["80% range: teams, 28 days"].value == 3_100


def test_scores_with_missing_replies_do_not_count(project: Path, tmp_path: Path) -> None:
    lay_scorer(project, valid=False)
    assert {one.value for one in methods.measure(Lab(tmp_path))} == {None}


def projection(daily: list[float], budget: float | None) -> dict[str, object]:
    question = {
        "kind": "projection",
        "daily": daily,
        "first_day": "2026-02-01",
        "today_index": 39,
        "month_days": 31,
        "budget": budget,
        "note": "unknown fields are ignored",
    }
    return answer(question)


@pytest.mark.parametrize(
    ("budget", "state"),
    [(None, "no-budget"), (2_500, "over"), (3_099, "at-risk"), (1e6, "on-track")],
)
def test_a_projection_is_answered_with_its_state(budget: float | None, state: str) -> None:
    found = projection([100.0] * 50, budget)
    assert found["projected"] == 3_100
    assert found["state"] == state


def test_an_anomaly_is_answered_with_its_places() -> None:
    daily = [90, 110] * 20
    daily[35] = 900
    assert answer({"kind": "anomaly", "daily": daily}) == {"alerts": [35]}


def cell(model: str, ok: int, **more: object) -> dict[str, object]:
    multiplier = {"costly": 2.0, "cheap": 0.5}[model]
    plain = {"task": "mail", "model": model, "prompts": 1_000, "ok": ok, "multiplier": multiplier}
    return plain | more


@pytest.mark.parametrize(
    ("cells", "level"),
    [
        ([cell("costly", 950), cell("cheap", 960)], "trial"),
        ([cell("costly", 950), cell("cheap", 800)], None),
        ([cell("costly", 950, task="uncategorised"), cell("cheap", 960, task=None)], None),
        ([cell("costly", 950, randomised=True), cell("cheap", 960, randomised=True)], "confirmed"),
        ([cell("costly", 950, randomised=True), cell("cheap", 800, randomised=True)], "stopped"),
    ],
)
def test_advice_is_answered_with_its_level(
    cells: list[dict[str, object]], level: str | None
) -> None:
    found = answer({"kind": "advice", "cells": cells, "margin": 0.03})
    expected = {"task": "mail", "from": "costly", "to": "cheap", "level": level}
    assert found == {"proposals": [expected] if level else []}


def test_each_line_is_answered_in_order_and_a_wrong_one_by_an_error() -> None:
    lines = [
        '{"kind": "weather"}',
        "not json",
        '{"kind": "anomaly", "daily": []}',
        '{"kind": "advice"}',
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.statistics_protocol"],
        input="\n".join(lines) + "\n",
        cwd=methods.PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    first, second, third, fourth = map(json.loads, done.stdout.splitlines())
    assert "weather" in first["error"]
    assert third == {"alerts": []}
    assert "error" in second
    assert "cells" in fourth["error"]
