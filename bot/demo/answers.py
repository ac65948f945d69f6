"""What commands answer in a small pretended company, for the page of commands.

Invariant: the same program gives the same answers, whatever the day: the clock stands still, and
what a command would change is undone before the next one is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from analytics.errors import UserError
from bot.asking import Asking
from bot.context import Identity, Place
from bot.demo.company import members
from bot.demo.database import fill
from bot.demo.usage import Workload
from bot.registry import Command, run
from bot.render import text
from storage.engine import opened, writing
from storage.errors import StorageError
from storage.replicas import note_tick

ZONE = "Europe/Berlin"
NOW = datetime(2026, 3, 30, 14, 5, tzinfo=ZoneInfo(ZONE))
WORK = Workload(now=NOW, zone=ZONE, events=6_000, people=16, months=4)
WIDTH = 100
MOST_LINES, TAIL = 30, 4
ASKING = Asking(now=lambda: NOW, owners=(), workspace=None)
OWNER = Identity("terminal", "", "", place=Place("C1", "ops"))
PERSON = Identity("terminal", "", members(WORK.people)[0].mail)
PERSONAL = ("me", "rate")
# What was decided before anybody asks, so that lists are not empty.
DECIDED = (
    "roi set price 0.04 USD",
    "roi set rate 60 USD",
    "roi set minutes 4",
    'tasks rule save project="Checkout rewrite" -> Coding',
    'tasks rule save project="Data platform" -> "Data analysis"',
    "alerts test",
    "alerts here kind=threshold",
    "purchase policy trigger=90% pack=5000 ceiling=20000",
    "purchase test",
    'digest subscribe weekly fri 16:00 "by-department last 7d"',
)


def sample_answers(commands: Sequence[Command]) -> Mapping[str, str]:
    """The answer to each command's example as text, by the name of the command."""
    with TemporaryDirectory() as folder, opened(f"sqlite:///{folder}/sample.db") as engine:
        fill(engine, WORK, step=lambda _: None)
        with writing(engine) as connection:
            ctx = ASKING.context(connection, OWNER, may_change=True)
            for line in DECIDED:
                run(line, ctx)
            note_tick(connection, "here", {"slack": "up", "discord": "up"}, now=NOW)
        return {known.name: _answer(engine, known) for known in commands}


def _answer(engine: sa.Engine, known: Command) -> str:
    """What the terminal says, shortened; a mistake of an example is said, too."""
    who = PERSON if known.name in PERSONAL else OWNER
    with engine.connect() as connection, connection.begin() as transaction:
        ctx = ASKING.context(connection, who, may_change=known.changes)
        try:
            said = text.render(run(known.example, ctx), width=WIDTH)
        except (UserError, StorageError) as error:
            said = str(error)
        transaction.rollback()
    return "\n".join(_shortened(said.splitlines()))


def _shortened(lines: Sequence[str]) -> Iterator[str]:
    """The beginning and the end of a long answer: the end says what was counted."""
    lines = [line.rstrip() for line in takewhile(_is_answer, lines)]
    while lines and not lines[-1]:
        lines = lines[:-1]
    if len(lines) <= MOST_LINES:
        yield from lines
        return
    head = MOST_LINES - TAIL - 1
    yield from lines[:head]
    yield f"… {len(lines) - head - TAIL} more lines"
    yield from lines[-TAIL:]


def _is_answer(line: str) -> bool:
    return not line.startswith("Ask next:")
