"""The check-up: what is wrong is named, and looking changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.operation.doctor import examine
from bot.operation.findings import Finding
from bot.settings import Settings
from tests.cast import NOW


async def found(settings: Settings, subject: str, *, live: bool = False) -> list[Finding]:
    findings = await examine(settings, now=NOW, live=live)
    return [finding for finding in findings if finding.subject == subject]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(
    "admins", ["U1", "slack:acme:sarah", "slack:T1", "slack:T1:U1 slack:T1:U2", "discord:1:me"]
)
@pytest.mark.usefixtures("folder")
async def test_an_owner_who_is_nobody_is_quoted(admins: str) -> None:
    [finding] = await found(Settings(admins=admins), "CREDITBOT_ADMINS")
    assert finding.is_wrong
    assert f"'{admins}'" in finding.words


@pytest.mark.usefixtures("folder")
async def test_owners_by_their_ids_are_well() -> None:
    admins = "slack:T024BE7LD:U2147483697, discord:118:119,"
    assert await found(Settings(admins=admins), "CREDITBOT_ADMINS") == []


async def test_looking_for_a_database_makes_none(folder: Path) -> None:
    [finding] = await found(Settings(), "Database")
    assert finding.is_wrong
    assert "creditbot migrate" in finding.words
    assert files_in(folder) == []


@asynccontextmanager
async def saying(body: str, *, date: str) -> AsyncIterator[str]:
    """A server that says this to everything; gives its address."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=502, headers={"Date": date})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("body", ["null", "[]", "", "<html>", '"no"'])
@pytest.mark.usefixtures("folder")
async def test_a_platform_that_answers_nonsense_is_named(body: str) -> None:
    async with saying(body, date="the day after") as address:
        settings = Settings(slack_bot_token=SecretStr("xoxb-1"), slack_api_url=address)
        findings = await found(settings, "CREDITBOT_SLACK_BOT_TOKEN", live=True)
    assert "No usable answer" in findings[-1].words


async def test_a_mistyped_setting_is_named_with_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREDITBOT_SLAK_BOT_TOKEN", "xoxb-1")
    found = await examine(Settings(_env_file=None), now=NOW, live=False)  # type: ignore[call-arg]  # pydantic-settings reads it itself
    [finding] = [one for one in found if one.subject == "CREDITBOT_SLAK_BOT_TOKEN"]
    assert "CREDITBOT_SLACK_BOT_TOKEN" in finding.words
    assert not finding.is_wrong
