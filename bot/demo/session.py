"""The demo's conversation: lines in, answers out, buttons pressed by their number."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from analytics.report import (
    Button,
    Export,
    Report,
)
from bot.context import Identity, Place
from bot.demo.database import YOU
from bot.demo.platform import LivePlatform, span_of
from bot.desk import Desk
from bot.registry import parse
from bot.render import text
from bot.render.frame import frame_of
from bot.render.widths import window_width

CHANNEL = "ai-credits"
MAX_WIDTH = 140  # beyond, facts side by side are no longer read at a glance
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
HELP = (
    "You own this workspace and are Anna Schmidt of Engineering: `me` tells what you used.\n"
    "Type a line, for example `by-model last 7d` or `by-user this month department=Design`.\n"
    "A number presses a button of the last answer; `help` lists every command; `quit` ends."
)
CHANNELS = (
    "You are in #ai-credits; `#ops` goes to another channel. What is told unasked arrives here:\n"
    "try `digest subscribe daily 09:00` and `alerts here`, then `skip 1d` (or `skip 6h`).\n"
    "`3.1` presses button 1 of message 3."
)
SKIP = "Say how long: `skip 30m`, `skip 6h`, `skip 1d`, up to `skip 62d`."
_CHANNEL = re.compile(r"#(?P<name>[a-z0-9][a-z0-9_-]{0,40})")
_PRESS = re.compile(r"(?P<message>\d{1,6})\.(?P<button>\d{1,3})")


@dataclass(slots=True)
class Session:
    """One conversation at a terminal; it remembers the buttons of the last answer.

    Pictures and files are written into `folder`.
    """

    desk: Desk
    console: Console
    folder: Path
    runner: asyncio.Runner
    live: LivePlatform | None = None
    buttons: tuple[Button, ...] = field(default=())
    channel: str = CHANNEL
    _is_asked: bool = False
    _pressed: int = 0

    @property
    def prompt(self) -> str:
        """Where a line is typed: the channel, where there are channels."""
        return f"#{self.channel} /credits " if self.live else "/credits "

    @property
    def you(self) -> Identity:
        """Who asks, and where."""
        if self.live is None:
            return YOU
        return replace(YOU, place=Place(self.channel, self.channel))

    def ask(self, line: str) -> None:
        """Print the answer of a line, write its picture, offer its buttons."""
        report = self.desk.answer(line, self.you)
        if report.export is not None:
            self._write_file(report.export)
            return
        self._print_report(report)
        self._write_picture(report)
        self.buttons = frame_of(report).buttons
        self._say("")

    def take(self, typed: str) -> None:
        """Do what a person typed: press a button, or answer the line."""
        line = typed.strip().removeprefix("/credits").strip()
        if self.live is not None and self._lived(self.live, line):
            return
        if line.isascii() and line.isdigit():
            self._press(int(line))
        elif typed.strip():
            self.ask(line)

    def stay(self, read: Callable[[], str]) -> None:
        """Take lines until the person leaves."""
        self._say(HELP if self.live is None else f"{HELP}\n{CHANNELS}")
        while True:
            try:
                typed = self._read(read)
            except EOFError:
                self._say("")
                return
            except KeyboardInterrupt:
                self._say("\nThe line is dropped; `quit` or Ctrl-D leaves.")
                continue
            if typed.strip().casefold().split(" ")[0] in ("quit", "exit"):
                return
            self.take(typed)

    def _read(self, read: Callable[[], str]) -> str:
        self._is_asked = True
        try:
            return read()
        finally:
            self._is_asked = False

    def arrives(self, words: str) -> None:
        """Print what arrives while a line is being typed: above the prompt, which comes again."""
        if not self._is_asked:
            self._say(words)
            return
        self.console.file.write("\r\x1b[2K")
        self._say(words)
        self.console.file.write(f"{self.prompt}{_typed_so_far()}")
        self.console.file.flush()

    # ---- channels and time

    def _lived(self, live: LivePlatform, line: str) -> bool:
        """Go to a channel, let time pass, press a button of a message; whether it was that."""
        if channel := _CHANNEL.fullmatch(line):
            self.channel = channel["name"]
            return True
        word, _, rest = line.partition(" ")
        if word in ("skip", "wait"):
            self._skip(live, rest)
            return True
        pressed = _PRESS.fullmatch(line)
        if pressed is not None:
            self._press_in(live, pressed["message"], int(pressed["button"]))
        return pressed is not None

    def _skip(self, live: LivePlatform, text: str) -> None:
        span = span_of(text or "1h")
        if span is None:
            self._say(f"'{text}' is no stretch of time. {SKIP}")
            return
        live.skip(span)
        now = live.clock.now().astimezone(ZoneInfo(live.work.zone))
        self._say(f"It is {now:%A} {now.day} {now:%B %Y, %H:%M}.")

    def _press_in(self, live: LivePlatform, number: str, button: int) -> None:
        post = live.post(number)
        if post is None:
            self._say(f"There is no message {number} yet.")
            return
        if not 1 <= button <= len(post.buttons):
            known = f"1 to {len(post.buttons)}" if post.buttons else "none"
            self._say(f"Message {number} has no button {button}; it has {known}.")
            return
        self._pressed += 1
        key = f"{post.id}.{self._pressed}"
        wish = self.desk.wish(post.buttons[button - 1], self.you, key=key)
        if wish is None:
            self._say("This button was pressed already, or is too old.")
            return
        self._do(Button("", wish.line, wish.verb))

    # ---- buttons

    def _press(self, number: int) -> None:
        if not 1 <= number <= len(self.buttons):
            known = f"1 to {len(self.buttons)}" if self.buttons else "none"
            self._say(f"The last answer has no button {number}; it has {known}.")
            return
        self._do(self.buttons[number - 1])

    def _do(self, button: Button) -> None:
        match button.verb:
            case "ask":
                self._say(f"> {button.line}")
                self.ask(button.line)
            case "do":
                self._say(f"> {button.line}")
                self.ask(button.line)
            case "csv" | "json" | "pdf" | "png":
                self._write_file(Export(button.verb, button.line))
            case "share":
                self._share(button.line)
            case "edit":
                self._say(
                    f"In chat this opens a form. Here, change the line and type it: {button.line}"
                )
                self._say(f"`help {parse(button.line).command.name}` lists its options.")

    def _write_file(self, wanted: Export) -> None:
        made = self.runner.run(self.desk.export(wanted.line, wanted.form, self.you))
        if isinstance(made, Report):
            self._print_report(made)
        else:
            self._write(made.name, made.content)

    def _share(self, line: str) -> None:
        report = self.desk.shared(line, self.you, channel=self.channel)
        self._say(f"In #{self.channel} everybody would see:")
        self._print_report(report)
        if report.line:
            self.desk.share_ended(report.line, self.you, channel=self.channel, result="done")

    # ---- output

    def _write_picture(self, report: Report) -> None:
        picture = self.runner.run(self.desk.picture(report, "light"))
        if picture is not None:
            name = _NOT_IN_NAMES.sub("-", report.line).strip("-")
            self._write(f"{name[:80]}.png", picture)

    def _write(self, name: str, content: bytes) -> None:
        file = self.folder / name
        try:
            file.write_bytes(content)
        except OSError as error:
            self._say(f"{_shown(file)} could not be written: {error.strerror}.")
            return
        self._say(f"Written: {_shown(file)}")

    def _print_report(self, report: Report) -> None:
        width = min(window_width(self.console), MAX_WIDTH)
        self._say(text.render(report, width=width, pressable=True))

    def _say(self, words: str) -> None:
        # Names in an answer must not be read as rich's markup.
        self.console.print(words, markup=False, highlight=False, soft_wrap=True)


def _typed_so_far() -> str:
    """What stands on the line that is being typed, where the terminal library knows it."""
    readline = sys.modules.get("readline")
    return readline.get_line_buffer() if readline else ""


def _shown(file: Path) -> str:
    """A path as seen from the working directory."""
    return os.path.relpath(file)
