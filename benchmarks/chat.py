"""Full answers in Slack, on the wire: from the slash command to the reply leaving us.

The double answers from the same event loop, so its share is counted as ours; only its checks
against Slack's schemas, which belong to the tests, are left out.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from dataclasses import dataclass
from unittest.mock import patch

from benchmarks.lab import NOW, Lab
from benchmarks.measurement import Measurement, percentile
from bot.desk import Desk
from bot.drawing import Drawing
from storage.engine import opened
from tests.doubles import slack
from tests.doubles.slack_payloads import slash
from tests.doubles.slack_stage import serving

# Each range is asked once: a picture that was drawn before would come from the cache.
QUESTIONS = ("by-model last {}d", "by-user last {}d", "timeline last {}d by day")


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds of each command until its acknowledgement and until its answer."""

    acknowledged: list[float]
    answered: list[float]


def measure(lab: Lab) -> list[Measurement]:
    """Acknowledgements, texts, and texts with their chart."""
    with opened(f"sqlite:///{lab.filled(lab.events)}") as engine, closing(Drawing()) as drawing:
        with closing(Desk(engine, now=lambda: NOW)) as desk:
            texts = asyncio.run(_waits(desk, lab.answers))
        with closing(Desk(engine, now=lambda: NOW, drawing=drawing)) as desk:
            charts = asyncio.run(_waits(desk, lab.answers))
    acknowledged = [*texts.acknowledged, *charts.acknowledged]
    return [
        Measurement("Slack: acknowledged, p99", percentile(acknowledged, 99), 50, "ms"),
        Measurement("Slack: text, p95", percentile(texts.answered, 95), 40, "ms"),
        Measurement("Slack: with chart, p95", percentile(charts.answered, 95), 150, "ms"),
    ]


async def _waits(desk: Desk, answers: int) -> Waits:
    waits = Waits([], [])
    with patch.object(slack, "complaints", autospec=True, return_value=[]):
        async with slack.slack_double() as double, serving(double, desk):
            for number in range(answers + len(QUESTIONS)):
                line = QUESTIONS[number % len(QUESTIONS)].format(2 + number // len(QUESTIONS))
                await _ask(double, line, waits)
    # The first of each kind finds nothing prepared.
    return Waits(waits.acknowledged[len(QUESTIONS) :], waits.answered[len(QUESTIONS) :])


async def _ask(double: slack.SlackDouble, line: str, waits: Waits) -> None:
    key = line.replace(" ", "-")
    started = time.perf_counter()
    await double.send("slash_commands", slash(line, url=double.response_url(key)))
    waits.acknowledged.append((time.perf_counter() - started) * 1000)
    await double.until(lambda: double.responses[key], seconds=60)
    waits.answered.append((time.perf_counter() - started) * 1000)
