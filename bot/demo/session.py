"""The demo's conversation: lines in, answers out, buttons pressed by their number."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from analytics.report import (
    Button,
    Export,
    Report,
)
from bot.demo.database import YOU
from bot.desk import Desk
from bot.registry import parse
from bot.render import text
from bot.render.frame import frame_of
from bot.render.widths import window_width

CHANNEL = "#ai-credits"
MAX_WIDTH = 140  # beyond, facts side by side are no longer read at a glance
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
HELP = (
    "You own this workspace and are Anna Schmidt of Engineering: `me` tells what you used.\n"
    "Type a line, for example `by-model last 7d` or `by-user this month department=Design`.\n"
    "A number presses a button of the last answer; `help` lists every command; `quit` ends."
)


@dataclass(slots=True)
class Session:
    """One conversation at a terminal; it remembers the buttons of the last answer.

    Pictures and files are written into `folder`.
    """

    desk: Desk
    console: Console
    folder: Path
    runner: asyncio.Runner
    buttons: tuple[Button, ...] = field(default=())

    def ask(self, line: str) -> None:
        """Print the answer of a line, write its picture, offer its buttons."""
        report = self.desk.answer(line, YOU)
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
        if line.isascii() and line.isdigit():
            self._press(int(line))
        elif typed.strip():
            self.ask(line)

    def stay(self, read: Callable[[], str]) -> None:
        """Take lines until the person leaves."""
        self._say(HELP)
        while True:
            try:
                typed = read()
            except EOFError:
                self._say("")
                return
            except KeyboardInterrupt:
                self._say("\nThe line is dropped; `quit` or Ctrl-D leaves.")
                continue
            if typed.strip().casefold().split(" ")[0] in ("quit", "exit"):
                return
            self.take(typed)

    # ---- buttons

    def _press(self, number: int) -> None:
        if not 1 <= number <= len(self.buttons):
            known = f"1 to {len(self.buttons)}" if self.buttons else "none"
            self._say(f"The last answer has no button {number}; it has {known}.")
            return
        button = self.buttons[number - 1]
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
        made = self.runner.run(self.desk.export(wanted.line, wanted.form, YOU))
        if isinstance(made, Report):
            self._print_report(made)
        else:
            self._write(made.name, made.content)

    def _share(self, line: str) -> None:
        report = self.desk.shared(line, YOU, channel=CHANNEL)
        self._say(f"In {CHANNEL} everybody would see:")
        self._print_report(report)
        if report.line:
            self.desk.share_ended(report.line, YOU, channel=CHANNEL, result="done")

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


def _shown(file: Path) -> str:
    """A path as seen from the working directory."""
    return os.path.relpath(file)
