"""A workspace that used some of its credits, and what its budgets and its answers hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Button, Fact, Facts, Note, Report
from storage.budgets import Budget, list_budgets
from storage.engine import reading
from tests.analytics.spending import march
from tests.analytics.world import World
from tests.databases import Filling, sqlite_from

EVENING = datetime.fromisoformat("2026-03-24T18:00:00+01:00")
WORKSPACE = "budget set 20000 monthly"


@pytest.fixture(scope="module")
def marched(filled: Filling) -> Path:
    """A workspace that used 15,230 credits up to the evening of 24 March."""
    return filled(lambda engine: march(World(engine)))


@pytest.fixture
def world(marched: Path, tmp_path: Path) -> Iterator[World]:
    """That workspace, to ask."""
    with sqlite_from(marched, tmp_path) as engine:
        yield World(engine)


def ask(world: World, line: str, now: datetime = EVENING) -> Report:
    return world.ask(line, now=now)


def budgets(world: World) -> list[Budget]:
    with reading(world.engine) as connection:
        return list_budgets(connection, world.workspace.id)


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def done_by(report: Report) -> list[Button]:
    """The buttons that change something."""
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row.buttons if button.verb == "do"]


def audited(engine: sa.Engine) -> list[tuple[str | None, ...]]:
    with reading(engine) as connection:
        rows = connection.execute(
            sa.text("SELECT action, object, before, after, result FROM audit ORDER BY seq")
        )
        return [tuple(row) for row in rows]
