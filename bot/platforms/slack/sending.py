"""Slack for what nobody asked for: one request each, found again by its metadata.

Slack has no key that makes it take a message once (slackapi/slack-api-specs#10), so each message
carries its reference in `metadata`, each file in its name, and `find` reads them back.  Nothing is
repeated here: slack-sdk's own retry would post twice when a reply is lost.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

import structlog

from analytics.report import Button, Report
from bot.chat import NO_PICTURE, Address, Attachment, Outgoing, Payload, SendError, Standing
from bot.platforms.slack.faults import word_of
from bot.platforms.slack.looking import EVENT, Looking
from bot.platforms.slack.pictures import Files, Upload
from bot.platforms.slack.requests import Requests
from bot.render.limits import clip
from bot.render.slack import NOTE, message, plain
from bot.render.slack_body import entities, plain_text
from bot.settings import Settings

log = structlog.get_logger()
PLACE = "picture"  # stands for the id of the file that a message's picture will get
PLAIN = "plain"  # the message as bare text, a part of the payload that stays with us
REMEMBERED = 1_000
HTTP_SECONDS = 10.0
PICTURE_SHARE = 0.8  # upload and Slack's look at it; with the post still less than a send may take
UPLOAD, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"


class SlackSender:
    """Sends to one Slack workspace; see `bot.chat.Sender`.

    `http_seconds` is what one request may take; a picture gets most of that beforehand.
    """

    name = "slack"

    def __init__(self, settings: Settings, *, http_seconds: float = HTTP_SECONDS) -> None:
        self._requests = Requests(settings, http_seconds=http_seconds)
        self._looking = Looking(self._requests)
        self._picture_seconds = PICTURE_SHARE * http_seconds
        self._uploaded: OrderedDict[str, str] = OrderedDict()  # digest of a picture to its file

    # ---- what a message looks like

    def compose(
        self, report: Report, *, buttons: Mapping[Button, str], reference: str, pictured: bool
    ) -> Payload:
        """Text and blocks; where the picture belongs an image block names no file yet."""
        image = PLACE if pictured else None
        made = message(report, image=image, values=buttons, reference=reference)
        bare = plain(report, reference=reference)
        return {"text": made.text, "blocks": made.blocks, PLAIN: bare}

    def plainer(self, payload: Payload) -> Payload | None:
        """The bare text; None when it is that already."""
        return {"text": payload[PLAIN]} if payload.get(PLAIN) else None

    def noted(self, payload: Payload, text: str) -> Payload:
        """The message with a sentence below everything but its buttons; a file gets it alone."""
        said = clip(text, NOTE // 2, entities)
        if not payload:
            return {"text": said}
        if not payload.get("blocks"):
            return {**payload, "text": f"{payload['text']}\n{said}"}
        blocks = list(cast("list[dict[str, object]]", payload["blocks"]))
        place = next((i for i, b in enumerate(blocks) if b["type"] == "actions"), len(blocks))
        blocks.insert(place, {"type": "context", "elements": [plain_text(text, NOTE // 2)]})
        bare = {PLAIN: f"{payload[PLAIN]}\n{said}"} if PLAIN in payload else {}
        return {**payload, "blocks": blocks, **bare}

    # ---- what is sent

    async def send(self, outgoing: Outgoing) -> str:
        """The timestamp of the message, or the id of the file."""
        channel = await self._requests.channel(outgoing.address)
        match outgoing.act:
            case "file":
                return await self._send_file(outgoing, channel)
            case "edit":
                return await self._change(outgoing, channel)
            case "post" | "reply":
                return await self._post(outgoing, channel)

    async def _post(self, outgoing: Outgoing, channel: str) -> str:
        contents = await self._contents(outgoing)
        web = self._requests.clients.posts
        reply = await self._requests.called(
            "chat.postMessage",
            lambda: web.chat_postMessage(
                channel=channel,
                thread_ts=outgoing.parent if outgoing.act == "reply" else None,
                metadata={"event_type": EVENT, "event_payload": {"key": outgoing.reference}},
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **contents,
            ),
            effect=True,
        )
        return cast("str", reply["ts"])

    async def _change(self, outgoing: Outgoing, channel: str) -> str:
        """A change may be repeated; the metadata of the message stays without being named."""
        contents, ts = await self._contents(outgoing), outgoing.parent or ""
        web = self._requests.clients.posts
        await self._requests.called(
            "chat.update",
            lambda: web.chat_update(channel=channel, ts=ts, link_names=False, **contents),
            effect=True,
        )
        return ts

    async def _send_file(self, outgoing: Outgoing, channel: str) -> str:
        """Only the last of three steps can be seen by anybody."""
        attached = outgoing.attachment
        if attached is None:
            raise SendError("payload", "no_file")
        file = Upload(outgoing.file_name, attached.content, title=attached.name, alt=attached.alt)
        files, words = Files(self._requests.clients), cast("str", outgoing.payload.get("text", ""))
        file_id = await self._requests.called(UPLOAD, lambda: files.upload(file))
        await self._requests.called(
            COMPLETE,
            lambda: files.complete(
                file_id, file, channel=channel, thread=outgoing.parent, words=words
            ),
            effect=True,
        )
        return file_id

    async def _contents(self, outgoing: Outgoing) -> dict[str, Any]:
        """Slack's own arguments, with the picture in its place or a word about its absence."""
        payload = outgoing.payload
        blocks = cast("list[dict[str, object]]", payload.get("blocks") or [])
        if any(map(_awaits, blocks)):
            image = await self._picture(outgoing.attachment)
            if image is None:
                blocks = [block for block in blocks if not _awaits(block)]
                payload = self.noted({**payload, "blocks": blocks}, NO_PICTURE)
                blocks = cast("list[dict[str, object]]", payload["blocks"])
            else:
                blocks = [{**b, "slack_file": {"id": image}} if _awaits(b) else b for b in blocks]
        return {"text": payload["text"], **({"blocks": blocks} if blocks else {})}

    async def _picture(self, picture: Attachment | None) -> str | None:
        """The id of the uploaded picture; None when that fails, which stops no text."""
        if picture is None:
            return None
        digest = sha256(picture.content).hexdigest()
        if digest not in self._uploaded:
            file_id = await self._upload(picture)
            if file_id is None:
                return None
            self._uploaded[digest] = file_id
            if len(self._uploaded) > REMEMBERED:
                self._uploaded.popitem(last=False)
        return self._uploaded[digest]

    async def _upload(self, picture: Attachment) -> str | None:
        file = Upload(picture.name, picture.content, title=picture.name, alt=picture.alt)
        files, called = Files(self._requests.clients), self._requests.called
        try:
            async with asyncio.timeout(self._picture_seconds):
                file_id = await called(UPLOAD, lambda: files.upload(file))
                await called(
                    COMPLETE, lambda: files.complete(file_id, file, channel=None, thread=None)
                )
                if await called("files.info", lambda: files.is_ready(file_id)):
                    return file_id
            log.warning("slack.picture_not_ready")
        except SendError as error:
            if error.retry_after is not None:
                raise  # nothing was posted, and Slack named the time for it
            log.warning("slack.picture_not_uploaded", reason=error.code)
        except TimeoutError as error:
            log.warning("slack.picture_not_uploaded", reason=word_of(error))
        return None

    # ---- what is read

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        """The message of our own that carries the reference, or the file of that name."""
        return None if outgoing.act == "edit" else await self._looking.find(outgoing, since=since)

    async def standing(self, address: Address, *, person: str = "") -> Standing:
        """What Slack says about a channel or a person, asked right now."""
        return await self._looking.standing(address, person)

    async def probe(self, external_id: str) -> None:
        """Ask Slack who we are; the token of another workspace is as bad as none."""
        reply = await self._requests.called("auth.test", self._requests.clients.posts.auth_test)
        if external_id and reply["team_id"] != external_id:
            raise SendError("account", "wrong_team")

    async def close(self) -> None:
        """Let go of connections."""
        await self._requests.close()


def _awaits(block: Mapping[str, object]) -> bool:
    return block.get("slack_file") == {"id": PLACE}
