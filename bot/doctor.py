"""The check-up: what is set, what answers, and what to do about the rest."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

import aiohttp
from pydantic import SecretStr

from bot.settings import Settings
from storage.engine import open_engine, reading
from storage.errors import StorageError
from storage.migrate import require_current
from storage.workspaces import list_workspaces

Mark = Literal["ok  ", "note", "FAIL"]
CLOCK_SECONDS = 30
PREFIXES = {
    "CREDITBOT_SLACK_BOT_TOKEN": "xoxb-",
    "CREDITBOT_SLACK_APP_TOKEN": "xapp-",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up."""

    mark: Mark
    subject: str
    words: str

    @property
    def is_wrong(self) -> bool:
        """Whether somebody must mend it."""
        return self.mark == "FAIL"


async def examine(settings: Settings, *, now: datetime, live: bool) -> list[Finding]:
    """Findings about settings, database and tokens; with `live` the platforms are asked."""
    findings = [*_settings(settings), *_database(settings), *_tokens(settings)]
    if live:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            findings += [finding async for finding in _live(settings, session, now)]
    return findings


def _settings(settings: Settings) -> Iterator[Finding]:
    if settings.timezone not in available_timezones():
        yield Finding("FAIL", "CREDITBOT_TIMEZONE", f"'{settings.timezone}' is not an IANA zone.")
    else:
        yield Finding("ok  ", "Time zone", settings.timezone)
    env = Path(".env")
    if env.exists() and env.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding("note", ".env", "Others can read it; `chmod 600 .env` keeps it private.")
    if not settings.admins:
        yield Finding("note", "CREDITBOT_ADMINS", "Empty: nobody in chat is an owner yet.")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        engine = open_engine(settings.database_url)
        require_current(engine)
        with reading(engine) as connection:
            found = list_workspaces(connection)
    except StorageError as error:
        yield Finding("FAIL", "Database", str(error))
        return
    names = ", ".join(workspace.name for workspace in found)
    yield Finding("ok  ", "Database", f"{engine.dialect.name}, workspaces: {names}")


def _tokens(settings: Settings) -> Iterator[Finding]:
    slack = {
        "CREDITBOT_SLACK_BOT_TOKEN": settings.slack_bot_token,
        "CREDITBOT_SLACK_APP_TOKEN": settings.slack_app_token,
    }
    if not any(slack.values()):
        yield Finding("note", "Slack", "Not set up; see docs/slack.md.")
    else:
        yield from (_token(name, value) for name, value in slack.items())
    if settings.discord_token is None:
        yield Finding("note", "Discord", "Not set up; see docs/discord.md.")
    elif settings.discord_token.get_secret_value().count(".") != 2:
        yield Finding(
            "FAIL", "CREDITBOT_DISCORD_TOKEN", "A bot token has three parts with dots between."
        )
    else:
        yield Finding("ok  ", "CREDITBOT_DISCORD_TOKEN", "is set")


def _token(name: str, value: SecretStr | None) -> Finding:
    prefix = PREFIXES[name]
    if value is None:
        return Finding("FAIL", name, "Missing: Slack needs the bot and the app token.")
    if not value.get_secret_value().startswith(prefix):
        return Finding("FAIL", name, f"This token should start with {prefix}")
    return Finding("ok  ", name, "is set")


async def _live(
    settings: Settings, session: aiohttp.ClientSession, now: datetime
) -> AsyncIterator[Finding]:
    """What each platform says to its token, and how far the clocks are apart."""
    dates: list[str] = []
    for name, token, method in (
        ("CREDITBOT_SLACK_BOT_TOKEN", settings.slack_bot_token, "auth.test"),
        ("CREDITBOT_SLACK_APP_TOKEN", settings.slack_app_token, "apps.connections.open"),
    ):
        if token is not None:
            url = settings.slack_api_url.rstrip("/") + "/" + method
            yield await _asked(session, name, ("POST", url, f"Bearer {_text(token)}"), dates)
    if settings.discord_token is not None:
        url = settings.discord_api_url.rstrip("/") + "/users/@me"
        head = f"Bot {_text(settings.discord_token)}"
        yield await _asked(session, "CREDITBOT_DISCORD_TOKEN", ("GET", url, head), dates)
    if dates:
        yield _clock(dates[-1], now)


def _text(token: SecretStr) -> str:
    return token.get_secret_value()


async def _asked(
    session: aiohttp.ClientSession, name: str, call: tuple[str, str, str], dates: list[str]
) -> Finding:
    """The platform's word about a token; its clock goes to `dates`."""
    method, url, authorization = call
    try:
        async with session.request(
            method, url, headers={"Authorization": authorization}
        ) as response:
            if "Date" in response.headers:
                dates.append(response.headers["Date"])
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Finding("FAIL", name, f"No usable answer from {url}: {type(error).__name__}.")
    refused = answer.get("error") or answer.get("message")
    if response.status >= 400 or refused:
        return Finding("FAIL", name, f"Refused: {refused or response.status}.")
    return Finding("ok  ", name, "is accepted")


def _clock(date: str, now: datetime) -> Finding:
    """Signatures and tokens of a computer whose clock is wrong are refused."""
    apart = abs((parsedate_to_datetime(date) - now).total_seconds())
    if apart > CLOCK_SECONDS:
        return Finding("FAIL", "Clock", f"{apart:.0f} s apart from the platform's: set it.")
    return Finding("ok  ", "Clock", now.astimezone(UTC).isoformat(timespec="seconds"))
