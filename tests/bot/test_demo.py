"""The demo: usage worth asking about, a database that is whole or absent, a conversation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from itertools import chain, pairwise
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.console import Console

from analytics.errors import UserError
from bot.demo import database
from bot.demo.company import DAY_MODEL, TEAMS, UNKNOWN_MODEL, members
from bot.demo.program import FILE, run_demo
from bot.demo.usage import Workload, day_rows, prompts
from storage.engine import opened
from storage.errors import StorageError
from storage.events import UsageEvent
from storage.migrate import upgrade
from storage.timekeys import from_micros, to_micros
from tests.analytics.world import World, column, table_of

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
WORK = Workload(now=NOW, zone="Europe/Berlin", events=20_000)


@cache
def usage() -> tuple[UsageEvent, ...]:
    return tuple(chain.from_iterable(prompts(WORK, 1_000)))


def test_the_same_workload_gives_the_same_events() -> None:
    again = tuple(chain.from_iterable(prompts(WORK, 1_000)))

    assert again == usage()


def test_thirteen_months_end_at_now() -> None:
    times = [event.ts for event in usage()]

    assert max(times) <= to_micros(NOW)
    assert NOW - from_micros(max(times)) < timedelta(hours=3)
    assert from_micros(min(times)).date() == datetime(2025, 10, 25, tzinfo=UTC).date()


def test_every_event_has_a_key_of_its_own() -> None:
    keys = [event.event_id for event in (*usage(), *day_rows(WORK))]

    assert len(set(keys)) == len(keys)


def test_everybody_everything_and_an_unknown_model_are_used() -> None:
    def used(name: str) -> int:
        return len({getattr(event, name) for event in usage()})

    assert (used("person"), used("department"), used("project")) == (40, 8, 12)
    assert used("task") == 13  # twelve, and none
    assert UNKNOWN_MODEL in {event.model for event in usage()}


def test_some_prompts_arrive_late() -> None:
    times = [event.ts for event in usage()]

    assert any(later - earlier > 24 * 3600 * 1_000_000 for later, earlier in pairwise(times))


def test_weekends_are_quiet_and_one_day_is_far_busier_than_any_other() -> None:
    days = Counter(from_micros(event.ts).date() for event in usage())
    ranked = [count for _, count in days.most_common()]
    weekend = [count for day, count in days.items() if day.weekday() >= 5]

    assert ranked[0] > 1.6 * ranked[1]
    assert sum(weekend) / len(weekend) < 0.3 * len(usage()) / len(days)


def test_a_few_prompts_fail_and_cost_nothing() -> None:
    failed = [event for event in usage() if not event.ok]

    assert 0.02 < len(failed) / len(usage()) < 0.04
    assert all(event.cost_nano is None and event.rating is None for event in failed)


def test_the_summing_source_reports_complete_days_only() -> None:
    rows = day_rows(WORK)

    assert rows
    assert {row.model for row in rows} == {DAY_MODEL}
    assert max(from_micros(row.ts).date() for row in rows) < NOW.date()


def test_more_people_than_the_named_ones_are_spread_over_all_teams() -> None:
    people = members(200)

    assert len({person.mail for person in people}) == 200
    assert {person.team for person in people[40:]} == set(TEAMS)


# ---- the database

FEW = replace(WORK, events=1_000)


def no_step(_: int) -> None:
    return None


def stop(_: int) -> None:
    raise KeyboardInterrupt


def test_a_database_is_fresh_until_the_next_local_day(tmp_path: Path) -> None:
    file = tmp_path / FILE
    database.create(file, FEW, step=no_step)

    assert database.is_fresh(file, replace(FEW, now=NOW + timedelta(hours=13)))
    assert not database.is_fresh(file, replace(FEW, now=NOW + timedelta(hours=14)))


def test_a_database_that_is_stopped_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        database.create(tmp_path / FILE, FEW, step=stop)

    assert not list(tmp_path.iterdir())


def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / FILE
    with opened(f"sqlite:///{file}") as engine:
        upgrade(engine, zone="UTC", now=NOW)

    with pytest.raises(StorageError, match="was not made by the demo"):
        run_demo(tmp_path, now=NOW, console=Console(file=StringIO()), interactive=False)


def test_a_zone_that_does_not_exist_is_named_and_keeps_the_old_database(tmp_path: Path) -> None:
    database.create(tmp_path / FILE, FEW, step=no_step)
    console = Console(file=StringIO())

    with pytest.raises(StorageError, match="Europe/Berlim"):
        run_demo(tmp_path, zone="Europe/Berlim", now=NOW, console=console, interactive=False)
    assert database.is_fresh(tmp_path / FILE, FEW)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file is in the way")

    with pytest.raises(UserError, match="cannot be written"):
        run_demo(tmp_path / "demo", now=NOW, console=Console(file=StringIO()), interactive=False)


def test_a_demo_whose_clock_was_moved_goes_on_until_a_new_one_is_asked_for(tmp_path: Path) -> None:
    file, kept = tmp_path / FILE, tmp_path / "creditbot.before.db"
    database.create(file, FEW, step=no_step)
    with opened(f"sqlite:///{file}") as engine:
        database.keep_moment(engine, NOW + timedelta(days=2))

    printed = talk(tmp_path)
    assert "goes on where you left it: " in printed
    assert "26 Nov 2026, so far" in printed
    assert f"is kept as {kept}" in talk(tmp_path, anew=True)
    assert database.is_fresh(file, FEW)
    assert database.went_ahead(kept)
    assert "is kept" not in talk(tmp_path, anew=True)


# ---- the conversation


def talk(folder: Path, *typed: str, anew: bool = False) -> str:
    """What the demo prints when these lines are typed before the input ends."""
    out = StringIO()
    console = Console(file=out, width=100)
    with patch.object(console, "input", autospec=True, side_effect=[*typed, EOFError]):
        code = run_demo(
            folder,
            events=FEW.events,
            now=NOW,
            console=console,
            interactive=bool(typed),
            anew=anew,
        )
    assert code == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo")
    database.create(made / FILE, FEW, step=no_step)
    return made


def test_three_questions_are_answered_with_a_picture_each(folder: Path) -> None:
    printed = talk(folder)

    assert "Anna Schmidt" in printed
    assert printed.count("Written:") == 3
    assert {file.name for file in folder.glob("*.png")} >= {
        "by-model-last-30d.png",
        "by-user-last-7d.png",
        "timeline-last-3-months-by-week.png",
    }


def test_a_number_presses_a_button_of_the_last_answer(folder: Path) -> None:
    line = "by-model last 30d"
    forms = next(row for row in talk(folder).splitlines() if "Export CSV" in row)
    export, share = number(forms, "Export CSV"), number(forms, "Share to channel")

    printed = talk(folder, f"/credits {line}", export, share, "99")

    assert f"-to-{NOW:%Y-%m-%d}.csv" in printed
    assert "In #ai-credits everybody would see:" in printed
    assert "has no button 99" in printed


def number(row: str, label: str) -> str:
    """The number before a label in a row of buttons."""
    return row.partition(f"] {label}")[0].rpartition("[")[2]


def test_a_mistake_is_answered_and_never_ends_the_conversation(folder: Path) -> None:
    printed = talk(folder, "by-usr", "by-model [bold]", "help")

    assert "Did you mean `by-user`?" in printed
    assert "[bold]" in printed
    assert "Traceback" not in printed
    assert "What you can ask" in printed or "commands;" in printed


def test_the_company_has_grants_and_budgets_that_fit_its_usage(folder: Path) -> None:
    with opened(f"sqlite:///{folder / FILE}") as engine:
        world = World(engine)
        budget, report = world.ask("budget", now=NOW), world.ask("report", now=NOW)
    scopes = column(table_of(budget), "scope")
    assert len(scopes) == 3
    assert scopes[0] == "Workspace"
    assert " of the plan, " in report.headline
    assert "Credit Pack" in report.headline
    table = table_of(budget)
    for limit, used in zip(column(table, "budget"), column(table, "used"), strict=True):
        assert isinstance(limit, int)
        assert isinstance(used, int)
        assert 0 < used < 2 * limit
