"""The check-up: what is set, what answers, and what to do about the rest."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import sqlalchemy as sa
from pydantic import SecretStr

from bot.operation.doctor_live import running
from bot.operation.findings import Finding
from bot.settings import Settings
from storage.engine import opened, reading
from storage.errors import StorageError
from storage.migrate import require_current
from storage.workspaces import list_workspaces

CLOCK_SECONDS = 30
LEAST_SECRET = 24
ADMIN = re.compile(r"slack:[TE][A-Z0-9]+:[UW][A-Z0-9]+|discord:[0-9]+:[0-9]+")
PREFIXES = {
    "CREDITBOT_SLACK_BOT_TOKEN": "xoxb-",
    "CREDITBOT_SLACK_APP_TOKEN": "xapp-",
}


async def examine(settings: Settings, *, now: datetime, live: bool) -> list[Finding]:
    """Findings about settings, database and tokens; with `live` the platforms are asked."""
    findings = [*_settings(settings), *_database(settings), *_tokens(settings)]
    if live:
        findings += list(running(settings, now))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            findings += [finding async for finding in _live(settings, session, now)]
    return findings


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok  ", "Time zone", settings.timezone)
    env = Path(".env")
    if env.exists() and env.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding("note", ".env", "Others can read it; `chmod 600 .env` keeps it private.")
    yield from _admins(settings.admins)
    yield from _unknown_names()


def _unknown_names() -> Iterator[Finding]:
    """Names in the environment that look like ours and are none: a typing mistake, most likely."""
    known = [f"CREDITBOT_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        if name.startswith("CREDITBOT_") and name not in known and "_TEST_" not in name:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {close[0]}?" if close else ""
            yield Finding("note", name, f"No setting has this name.{hint}")


def _admins(admins: str) -> Iterator[Finding]:
    name = "CREDITBOT_ADMINS"
    words = [word.strip() for word in admins.split(",") if word.strip()]
    if not words:
        yield Finding("note", name, "Empty: nobody in chat is an owner yet.")
    for word in words:
        if ADMIN.fullmatch(word) is None:
            hint = "It should read slack:TEAM:USER or discord:SERVER:USER, with ids and no names."
            yield Finding("FAIL", name, f"'{word}' names nobody. {hint}")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        with opened(settings.database_url) as engine:
            yield _database_finding(engine)
    except StorageError as error:
        yield Finding("FAIL", "Database", str(error))


def _database_finding(engine: sa.Engine) -> Finding:
    missing = _missing_file(engine.url)
    if missing is not None:  # connecting would leave an empty one behind
        words = f"The file '{missing}' does not exist yet; run `creditbot migrate`."
        return Finding("FAIL", "Database", words)
    require_current(engine)
    with reading(engine) as connection:
        names = ", ".join(workspace.name for workspace in list_workspaces(connection))
    return Finding("ok  ", "Database", f"{engine.dialect.name}, workspaces: {names}")


def _missing_file(url: sa.URL) -> str | None:
    """The file of an SQLite database that is not there."""
    file = url.database
    if url.get_backend_name() != "sqlite" or not file or file == ":memory:":
        return None
    return None if Path(file).exists() else file


def _tokens(settings: Settings) -> Iterator[Finding]:
    slack = {
        "CREDITBOT_SLACK_BOT_TOKEN": settings.slack_bot_token,
        "CREDITBOT_SLACK_APP_TOKEN": settings.slack_app_token,
    }
    if not any(slack.values()):
        yield Finding("note", "Slack", "Not set up; see docs/slack.md.")
    else:
        yield from (_token(name, value) for name, value in slack.items())
    yield from _purchases(settings)
    if settings.discord_token is None:
        yield Finding("note", "Discord", "Not set up; see docs/discord.md.")
    elif settings.discord_token.get_secret_value().count(".") != 2:
        yield Finding(
            "FAIL", "CREDITBOT_DISCORD_TOKEN", "A bot token has three parts with dots between."
        )
    else:
        yield Finding("ok  ", "CREDITBOT_DISCORD_TOKEN", "is set")


def _purchases(settings: Settings) -> Iterator[Finding]:
    """Nothing is said where nobody buys; a short secret can be guessed."""
    secret = settings.purchase_secret
    if secret is not None and len(secret.get_secret_value()) < LEAST_SECRET:
        words = f"Shorter than {LEAST_SECRET} characters: `openssl rand -hex 32` makes a good one."
        yield Finding("FAIL", "CREDITBOT_PURCHASE_SECRET", words)
    elif secret is not None:
        yield Finding("ok  ", "CREDITBOT_PURCHASE_SECRET", "is set")
    if settings.purchase_url:
        words = "Every purchase goes there, whatever the policy says: for tests."
        yield Finding("note", "CREDITBOT_PURCHASE_URL", words)


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
    for finding in (found for date in dates[-1:] for found in _clock(date, now)):
        yield finding


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
    if not isinstance(answer, dict):  # what a proxy in between says, or nothing at all
        words = f"No usable answer from {url}: status {response.status}."
        return Finding("FAIL", name, words)
    refused = answer.get("error") or answer.get("message")
    if response.status >= 400 or refused:
        return Finding("FAIL", name, f"Refused: {refused or response.status}.")
    return Finding("ok  ", name, "is accepted")


def _clock(date: str, now: datetime) -> Iterator[Finding]:
    """Signatures and tokens of a computer whose clock is wrong are refused."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:  # says nothing about our clock
        return
    apart = abs((theirs.replace(tzinfo=theirs.tzinfo or UTC) - now).total_seconds())
    if apart > CLOCK_SECONDS:
        yield Finding("FAIL", "Clock", f"{apart:.0f} s apart from the platform's: set it.")
    else:
        yield Finding("ok  ", "Clock", now.astimezone(UTC).isoformat(timespec="seconds"))
