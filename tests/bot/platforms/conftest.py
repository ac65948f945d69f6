"""Discord on the wire and a desk that it asks; a file with other needs has its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from bot.desk import Desk
from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_desk import bind, desk_of


@pytest.fixture
async def double() -> AsyncIterator[DiscordDouble]:
    """A Discord; at the end each interaction was answered once, and nothing was amiss."""
    async with running_double() as double:
        yield double
    double.check_answers()
    assert double.violations == []


@pytest.fixture
def desk(sqlite_engine: sa.Engine, double: DiscordDouble) -> Iterator[Desk]:
    with desk_of(sqlite_engine) as desk:
        bind(desk, double.guild)
        yield desk
