"""The channels of the Slack double: what is posted, changed, uploaded and read back there.

A message is seen in the history only `history_delay` seconds after it was taken.  `record` gets
everything that people can see, the moment it exists.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.doubles.slack_payloads import BOT_USER, CHANNEL, DIRECT, Payload

BOT_ID = "B0"
NOW = 1774875900.0


class Refused(Exception):  # noqa: N818  # becomes {"ok": false, "error": word}
    """Slack's word for a no."""


class Channels:
    """Channels with their messages, and files; the clock gives epoch seconds."""

    def __init__(self) -> None:
        self.base = ""
        self.clock: Callable[[], float] = lambda: NOW
        self.record: Callable[[Payload], None] = lambda _: None
        self.messages: list[Payload] = []
        self.channels: dict[str, Payload] = {}
        self.channel = self.add_channel(CHANNEL, name="general")
        self.is_member = True
        self.history_delay = 0.0
        self.files: dict[str, bytes] = {}
        self.polls_until_ready = 1
        self.members = ["U1", BOT_USER]
        self._directs = {DIRECT}
        self._polls: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._ts = 100

    def add_channel(self, key: str, *, name: str) -> Payload:
        """A channel that the bot is in."""
        self.channels[key] = {"id": key, "name": name, "is_channel": True}
        return self.channels[key]

    def _require(self, channel: str) -> None:
        """Whether the bot may post and read here."""
        known = self.channels.get(channel)
        if known is None and channel not in self._directs:
            raise Refused("channel_not_found")
        if known and known.get("is_archived"):
            raise Refused("is_archived")
        if known and not self.is_member:
            raise Refused("not_in_channel")

    # ---- posting

    def _chat_postMessage(self, args: Payload) -> Payload:  # noqa: N802  # Slack's name
        return {"channel": args["channel"], "ts": self._posted("message", args)}

    def _chat_postEphemeral(self, args: Payload) -> Payload:  # noqa: N802  # Slack's name
        return {"message_ts": self._posted("ephemeral", args)}

    def _posted(self, kind: str, args: Payload) -> str:
        self._require(args["channel"])
        self._check_images(args)
        return self._said(kind, args)

    def _said(self, kind: str, args: Payload) -> str:
        """Keep a message; from now on it exists."""
        self._ts += 1
        at = self.clock()
        ts = f"{int(at)}.{self._ts % 1_000_000:06d}"
        self.messages.append({"kind": kind, "ts": ts, **args})
        self.messages[-1]["taken_at"] = at
        key = (args.get("metadata") or {}).get("event_payload", {}).get("key")
        names = [self._names[file["id"]] for file in args.get("files", ())]
        channel = args.get("channel") or args.get("channel_id")
        said = {"channel": channel, "thread": args.get("thread_ts"), "at": at}
        said["text"] = json.dumps(args.get("blocks") or args.get("text"))
        self.record({"did": kind, "id": ts, "key": key or "".join(names), **said})
        return ts

    def _chat_update(self, args: Payload) -> Payload:
        found = [m for m in self.messages if m["ts"] == args["ts"] and m["kind"] == "message"]
        if not found:
            raise Refused("message_not_found")
        self._check_images(args)
        found[0] |= args
        self.record({"did": "edit", "id": args["ts"], "channel": args["channel"]})
        return {"channel": args["channel"], "ts": args["ts"], "text": args["text"]}

    def _check_images(self, args: Payload) -> None:
        for block in args.get("blocks", []):
            file = block.get("slack_file", {}).get("id")
            if file and not (file in self.files and self._is_looked_at(file)):
                raise Refused("invalid_blocks")

    def _is_looked_at(self, file: str) -> bool:
        return self._polls.get(file, -1) >= self.polls_until_ready

    # ---- reading

    def _conversations_history(self, args: Payload) -> Payload:
        self._require(args["channel"])
        roots = [m for m in self._visible(args) if not m.get("thread_ts")]
        return self._page(roots[::-1], args)  # the newest first

    def _conversations_replies(self, args: Payload) -> Payload:
        self._require(args["channel"])
        here = [m for m in self.messages if _channel_of(m) == args["channel"]]
        roots = [m for m in here if m["ts"] == args["ts"]]
        if not roots:
            raise Refused("thread_not_found")
        replies = [m for m in self._visible(args) if m.get("thread_ts") == args["ts"]]
        return self._page([*roots, *replies], args)

    def _visible(self, args: Payload) -> list[Payload]:
        """What the channel's history shows by now since `oldest`."""
        shown_until = self.clock() - self.history_delay
        return [
            message
            for message in self.messages
            if _channel_of(message) == args["channel"]
            and message["kind"] != "ephemeral"
            and message["taken_at"] <= shown_until
            and float(message["ts"]) > float(args.get("oldest", 0))
        ]

    def _page(self, messages: list[Payload], args: Payload) -> Payload:
        start, size = int(args.get("cursor") or 0), int(args.get("limit", 100))
        shown = [self._as_read(m, args) for m in messages[start : start + size]]
        more = len(messages) > start + size
        cursor = {"response_metadata": {"next_cursor": str(start + size)}} if more else {}
        return {"messages": shown, "has_more": more, **cursor}

    def _as_read(self, message: Payload, args: Payload) -> Payload:
        read: Payload = {"type": "message", "user": BOT_USER, "bot_id": BOT_ID}
        read |= {key: message[key] for key in ("text", "ts", "thread_ts") if message.get(key)}
        if args.get("include_all_metadata") and "metadata" in message:
            read["metadata"] = message["metadata"]
        if message["kind"] == "file":
            ids = [file["id"] for file in message["files"]]
            read["files"] = [{"id": key, "name": self._names[key]} for key in ids]
        said_by: Payload = message.get("said_by", {})
        return read | said_by

    def _conversations_info(self, args: Payload) -> Payload:
        if args["channel"] not in self.channels:
            raise Refused("channel_not_found")
        return {"channel": {**self.channels[args["channel"]], "is_member": self.is_member}}

    def _conversations_members(self, args: Payload) -> Payload:
        self._require(args["channel"])
        start, size = int(args.get("cursor") or 0), int(args.get("limit", 100))
        more = len(self.members) > start + size
        after = {"response_metadata": {"next_cursor": str(start + size) if more else ""}}
        return {"members": self.members[start : start + size], **after}

    def _conversations_open(self, args: Payload) -> Payload:
        direct = f"D{args['users'].removeprefix('U')}"
        self._directs.add(direct)
        return {"channel": {"id": direct}}

    # ---- files

    def _files_getUploadURLExternal(self, args: Payload) -> Payload:  # noqa: N802  # Slack's name
        file = f"F{len(self.files) + 1:08d}"
        self.files[file] = b""
        self._names[file] = args["filename"]
        return {"upload_url": f"{self.base}/upload/{file}", "file_id": file}

    def _files_completeUploadExternal(self, args: Payload) -> Payload:  # noqa: N802  # Slack's name
        for file in args["files"]:
            if not self.files.get(file["id"]):
                raise Refused("file_not_found")
            self._polls[file["id"]] = 0
        if "channel_id" in args:
            self._require(args["channel_id"])
            self._said("file", args)
        return {"files": [{"id": file["id"], "title": file["title"]} for file in args["files"]]}

    def _files_info(self, args: Payload) -> Payload:
        file = args["file"]
        if file not in self._polls:
            raise Refused("file_not_found")
        self._polls[file] += 1
        mime = {"mimetype": "image/png"} if self._is_looked_at(file) else {}
        return {"file": {"id": file, **mime}}


def _channel_of(message: Payload) -> str | None:
    channel: str | None = message.get("channel") or message.get("channel_id")
    return channel
