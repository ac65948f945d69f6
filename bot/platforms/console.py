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
from bot.render.widths import PIPED_WIDTH


@dataclass(frozen=True, slots=True)
class Post:
    """A message or file in a channel; `parent` is the id of the post that it belongs to."""

    id: str
    channel_id: str
    is_direct: bool  # the conversation with the person whom the channel id names
    text: str
    buttons: tuple[str, ...]  # what each numbered button carries, from [1] on
    reference: str
    parent: str | None = None
    content: bytes | None = None


class ConsoleSender:
    """Writes messages out; see `bot.chat.Sender`.

    `clock` says beside each what time it is, `width` how wide its tables may be now.
    """

    name = "console"

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        clock: Callable[[], str] = str,
        width: Callable[[], int] = lambda: PIPED_WIDTH,
    ) -> None:
        self._write = write
        self._clock = clock
        self._width = width
        self.posts: dict[str, Post] = {}

    def compose(
        self, report: Report, *, buttons: Mapping[Button, str], reference: str, pictured: bool
    ) -> Payload:
        """The text of a report, and what its numbered buttons carry."""
        del pictured  # a terminal shows none; it lies beside as a file
        del reference  # a post is found by it without anybody reading it
        kept = [_with_values(block, buttons) for block in report.blocks]
        rows = [block.buttons for block in kept if isinstance(block, Actions)]
        told = replace(report, blocks=tuple(kept))
        shown = renderer.render(told, width=self._width(), pressable=True)
        carried = [buttons[button] for row in rows for button in row]
        return {"text": shown, "buttons": carried}

    def plainer(self, payload: Payload) -> Payload | None:
        """None: it is bare text already."""
        del payload
        return None  # the answer, not the lack of one

    def noted(self, payload: Payload, text: str) -> Payload:
        """The message with a sentence below; a file gets it alone."""
        return {**payload, "text": f"{payload.get('text', '')}\n{text}".lstrip()}

    async def send(self, outgoing: Outgoing) -> str:
        """The id of the post; a change takes the old one's place."""
        if outgoing.act == "edit":
            return self._change(outgoing)
        post = self._post(str(len(self.posts) + 1), outgoing)
        self.posts[post.id] = post
        self._tell(post, f"under {post.parent}" if post.parent else "")
        return post.id

    def _change(self, outgoing: Outgoing) -> str:
        old = self.posts.get(outgoing.parent or "")
        if old is None:
            raise SendError("payload", "message_not_found")
        new = replace(self._post(old.id, outgoing), reference=old.reference, parent=old.parent)
        self.posts[old.id] = new
        self._tell(new, "now says")
        return new.id

    def _tell(self, post: Post, how: str) -> None:
        where = f"{'@' if post.is_direct else '#'}{post.channel_id}, message {post.id}"
        head = " · ".join(filter(None, (f"{where} {how}".rstrip(), self._clock())))
        self._write(f"{head}\n{post.text}\n")

    def _post(self, key: str, outgoing: Outgoing) -> Post:
        attached = outgoing.attachment
        text = str(outgoing.payload.get("text", ""))
        if outgoing.act == "file":
            text = f"[{outgoing.file_name}]"
        return Post(
            id=key,
            channel_id=outgoing.address.channel_id,
            is_direct=outgoing.address.is_direct,
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
