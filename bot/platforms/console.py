"""Channels in a terminal: what is sent unasked is written out and stays in memory.

For the demo, where the whole chat platform is one process; its posts can be listed and their
numbered buttons pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from analytics.report import Actions, Block, Button, Report
from bot.chat import Address, Outgoing, Payload, SendError, Standing
from bot.render import text as renderer
from bot.render.frame import ref


@dataclass(frozen=True, slots=True)
class Post:
    """A message or file in a channel; `parent` is the id of the post that it belongs to."""

    id: str
    channel_id: str
    text: str
    buttons: tuple[str, ...]  # what each numbered button carries, from [1] on
    reference: str
    parent: str | None = None
    content: bytes | None = None


class ConsoleSender:
    """Writes messages out; see `bot.chat.Sender`."""

    name = "terminal"

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self.posts: dict[str, Post] = {}

    def compose(
        self, report: Report, *, buttons: Mapping[Button, str], reference: str, pictured: bool
    ) -> Payload:
        """The text of a report, and what its numbered buttons carry."""
        del pictured  # a terminal shows none; it lies beside as a file
        kept = [_with_values(block, buttons) for block in report.blocks]
        rows = [block.buttons for block in kept if isinstance(block, Actions)]
        shown = renderer.render(replace(report, blocks=tuple(kept)), pressable=True)
        carried = [buttons[button] for row in rows for button in row]
        return {"text": f"{shown}\n{ref(reference)}", "buttons": carried}

    def plainer(self, payload: Payload) -> Payload | None:
        """None: it is bare text already."""
        del payload
        return None  # the answer, not the lack of one

    def noted(self, payload: Payload, text: str) -> Payload:
        """The message with a sentence below."""
        return {**payload, "text": f"{payload['text']}\n{text}"}

    async def send(self, outgoing: Outgoing) -> str:
        """The id of the post; a change takes the old one's place."""
        if outgoing.act == "edit":
            return self._change(outgoing)
        post = self._post(str(len(self.posts) + 1), outgoing)
        self.posts[post.id] = post
        under = f" under {post.parent}" if post.parent else ""
        self._write(f"#{post.channel_id}, message {post.id}{under}\n{post.text}\n")
        return post.id

    def _change(self, outgoing: Outgoing) -> str:
        old = self.posts.get(outgoing.parent or "")
        if old is None:
            raise SendError("payload", "message_not_found")
        new = replace(self._post(old.id, outgoing), reference=old.reference, parent=old.parent)
        self.posts[old.id] = new
        self._write(f"#{new.channel_id}, message {new.id} now says\n{new.text}\n")
        return new.id

    def _post(self, key: str, outgoing: Outgoing) -> Post:
        attached = outgoing.attachment
        text = str(outgoing.payload.get("text", ""))
        if outgoing.act == "file":
            text = f"[{outgoing.file_name}]"
        return Post(
            id=key,
            channel_id=outgoing.address.channel_id,
            text=text,
            buttons=tuple(cast("list[str]", outgoing.payload.get("buttons", []))),
            reference=outgoing.reference,
            parent=outgoing.parent,
            content=attached.content if attached else None,
        )

    async def find(self, outgoing: Outgoing, *, since: datetime) -> str | None:
        """The post of that reference."""
        del since
        wanted = outgoing.reference
        return next((post.id for post in self.posts.values() if post.reference == wanted), None)

    async def standing(self, address: Address, *, person: str = "") -> Standing:
        """A channel of the terminal takes everything."""
        inside = True if person else None
        name = address.channel_id
        return Standing(
            name, can_post=True, can_read_history=True, is_external=False, is_member=inside
        )

    async def probe(self, external_id: str) -> None:
        """A terminal needs no token."""

    async def close(self) -> None:
        """Nothing is held."""


def _with_values(block: Block, buttons: Mapping[Button, str]) -> Block:
    """Without the buttons that carry nothing."""
    if not isinstance(block, Actions):
        return block
    return Actions(tuple(button for button in block.buttons if button in buttons))
