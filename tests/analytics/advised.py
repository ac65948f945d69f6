"""Usage that advice can be drawn from: people who use a costly and a cheap model on one task."""

from __future__ import annotations

from datetime import timedelta

from storage.engine import writing
from storage.events import UsageEvent
from storage.evidence import rebuild_evidence
from storage.timekeys import day_number, to_micros
from tests.analytics.world import World
from tests.cast import NOW, event

PEOPLE = tuple(f"{name}@x.example" for name in ("ann", "ben", "cem", "dora"))
COSTLY, CHEAP = "gpt-4o", "claude-3-haiku"  # 2x and 0.5x


def used(  # a kind of prompt, each part by name
    model: str,
    count: int,
    *,
    task: str | None = "Email",
    failed: int = 0,
    days: int = 20,
    tokens_in: int | None = 400,
) -> list[UsageEvent]:
    """`count` prompts of each person over the days before today; the first of them fail."""
    return [
        event(
            model=model,
            person=person,
            task=task,
            ok=number >= failed,
            ts=to_micros(NOW - timedelta(days=1 + number % days, minutes=number)),
            tokens_in=tokens_in,
        )
        for person in PEOPLE
        for number in range(count)
    ]


def gathered(world: World) -> World:
    """The world after its night."""
    with writing(world.engine) as connection:
        clock = world.workspace.clock()
        rebuild_evidence(connection, world.workspace.id, clock, day_number(NOW.date()))
    return world


def advised(world: World) -> World:
    """A world with one piece of advice: the cheap model does as well on e-mail."""
    world.write([*used(COSTLY, 100, failed=3), *used(CHEAP, 100, failed=3)])
    return gathered(world)
