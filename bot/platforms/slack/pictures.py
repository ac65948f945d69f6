"""Files on their way to Slack: asked for, uploaded, completed, waited for.

An image block may name a file only when Slack has looked at it; named too early the whole message
is refused (slackapi/python-slack-sdk#1521).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

POLLS = (0.5, 1.0, 2.0, 4.0)
MAX_ALT = 1000


class Untrusted(Exception):  # noqa: N818  # names what it is
    """An address that is not Slack's was given for sending something to."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for Slack; `alt` describes a picture."""

    name: str
    content: bytes
    title: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Clients:
    """Slack's Web API twice, and plain HTTP for the addresses that Slack hands out.

    `reads` repeats what failed and is for calls that may be repeated; `posts` never repeats,
    because a post whose reply was lost may have been taken.
    """

    reads: AsyncWebClient
    posts: AsyncWebClient
    http: aiohttp.ClientSession

    def trusted(self, url: str) -> str:
        """The address, when it is one of Slack's or of the server the settings name instead."""
        if not is_slacks(url, self.reads.base_url):
            raise Untrusted(urlsplit(url).hostname or "no address")
        return url


def is_slacks(url: str, api_url: str) -> bool:
    """Whether an address belongs to Slack, or to the very server that the settings name."""
    given, home = urlsplit(url), urlsplit(api_url)
    if (given.scheme, given.netloc) == (home.scheme, home.netloc):
        return True
    host = given.hostname or ""
    return home.hostname == "slack.com" and given.scheme == "https" and host.endswith(".slack.com")


class Files:
    """Uploads; raises what the Web API raises."""

    def __init__(self, clients: Clients, *, polls: Sequence[float] = POLLS) -> None:
        self._clients = clients
        self._polls = polls

    async def send(
        self, file: Upload, *, channel: str | None = None, thread: str | None = None
    ) -> str:
        """The id of the uploaded file; without a channel nobody sees it until a message does."""
        file_id = await self.upload(file)
        await self.complete(file_id, file, channel=channel, thread=thread)
        return file_id

    async def upload(self, file: Upload) -> str:
        """The id of a file whose bytes Slack has, and which does not exist for anybody yet."""
        alt = file.alt[:MAX_ALT] or None
        asked = await self._clients.reads.files_getUploadURLExternal(
            filename=file.name, length=len(file.content), alt_txt=alt, alt_text=alt
        )
        url = self._clients.trusted(asked["upload_url"])
        # As a file it is written piece by piece; the loop would stand still for all of it at once.
        async with self._clients.http.post(url, data=BytesIO(file.content)) as reply:
            reply.raise_for_status()
        file_id: str = asked["file_id"]
        return file_id

    async def complete(
        self,
        file_id: str,
        file: Upload,
        *,
        channel: str | None,
        thread: str | None,
        words: str = "",
    ) -> None:
        """Make an uploaded file exist, in a channel for everybody there with `words` above it."""
        await self._clients.posts.files_completeUploadExternal(
            files=[{"id": file_id, "title": file.title}],
            channel_id=channel,
            thread_ts=thread,
            initial_comment=words or None,
        )

    async def is_ready(self, file_id: str) -> bool:
        """Whether Slack has looked at the file, after at most the sum of the polls."""
        for pause in self._polls:
            reply = await self._clients.reads.files_info(file=file_id)
            if reply["file"].get("mimetype"):
                return True
            await asyncio.sleep(pause)
        reply = await self._clients.reads.files_info(file=file_id)
        return bool(reply["file"].get("mimetype"))
