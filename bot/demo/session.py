"""The demo's conversation: lines in, answers out, buttons pressed by their number."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from analytics.report import (
    Button,
    Export,
    Report,
)
from bot.context import Identity, Place
from bot.demo.company import members
from bot.demo.database import CHAT, YOU
from bot.demo.opening import BUDGET
from bot.demo.platform import LivePlatform, span_of
from bot.desk import Desk, ShareResult, Wish
from bot.registry import parse
from bot.render import text
from bot.render.frame import frame_of
from bot.render.widths import window_width, wrapped

CHANNEL = Place("ai-credits", "ai-credits")
MAX_WIDTH = 140  # beyond, facts side by side are no longer read at a glance
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
HELP = (
    "You own this workspace and are Anna Schmidt of Engineering: `me` tells what you used.\n"
    "Type a line, for example `by-model last 7d` or `by-user this month department=Design`.\n"
    "A number presses a button of the last answer; `help` lists every command; `quit` ends."
)
CHANNELS = (
    "You are in #ai-credits; `#ops` goes to another channel, `@` to your talk with creditbot.\n"
    "`@noah.jansen` makes you somebody else, until you go to a channel again.\n"
    "`1.4` presses button 4 of message 1; `skip 1d` lets a day pass."
)
UNASKED = "To see what it tells unasked, type these one after the other:"
SOON = "A warning at 75% comes at once, the one at 90% within hours, the digest in the morning."
CHANGED = "Message {} has other buttons since you pressed that one; `{}` again presses the new one."
PRESSED = "This button was pressed already, or is too old."
SKIP = "Say how long: `skip 30m`, `skip 6h`, `skip 1d`, up to `skip 62d`."
LONG = timedelta(days=7)
_CHANNEL = re.compile(r"#(?P<name>[a-z0-9][a-z0-9_-]{0,40})")
_PERSON = re.compile(r"@(?P<handle>[a-z.]{0,40})")
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
    place: Place = CHANNEL
    _seat: Place = CHANNEL  # the conversation in which the person sits
    _is_asked: bool = False
    _pressed: int = 0
    _last: tuple[str, tuple[str, ...]] = ("", ())  # what was pressed in a message, of what

    @property
    def prompt(self) -> str:
        """Where a line is typed: the channel, where there are channels."""
        return f"{_mark(self.place)}{self.place.channel_id} /credits " if self.live else "/credits "

    @property
    def you(self) -> Identity:
        """Who asks, and where; a direct conversation is read by its person."""
        if self.place.is_direct:
            return _reader(self.place)
        return replace(_reader(self._seat), place=self.place)

    @property
    def width(self) -> int:
        """How wide answers may be."""
        return min(window_width(self.console), MAX_WIDTH)

    def ask(self, line: str) -> bool:
        """Print the answer of a line, write its picture, offer its buttons; whether it was done.

        A line that failed leaves the buttons of the answer before it.
        """
        return self._show(self.desk.answer(line, self.you))

    def _show(self, report: Report) -> bool:
        if report.export is not None:
            self._write_file(report.export)
            return True
        self._print_report(report)
        self._write_picture(report)
        buttons = frame_of(report).buttons
        if report.line or buttons:
            self.buttons = buttons
        self._say("")
        return bool(report.line)

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
        self._say(HELP if self.live is None else f"{HELP}\n{self._channels(self.live)}")
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
            try:
                self.take(typed)
            except KeyboardInterrupt:
                self._say("\nStopped.")

    def _channels(self, live: LivePlatform) -> str:
        """How to see something come, with a budget that will soon be nine tenths used."""
        lines = live.opening_lines()
        if not any(line.startswith(BUDGET) for line in lines):
            return CHANNELS
        return "\n".join((CHANNELS, UNASKED, *(f"  {line}" for line in lines), SOON))

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
        if place := self._place(live, line):
            self.place = self._seat = place
            return True
        word, _, rest = line.partition(" ")
        if line.split() in (["help", "skip"], ["help", "wait"]):
            self._say(SKIP)
            return True
        if word in ("skip", "wait"):
            self._skip(live, rest)
            return True
        pressed = _PRESS.fullmatch(line)
        if pressed is not None:
            self._press_in(live, pressed["message"], int(pressed["button"]))
        return pressed is not None

    def _place(self, live: LivePlatform, line: str) -> Place | None:
        """The channel or conversation that is named; None for any other line."""
        if channel := _CHANNEL.fullmatch(line):
            return Place(channel["name"], channel["name"])
        if (person := _PERSON.fullmatch(line)) is None:
            return None
        handle = person["handle"] or YOU.user_id
        name = next((one.name for one in members(live.work.people) if one.handle == handle), None)
        if name is None:
            handles = [one.handle for one in members(live.work.people)]
            near = (get_close_matches(handle, handles, n=1) or handles[1:2])[0]
            self._say(f"Nobody here is called @{handle}. `@{near}` goes to that person's talk.")
            return self.place
        return Place(handle, name, is_direct=True)

    def _skip(self, live: LivePlatform, text: str) -> None:
        span = span_of(text or "1h")
        if span is None:
            self._say(f"'{text}' is no stretch of time. {SKIP}")
            return
        if span >= LONG:
            self._say("This takes a while; Ctrl-C ends it early.")
        live.skip(span)
        now = live.clock.now().astimezone(ZoneInfo(live.work.zone))
        self._say(f"It is {now:%A} {now.day} {now:%B %Y, %H:%M}.")

    def _press_in(self, live: LivePlatform, number: str, button: int) -> None:
        post = live.post(number)
        if post is None:
            self._say(f"There is no message {number} yet.")
            return
        if not 1 <= button <= len(post.buttons):
            known = _range(len(post.buttons))
            self._say(f"Message {number} has no button {button}; it has {known}.")
            return
        typed, (last, buttons) = f"{number}.{button}", self._last
        self._last = (typed, post.buttons)
        if typed == last and buttons != post.buttons:
            # In chat a button that is gone cannot be pressed twice; a number can.
            self._say(CHANGED.format(number, typed))
            return
        self._pressed += 1
        key, here = f"{post.id}.{self._pressed}", self.place
        # It is pressed where it stands: in a channel by whom the person plays now, in a direct
        # conversation by its person.
        self.place = Place(post.channel_id, post.channel_id, post.is_direct)
        try:
            wish = self.desk.wish(post.buttons[button - 1], self.you, key=key)
            if wish is None:
                self._say(PRESSED)
                return
            self._do(wish)
        finally:
            self.place = here

    # ---- buttons

    def _press(self, number: int) -> None:
        if not 1 <= number <= len(self.buttons):
            known = _range(len(self.buttons))
            self._say(f"The last answer has no button {number}; it has {known}.")
            return
        button = self.buttons[number - 1]
        self._do(Wish(button.verb, button.line))

    def _do(self, wish: Wish) -> None:
        """Do what a button asks for."""
        match wish.verb:
            case "ask":
                self._say(f"> {wish.line}")
                self.ask(wish.line)
            case "do":
                self._say(f"> {wish.line}")
                report = self.desk.pressed(wish, self.you)
                if report is None:
                    self._say(PRESSED)
                else:
                    self._show(report)
            case "csv" | "json" | "pdf" | "png":
                self._write_file(Export(wish.verb, wish.line))
            case "share":
                self._share(wish)
            case "edit":
                self._say(
                    f"In chat this opens a form. Here, change the line and type it: {wish.line}"
                )
                self._say(f"`help {parse(wish.line).command.name}` lists its options.")

    def _write_file(self, wanted: Export) -> None:
        made = self.runner.run(self.desk.export(wanted.line, wanted.form, self.you))
        if isinstance(made, Report):
            self._print_report(made)
        else:
            self._write(made.name, made.content)

    def _share(self, wish: Wish) -> None:
        channel = self.place.channel_id
        report = self.desk.shared(wish.line, self.you, channel=channel)
        self._say(f"In #{channel} everybody would see:")
        self._print_report(report)
        result: ShareResult = "done" if report.line else "refused"
        self.desk.share_ended(wish, self.you, channel=channel, result=result)

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
        self._say(text.render(report, width=self.width, pressable=True))

    def _say(self, words: str) -> None:
        # Names in an answer must not be read as rich's markup.
        words = wrapped(words, self.width)
        self.console.print(words, markup=False, highlight=False, soft_wrap=True)


def _mark(place: Place) -> str:
    return "@" if place.is_direct else "#"


def _reader(place: Place) -> Identity:
    if not place.is_direct or place.channel_id == YOU.user_id:
        return replace(YOU, place=place)
    return Identity(*CHAT, place.channel_id, place.name, place=place)


def _range(count: int) -> str:
    """The numbers of buttons: `1 to 4`, `only 1`, `none`."""
    return f"1 to {count}" if count > 1 else ("none", "only 1")[count]


def _typed_so_far() -> str:
    """What stands on the line that is being typed, where the terminal library knows it."""
    readline = sys.modules.get("readline")
    return readline.get_line_buffer() if readline else ""


def _shown(file: Path) -> str:
    """A path as seen from the working directory."""
    return os.path.relpath(file)
