"""Alive, ready, well: what is asked by whoever runs the service, and what is counted for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import pytest
import sqlalchemy as sa

from bot.counters import Counters
from bot.http.health import Probe, health_routes
from bot.http.metrics import metrics_route
from bot.http.server import HttpServer
from bot.operation.ticking import Tick
from storage.engine import open_engine, writing
from storage.outbox import NewDelivery, insert_deliveries
from tests.cast import NOW
from tests.storage.test_queue_stats import destination

SAMPLE = re.compile(r'creditbot_[a-z_]+(\{[a-z_]+="[a-z_ ]*"(,[a-z_]+="[a-z_ ]*")*\})? -?[0-9.e+]+')


@dataclass
class Served:
    """The routes of health over a database, and what they answer."""

    base: str
    states: dict[str, str]
    tick: Tick
    counters: Counters
    http: aiohttp.ClientSession = field(repr=False)

    async def get(self, path: str) -> tuple[int, str]:
        async with self.http.get(self.base + path) as answer:
            return answer.status, await answer.text()

    async def samples(self) -> Mapping[str, float]:
        _, text = await self.get("/metrics")
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}


@asynccontextmanager
async def served(engine: sa.Engine) -> AsyncIterator[Served]:
    states = {"slack": "up", "discord": "standby"}
    counters, probe = Counters(), Probe(engine)
    tick = Tick(engine, lambda: NOW, replica="here:1", counters=counters)
    routes = [
        *health_routes(lambda: states, probe),
        metrics_route(lambda: states, probe, tick, counters, lambda: NOW),
    ]
    server = HttpServer("127.0.0.1", 0, routes)
    port = await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Served(f"http://127.0.0.1:{port}", states, tick, counters, http)
    finally:
        await server.stop()
        probe.close()
        tick.close()


async def test_who_stands_by_is_ready(engine: sa.Engine) -> None:
    async with served(engine) as here:
        status, body = await here.get("/health/ready")
    assert status == 200
    assert '"ready": true' in body
    assert '"database": "up"' in body


@pytest.mark.parametrize(
    ("part", "words"), [("tick", "stuck"), ("slack", "off: refused"), ("clock", "moved 24 h")]
)
async def test_what_is_not_well_makes_it_unready_but_not_dead(
    sqlite_engine: sa.Engine, part: str, words: str
) -> None:
    async with served(sqlite_engine) as here:
        here.states[part] = words
        answers = [await here.get(path) for path in ("/health/ready", "/health", "/health/live")]
    assert [status for status, _ in answers] == [503, 503, 200]
    assert words in answers[0][1]


async def test_without_a_database_it_is_alive_and_says_what_is_missing() -> None:
    engine = open_engine("postgresql://me:canary@127.0.0.1:1/none")
    async with served(engine) as here:
        live, _ = await here.get("/health/live")
        ready, words = await here.get("/health/ready")
        samples = await here.samples()
    engine.dispose()
    assert (live, ready) == (200, 503)
    assert "does not answer" in words
    assert "canary" not in words
    assert samples["creditbot_database_up"] == 0
    assert not any("deliveries" in name for name in samples)


async def test_a_replica_stays_ready_while_a_deploy_brings_newer_tables(
    sqlite_engine: sa.Engine,
) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999_later'"))
    async with served(sqlite_engine) as here:
        assert (await here.get("/health/ready"))[0] == 200


async def test_probes_of_a_database_that_hangs_do_not_pile_up(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.http.health.LOOK_SECONDS", 0.05)
    let_go, running = asyncio.Event(), list[int]()
    loop = asyncio.get_running_loop()

    def hang(_: sa.Engine) -> None:
        running.append(1)
        asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result()

    monkeypatch.setattr("bot.http.health.require_tables", hang)
    async with served(sqlite_engine) as here:
        found = await asyncio.gather(*(here.get("/health/ready") for _ in range(5)))
        let_go.set()
    assert {status for status, _ in found} == {503}
    assert running == [1]


async def test_every_line_is_one_that_prometheus_reads(engine: sa.Engine) -> None:
    async with served(engine) as here:
        await here.tick.run()
        here.counters.up("sends", platform="slack", outcome="sent")
        _, text = await here.get("/metrics")
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in samples if not SAMPLE.fullmatch(line)] == []
    names = [line.split("{")[0].split(" ")[0] for line in samples]
    declared = re.findall(r"# TYPE (\S+) (?:counter|gauge)", text)
    assert sorted(set(names)) == sorted(declared)
    assert text.endswith("\n")


async def test_the_queue_and_the_tick_are_counted(engine: sa.Engine) -> None:
    to = destination(engine, "C1")
    rows = [
        NewDelivery(
            workspace_id=1,
            dedupe_key=str(n),
            kind="digest",
            trigger="schedule",
            destination_id=to,
            actor="slack:T1:U1",
            due_at=NOW - timedelta(minutes=n),
            created_at=NOW,
        )
        for n in (1, 4)
    ]
    with writing(engine) as connection:
        insert_deliveries(connection, rows)
    async with served(engine) as here:
        await here.tick.run()
        samples = await here.samples()
    assert samples['creditbot_deliveries_waiting{state="planned"}'] == 2
    assert samples['creditbot_deliveries_waiting{state="ready"}'] == 0
    assert samples["creditbot_oldest_waiting_seconds"] == 240
    assert samples["creditbot_ticks_total"] == 1
    assert samples["creditbot_last_tick_age_seconds"] == 0
    assert samples['creditbot_part_up{part="discord"}'] == 1
    assert samples['creditbot_part_standby{part="discord"}'] == 1


async def test_no_name_channel_or_token_is_in_a_label(engine: sa.Engine) -> None:
    destination(engine, "Ccanary", name="canary", state="dead", dead_reason="canary")
    async with served(engine) as here:
        here.states["slack"] = "off: xoxb-canary"
        _, text = await here.get("/metrics")
    assert "creditbot_dead_destinations 1" in text
    assert "canary" not in text
