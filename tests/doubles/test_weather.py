"""The rules that a verdict about senders rests on: each of the doubles' misdeeds is as it says."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from tests.doubles.discord import DiscordDouble, running_double
from tests.doubles.discord_gateway import TOKEN
from tests.doubles.slack import BOT_TOKEN, SlackDouble, slack_double
from tests.doubles.slack_payloads import CHANNEL
from tests.doubles.weather import Weather

AS_SLACK = {"Authorization": f"Bearer {BOT_TOKEN}"}
AS_DISCORD = {"Authorization": f"Bot {TOKEN}"}
USUAL, IMPATIENT = aiohttp.ClientTimeout(5), aiohttp.ClientTimeout(total=0.2)
Said = dict[str, Any]


@asynccontextmanager
async def slack_in(weather: Weather) -> AsyncIterator[SlackDouble]:
    async with slack_double() as double:
        double.weather = weather
        yield double


async def say(
    double: SlackDouble, patience: aiohttp.ClientTimeout = USUAL
) -> tuple[int, Said, str]:
    """Post a message; the status, the answer and what it says about waiting."""
    body = {"channel": CHANNEL, "text": "hello"}
    url = f"{double.api_url}chat.postMessage"
    async with (
        aiohttp.ClientSession(timeout=patience) as session,
        session.post(url, json=body, headers=AS_SLACK) as reply,
    ):
        said = await reply.json() if reply.content_type == "application/json" else {}
        return reply.status, said, reply.headers.get("Retry-After", "")


async def post(double: DiscordDouble, nonce: str) -> tuple[int, Said, aiohttp.ClientResponse]:
    body = {"content": "hello", "nonce": nonce, "enforce_nonce": True}
    url = f"{double.api_url}/channels/{double.channel}/messages"
    async with aiohttp.request("POST", url, json=body, headers=AS_DISCORD) as reply:
        return reply.status, await reply.json(), reply


async def history(double: SlackDouble) -> list[Said]:
    url = f"{double.api_url}conversations.history?channel={CHANNEL}"
    async with aiohttp.request("GET", url, headers=AS_SLACK) as reply:
        found: list[Said] = (await reply.json())["messages"]
        return found


async def test_who_does_not_wait_out_a_429_is_counted() -> None:
    now = 0.0
    weather = Weather(limited=1.0, retry_after=7.0, clock=lambda: now)
    async with slack_in(weather) as double:
        assert (await say(double))[::2] == (429, "7.0")
        now = 6.9
        await say(double)
        assert len(weather.hasty) == 1
        assert weather.hasty[0].startswith(f"chat.postMessage {CHANNEL}: ")
        now = 20.0
        await say(double)
    assert len(weather.hasty) == 1
    assert not double.messages


async def test_discords_429_names_its_proxy_and_a_ban_does_not() -> None:
    async with running_double() as double:
        double.weather = Weather(limited=1.0, retry_after=7.0)
        status, said, reply = await post(double, "a")
        assert (status, said["retry_after"]) == (429, 7.0)
        assert "Via" in reply.headers
        double.is_banned = True
        url = f"{double.api_url}/users/@me"
        async with aiohttp.request("GET", url, headers=AS_DISCORD) as banned:
            assert (banned.status, "Via" in banned.headers) == (429, False)


async def test_a_500_did_nothing() -> None:
    async with slack_in(Weather(failed=1.0)) as double:
        assert (await say(double))[0] == 500
    assert not double.messages


async def test_a_lost_request_is_taken_at_once_and_never_answered() -> None:
    async with slack_in(Weather(lost=1.0, late=0.0, hold=1.0)) as double:
        with pytest.raises(TimeoutError):
            await say(double, IMPATIENT)
        assert len(double.messages) == 1


async def test_a_late_request_lands_when_its_sender_has_long_gone() -> None:
    async with slack_in(Weather(lost=1.0, late=1.0, landing=0.5)) as double:
        with pytest.raises(TimeoutError):
            await say(double, IMPATIENT)
        assert not double.messages
        await double.until(lambda: double.messages)


async def test_a_held_answer_is_cut_after_its_time() -> None:
    async with slack_in(Weather(lost=1.0, late=0.0, hold=0.1)) as double:
        with pytest.raises(aiohttp.ClientError):
            await say(double)


async def test_a_hanging_channel_answers_nobody_and_does_nothing() -> None:
    async with slack_in(Weather(hanging=frozenset({CHANNEL}))) as double:
        with pytest.raises(TimeoutError):
            await say(double, IMPATIENT)
    assert not double.messages


async def test_half_a_request_does_nothing() -> None:
    async with slack_double() as double:
        host, port = double.base.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST /api/chat.postMessage HTTP/1.1\r\nHost: {host}\r\nContent-Length: 500\r\n"
            f"Authorization: Bearer {BOT_TOKEN}\r\nContent-Type: application/json\r\n\r\n"
        )
        writer.write(f'{head}{{"channel": "{CHANNEL}", "te'.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await say(double)
    assert [message["text"] for message in double.messages] == ["hello"]


async def test_a_message_is_in_the_history_only_after_a_while() -> None:
    async with slack_double() as double:
        double.history_delay = 5.0
        await say(double)
        assert await history(double) == []
        double.clock = lambda: double.messages[0]["taken_at"] + 5.1
        assert [message["text"] for message in await history(double)] == ["hello"]


async def test_a_nonce_is_forgotten_after_its_window() -> None:
    async with running_double() as double:
        start = double.clock()
        first, again = await post(double, "a"), await post(double, "a")
        double.clock = lambda: start + double.nonce_window + 1
        later = await post(double, "a")
    assert first[1]["id"] == again[1]["id"] != later[1]["id"]


def test_the_dice_throw_what_they_are_told_to() -> None:
    weather = Weather(limited=0.5, failed=0.2, lost=0.1)
    anyone = make_mocked_request("GET", "/")
    for n in range(10_000):
        weather.fate(str(n), anyone)
    counts = weather.counts
    assert counts["limited"] == pytest.approx(5000, abs=200)
    assert counts["failed"] == pytest.approx(2000, abs=150)
    assert counts["lost"] + counts["late"] == pytest.approx(1000, abs=120)


def test_the_record_outlives_its_process(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    command = [sys.executable, "-m", "tests.doubles.serve", str(record), "--channels", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # ours
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        sent = asyncio.run(_say_at(where["slack"]))
        process.send_signal(signal.SIGKILL)
    (line,) = record.read_text().splitlines()
    told = json.loads(line)
    assert (told["did"], told["id"], told["channel"]) == ("message", sent, "C000000")


async def _say_at(api_url: str) -> str:
    body = {"channel": "C000000", "text": "hello"}
    url = f"{api_url}chat.postMessage"
    async with aiohttp.request("POST", url, json=body, headers=AS_SLACK) as reply:
        return str((await reply.json())["ts"])
