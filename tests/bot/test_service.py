"""The running service: it starts by the Procfile, tells its health, and ends when it is told to."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from analytics.errors import UserError
from analytics.report import (
    Report,
)
from bot.asking import Asking
from bot.context import Identity
from bot.delivery.transactions import Transactions
from bot.delivery.worker import Deliveries
from bot.desk import Desk
from bot.drawing import Drawing
from bot.http.health import health as health_route
from bot.http.server import HttpServer
from bot.operation.leases import Leases
from bot.operation.ticking import EXIT_STUCK
from bot.operation.upkeep import Upkeep
from bot.operation.witness import Witness
from bot.scheduler import Job, Ticker
from bot.service import Service
from bot.settings import Settings
from bot.wiring import deliveries_of
from tests.bot.program import ROOT, Program, creditbot, environment
from tests.cast import NOW
from tests.storage.budgeted import budgeted

PROCFILE = "\n".join((ROOT / "Procfile").read_text(encoding="utf-8").splitlines())


@contextmanager
def honcho(folder: Path, process: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`honcho start PROCESS` over the project's Procfile, ended with the block."""
    running = subprocess.Popen(  # noqa: S603  # our own Procfile
        [sys.executable, "-m", "honcho", "-f", str(ROOT / "Procfile"), "start", process],
        env=environment(folder, PYTHONUNBUFFERED="1", **settings),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def line_with(running: subprocess.Popen[str], words: str) -> str:
    """The first line of output that holds some words."""
    assert running.stdout is not None
    seen = []
    for line in running.stdout:
        seen.append(line)
        if words in line:
            return line
    pytest.fail(f"{words!r} never came:\n{''.join(seen)}")


def health(port: int) -> tuple[int, dict[str, object]]:
    """Status and body of /health."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_procfile_starts_the_bot_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with honcho(tmp_path, "bot") as running:
        started = line_with(running, "service.started")
        found = re.search(r'"health_port": (\d+)', started)
        assert found is not None
        assert health(int(found[1])) == (200, {"parts": {}})
        running.send_signal(signal.SIGTERM)
        assert line_with(running, "service.stopped")
        running.wait(20)


def test_the_release_line_migrates(tmp_path: Path) -> None:
    with honcho(tmp_path, "release") as running:
        assert line_with(running, "Tables are in place")


def test_a_platform_without_its_second_token_is_named_and_the_rest_runs(tmp_path: Path) -> None:
    with honcho(tmp_path, "bot", CREDITBOT_SLACK_BOT_TOKEN="xoxb-1") as running:  # noqa: S106  # no token
        refused = line_with(running, "platform.refused")
        assert "CREDITBOT_SLACK_APP_TOKEN" in refused
        running.send_signal(signal.SIGTERM)
        assert line_with(running, "service.stopped")


def test_the_procfile_names_the_two_processes() -> None:
    assert PROCFILE == "release: creditbot migrate\nbot: creditbot run"


def unresolvable(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("host", ["203.0.113.1", "not..a.host", "nohost.invalid"])
async def test_an_address_that_cannot_be_listened_on_is_a_mistake_that_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    if host.endswith(".invalid"):
        monkeypatch.setattr(socket, "getaddrinfo", unresolvable)
    with pytest.raises(UserError, match=f"'{host}:0' cannot be listened on") as refused:
        await HttpServer(host, 0, [health_route(dict)]).start()
    assert "CREDITBOT_HTTP_HOST" in refused.value.hint


async def test_a_state_that_is_not_well_turns_the_health_red() -> None:
    states = {"discord": "up", "ledger": "verified"}
    server = HttpServer("127.0.0.1", 0, [health_route(lambda: states)])
    port = await server.start()
    assert (await asyncio.to_thread(health, port))[0] == 200
    states["ledger"] = "acme: 2 sums differ from the ledger"
    assert await asyncio.to_thread(health, port) == (503, {"parts": states})
    await server.stop()


def service_in(folder: Path) -> Service:
    settings = Settings(
        database_url=f"sqlite:///{folder / 'creditbot.db'}",
        http_port=0,
        discord_token=SecretStr("a.b.c"),
    )
    return Service(settings, lambda: NOW)


async def test_a_library_that_is_missing_turns_only_its_platform_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bot.platforms.discord", None)
    service = service_in(tmp_path)
    service.stop.set()
    await service.run()
    assert "library" in service.states["discord"]


async def test_the_first_answer_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bot.platforms.discord", None)
    service, loop, answer = service_in(tmp_path), asyncio.get_running_loop(), Desk.answer
    answers = []

    def answer_and_stop(desk: Desk, line: str, identity: Identity, **key: str) -> Report:
        answers.append(answer(desk, line, identity, **key))
        loop.call_soon_threadsafe(service.stop.set)
        return answers[-1]

    monkeypatch.setattr(Desk, "answer", answer_and_stop)
    await service.run()
    assert [report.line for report in answers] == ["overview"]


def test_a_token_that_is_missing_is_named_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Program(tmp_path, monkeypatch, capsys)
    program("migrate")
    done = program("discord-sync")
    assert done.returncode == 2
    assert done.stderr == "CREDITBOT_DISCORD_TOKEN is not set.\n"


def test_a_database_whose_host_has_no_address_is_named_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unresolvable)
    program = Program(tmp_path, monkeypatch, capsys)
    done = program("verify", CREDITBOT_DATABASE_URL="postgresql://me@nohost.invalid/creditbot")
    assert done.returncode == 2
    assert "failed to resolve host" in done.stderr


def test_the_demo_lives_in_the_zone_that_is_set(tmp_path: Path) -> None:
    done = creditbot(tmp_path, "demo", "--events", "2000", CREDITBOT_TIMEZONE="Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(tmp_path / "demo" / "creditbot.db")) as kept:
        assert kept.execute("SELECT zone FROM workspace").fetchone() == ("Asia/Tokyo",)


@pytest.mark.parametrize(("ahead", "runs"), [(0, 1), (400 * 86_400, 0)])
async def test_a_clock_that_is_ahead_deletes_nothing(ahead: int, runs: int) -> None:
    service, ran = Service(Settings(), lambda: NOW + timedelta(seconds=ahead)), []

    async def job() -> None:
        ran.append(1)

    service.guard.note_platform(format_datetime(NOW))
    await service._when_sure(job)()
    assert len(ran) == runs


class Platform(Witness):
    """A platform that says what time it is, after a while."""

    def __init__(self, service: Service, seconds: float = 0.0) -> None:
        super().__init__((), service.guard)
        self._seconds = seconds

    async def ask(self) -> None:
        await asyncio.sleep(self._seconds)
        self._guard.note_platform(format_datetime(NOW))


async def test_a_start_with_a_wrong_clock_hears_of_it_before_anything_is_decided(
    sqlite_engine: sa.Engine,
) -> None:
    service = Service(Settings(), lambda: NOW + timedelta(hours=1))
    await service._heard(sqlite_engine, Platform(service))
    assert not service._is_sure()


async def test_a_start_does_not_wait_for_a_platform_that_hangs(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.service.HEAR_SECONDS", 0.01)
    service = Service(Settings(), lambda: NOW)
    asked = await service._heard(sqlite_engine, Platform(service, 3600))
    assert not asked.done()
    asked.cancel()


async def test_a_start_hears_of_the_database_s_clock(postgres_engine: sa.Engine) -> None:
    service = Service(Settings(), lambda: NOW - timedelta(days=365))
    await service._heard(postgres_engine, Platform(service, 0))
    assert service.guard.differences(NOW).database is not None


@pytest.mark.parametrize("name", ["purge", "decide"])
async def test_a_clock_that_is_ahead_forgets_and_ends_nothing(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    service, ran, jobs = Service(Settings(), lambda: NOW + timedelta(days=400)), [], {}

    async def job(_: Upkeep) -> None:
        ran.append(1)

    def every(_: Ticker, __: float, job: Job, *, name: str) -> None:
        jobs[name] = job

    monkeypatch.setattr(Upkeep, name, job)
    monkeypatch.setattr(Ticker, "every", every)
    service._ticker(sqlite_engine, Leases(sqlite_engine, service.now, holder="here:1"), ())
    service.guard.note_platform(format_datetime(NOW))
    await jobs[name]()
    assert ran == []


async def test_the_tick_looks_at_budgets(sqlite_engine: sa.Engine) -> None:
    place = budgeted(sqlite_engine)
    place.spend(80)
    place.limit(100)
    service, drawing = Service(Settings(), lambda: NOW), Drawing()
    tick = service._tick(sqlite_engine, "here:1")
    deliveries = deliveries_of(
        service.settings,
        Transactions(sqlite_engine, lambda: NOW),
        {},
        drawing=drawing,
        asking=Asking(now=lambda: NOW, owners=(), workspace=None),
        owners=(),
        counters=service.counters,
    )
    service._tell_due(tick, deliveries, ())
    await tick.run()
    for one in (tick, deliveries, drawing):
        one.close()
    assert place.told() == [[75]]


async def test_a_worker_that_ends_by_a_bug_ends_the_service_to_be_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Deliveries) -> bool:
        raise ZeroDivisionError

    monkeypatch.setitem(sys.modules, "bot.platforms.discord", None)
    monkeypatch.setattr(Deliveries, "turn", broken)
    service = service_in(tmp_path)
    async with asyncio.timeout(60):
        await service.run()
    assert service.exit_code == EXIT_STUCK
