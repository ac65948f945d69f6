"""Every bench runs on a tiny size; how fast anything is is never asserted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks.lab import Lab
from benchmarks.measurement import Measurement

pytestmark = pytest.mark.long
GOAL = Measurement("ingest: speed", 0.25, 0.3, "of raw", at_least=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(
        tmp_path_factory.mktemp("lab"),
        events=2_000,
        small=1_000,
        sample=500,
        people=40,
        rounds=1,
        repeats=1,
        charts=10,
        answers=3,
        calls=30,
        writers=1,
    )


# The methods are scored where a scorer lies beside the project; `test_methods` has a stand-in.
@pytest.mark.timeout(400)  # whole services are started
@pytest.mark.parametrize("name", [name for name in program.BENCHES if name != "methods"])
def test_each_bench_measures_everything_it_names(name: str, lab: Lab) -> None:
    found = program.measure(name, lab)

    assert found
    assert all(one.value is not None and one.value >= 0 for one in found)


def test_a_goal_is_met_at_its_bound() -> None:
    assert GOAL.is_met is False
    assert replace(GOAL, value=0.3).is_met
    assert replace(GOAL, at_least=False).is_met


def test_without_value_or_bound_nothing_is_met_or_missed() -> None:
    assert replace(GOAL, value=None).is_met is None
    assert replace(GOAL, bound=None).is_met is None


def test_the_table_says_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=100).print(program.table([GOAL, replace(GOAL, value=None)]))

    rows = capsys.readouterr().out.splitlines()
    assert " ".join(rows[1].split()) == "ingest: speed >= 0.3 of raw 0.25 of raw no"
    assert "not measured" in rows[2]


def test_programs_get_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "measure", lambda *_: [GOAL])

    assert program.main(["--json", "ingest"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["met"] is False
