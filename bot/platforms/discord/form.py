"""The form behind "Edit": a line taken apart into three fields, and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

from bot.params import Param
from bot.registry import Call, Command, parse

RANGE, GRAIN, REST = "range", "grain", "options"
MAX_TITLE = 45
MAX_LABEL = 45
MAX_HINT = 100


def form_of(line: str, custom_id: str) -> discord.ui.Modal:
    """A form that asks for the parts of a line, filled in; raises UserError for a stale line.

    It is already stopped: the library forgets it, and the submission goes by its custom_id, so a
    form that was opened before a restart still works after it.
    """
    call = parse(line)
    modal = discord.ui.Modal(title=f"Change {call.command.name}"[:MAX_TITLE], custom_id=custom_id)
    for name, label, hint in _fields(call.command):
        box = discord.ui.TextInput[discord.ui.Modal](
            custom_id=name,
            default=_filled(call, name),
            placeholder=hint[:MAX_HINT],
            required=False,
            max_length=500,
        )
        modal.add_item(discord.ui.Label(text=label[:MAX_LABEL], component=box))
    modal.stop()
    return modal


def filled_line(line: str, fields: Mapping[str, str]) -> str:
    """The line that a submitted form means, not yet checked; raises UserError for a stale line."""
    command = parse(line).command
    given: dict[str, tuple[str, ...]] = {}
    for name, param in (RANGE, _loose(command)), (GRAIN, _led(command)):
        words = " ".join(fields.get(name, "").split())
        if param and words:
            given[param.name] = (words,)
    return f"{Call(command, given).line} {fields.get(REST, '')}".strip()


def submitted_fields(components: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What was typed into each field, from the frame of a submission."""
    boxes = [part.get("component", part) for part in components]
    return {box["custom_id"]: box.get("value") or "" for box in boxes if "custom_id" in box}


def _fields(command: Command) -> Iterator[tuple[str, str, str]]:
    """Name, label and hint of each field that the command has a use for."""
    loose, led = _loose(command), _led(command)
    if loose:
        yield RANGE, loose.name.capitalize(), loose.type.words
    if led:
        yield GRAIN, f"Group by {led.type.words.replace('|', ', ')}", "fitted to the range"
    others = [param.usage.strip("[]") for param in command.params if param not in (loose, led)]
    if others:
        yield REST, "Filters and options", " ".join(others)


def _filled(call: Call, field: str) -> str:
    asked = {RANGE: _loose(call.command), GRAIN: _led(call.command)}
    if field == REST:
        known = {param.name for param in asked.values() if param}
        rest = {name: texts for name, texts in call.given.items() if name not in known}
        return Call(call.command, rest).line.removeprefix(call.command.name).strip()
    param = asked[field]
    texts = call.given.get(param.name, ()) if param else ()
    return texts[0] if texts else ""


def _loose(command: Command) -> Param | None:
    return next((param for param in command.params if param.type.loose), None)


def _led(command: Command) -> Param | None:
    return next((param for param in command.params if param.type.lead), None)
