"""Grants: plans follow each other by name, packs stand side by side, what is removed is gone."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from storage.engine import reading, writing
from storage.grants import Grant, GrantKind, add_grant, list_grants, remove_grant
from storage.timekeys import day_number
from tests.cast import NOW
from tests.databases import elsewhere, home


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def add(  # noqa: PLR0913  # the parts of a grant
    engine: sa.Engine,
    kind: GrantKind = "plan",
    name: str = "Team plan",
    *,
    first: str = "2026-01-15",
    end: str | None = None,
    credits: int = 20_000_000_000,
    priority: int = 0,
) -> Grant:
    with writing(engine) as connection:
        return add_grant(
            connection,
            home(engine).id,
            kind=kind,
            name=name,
            credits=credits,
            first_day=day(first),
            end_day=day(end) if end else None,
            priority=priority,
            now=NOW,
        )


def listed(engine: sa.Engine) -> list[Grant]:
    with reading(engine) as connection:
        return list_grants(connection, home(engine).id)


def test_grants_come_back_as_they_were_added(engine: sa.Engine) -> None:
    plan = add(engine)
    pack = add(engine, "pack", "March pack", first="2026-03-01", end="2026-06-01", priority=2)
    assert listed(engine) == [plan, pack]
    assert plan == Grant(1, "plan", "Team plan", 20_000_000_000, day("2026-01-15"), None, 0)
    assert (pack.end_day, pack.priority) == (day("2026-06-01"), 2)


def test_a_second_plan_of_a_name_replaces_the_first_from_its_month_on(engine: sa.Engine) -> None:
    add(engine)
    add(engine, name="Extra seats")
    add(engine, name="team PLAN", first="2026-04-10", credits=30_000_000_000)
    assert [(g.name, g.end_day) for g in listed(engine)] == [
        ("Team plan", day("2026-04-01")),
        ("Extra seats", None),
        ("team PLAN", None),
    ]


def test_a_second_pack_of_a_name_stands_beside_the_first(engine: sa.Engine) -> None:
    packs = [add(engine, "pack", "Pack", first="2026-03-01") for _ in range(2)]
    assert listed(engine) == packs


def test_a_pack_of_a_plans_name_leaves_the_plan(engine: sa.Engine) -> None:
    plan = add(engine, name="Team")
    pack = add(engine, "pack", "Team", first="2026-03-01")
    assert listed(engine) == [plan, pack]


def test_a_removed_grant_is_in_no_list_and_removed_once(engine: sa.Engine) -> None:
    kept, gone = add(engine), add(engine, "pack", "Pack")
    with writing(engine) as connection:
        assert remove_grant(connection, home(engine).id, gone.id, now=NOW) == gone
        assert remove_grant(connection, home(engine).id, gone.id, now=NOW) is None
    assert listed(engine) == [kept]
    assert add(engine, "pack", "Pack").id == gone.id + 1


def test_another_workspace_neither_sees_nor_removes_a_grant(engine: sa.Engine) -> None:
    grant, theirs = add(engine), elsewhere(engine).id
    with writing(engine) as connection:
        assert list_grants(connection, theirs) == []
        assert remove_grant(connection, theirs, grant.id, now=NOW) is None
    assert listed(engine) == [grant]
