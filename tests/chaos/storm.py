"""Random kills in bad weather: replicas die without a word while messages fall due."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from storage.engine import opened, reading
from storage.outbox import ENDED
from storage.outgoing import Delivery, Subscription
from tests.chaos.load import Load, fill
from tests.chaos.stage import SCALE, Nursery, staged, until
from tests.chaos.verdict import Verdict, judge

# Half of all requests wait, a fifth is answered by an error, a tenth gets no answer at all.
STORM = ("--limited", "0.5", "--lost", "0.1", "--late", "0.5")


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.  Times are in seconds; all those of delivery are multiplied by `scale`."""

    load: Load
    replicas: int
    kills: int
    pause: tuple[float, float]  # between two kills, at least and at most
    scale: float = SCALE
    failed: float = 0.2
    seed: int = 7
    patience: float = 900.0  # for what is still open after the last kill

    @property
    def weather(self) -> Sequence[str]:
        """The storm; what lands late does so within the margin that senders wait."""
        landing = 15.0 * self.scale * 0.6
        # A few of Slack's seconds, and of Discord's minutes.
        after = {
            "--failed": self.failed,
            "--retry-after": self.scale,
            "--landing": landing,
            "--hold": 60.0 * self.scale,
            "--history-delay": 5.0 * self.scale,
            "--nonce-window": 180.0 * self.scale,
        }
        given = [word for name, value in after.items() for word in (name, f"{value:g}")]
        return (*STORM, *given, "--seed", str(self.seed))


LONG = {
    "postgresql": Plan(Load(10_000, 90, 300.0, teams=6), replicas=3, kills=500, pause=(0.2, 4.0)),
    # A replica alone is given time to do something before it dies.
    "sqlite": Plan(Load(10_000, 90, 300.0, teams=6), replicas=1, kills=500, pause=(1.0, 12.0)),
}
# With fewer errors, because the pauses after several in a row are most of a short run.
MILD = Plan(Load(0, 0, 0), replicas=0, kills=0, pause=(0.2, 0.5), failed=0.08, patience=240.0)
SHORT = {
    "postgresql": replace(MILD, load=Load(48, 8, 10.0, attach=""), replicas=3, kills=42),
    "sqlite": replace(
        MILD, load=Load(24, 6, 10.0, attach=""), replicas=1, kills=18, pause=(0.5, 1.2)
    ),
}


def storm(folder: Path, url: str, plan: Plan) -> Verdict:
    """Let it rain, kill, wait until everything has ended, and read the record."""
    dice = random.Random(plan.seed)  # noqa: S311  # dice
    began = time.monotonic()
    with staged(
        folder, url, weather=plan.weather, channels=plan.load.channels, scale=plan.scale
    ) as (platforms, nursery):
        fill(url, platforms.where, plan.load, start=datetime.now(UTC))
        for _ in range(plan.replicas):
            nursery.spawn()
        with opened(url) as engine:
            _kill(nursery, engine, plan, dice)
            until(lambda: not is_open(engine), plan.patience, every=0.5)
        for pid in list(nursery.living):
            nursery.signal(pid, 15)  # type: ignore[arg-type]  # SIGTERM
            nursery.wait(pid)
        time.sleep(1.0)  # what is still landing
    verdict = judge(url, platforms.record, due=plan.load.due)
    return replace(verdict, kills=plan.kills, seconds=time.monotonic() - began)


def _kill(nursery: Nursery, engine: sa.Engine, plan: Plan, dice: random.Random) -> None:
    """Spread the kills over the messages, however fast the machine is."""
    apart = plan.load.messages / plan.kills
    soonest, latest = plan.pause
    for _ in range(plan.kills):
        time.sleep(soonest)
        goal = _ended(engine) + dice.uniform(0, 2 * apart)
        until(partial(_has_reached, engine, goal), dice.uniform(0, latest - soonest), every=0.1)
        nursery.kill(dice.choice(nursery.living))
        nursery.spawn()


def _has_reached(engine: sa.Engine, goal: float) -> bool:
    return _ended(engine) >= goal


def _ended(engine: sa.Engine) -> int:
    """How many messages have come to their end."""
    delivery = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel's
    rows = sa.select(sa.func.count()).where(delivery.c.state.in_(ENDED))
    with reading(engine) as connection:
        return int(connection.scalar(rows) or 0)


def is_open(engine: sa.Engine, *, but: str = "") -> bool:
    """Whether something is still to be planned, made or sent, `but` for one kind."""
    delivery, subscription = Delivery.__table__, Subscription.__table__  # type: ignore[attr-defined]  # SQLModel's
    now = datetime.now(UTC)
    with reading(engine) as connection:
        rows = sa.select(sa.func.count()).where(delivery.c.state.not_in(ENDED))
        rows = rows.where(delivery.c.kind != but)
        due = sa.select(sa.func.count()).where(subscription.c.next_due <= now)
        return bool(connection.scalar(rows) or connection.scalar(due))
