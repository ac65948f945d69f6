"""The form behind an Edit button: a line taken apart into fields, and put together again.

Each field is an input block whose id is the parameter it fills; the two dates, when given, are
the range.  Limits: docs.slack.dev/reference/views and .../block-kit/block-elements.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from analytics.errors import UserError
from analytics.figures import (
    Grain,
)
from bot.context import Place
from bot.params import ChoiceType, GrainType, NameType, Param, RangeType
from bot.registry import amend, parse

FORM = "creditbot_form"
FIELD = "value"
FIRST_DAY, LAST_DAY = "first_day", "last_day"
MAX_OPTION_TEXT = 75
MAX_OPTION_VALUE = 150
MAX_CHOSEN = 10

Element = dict[str, object]
Block = dict[str, object]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a form remembers while it is open: the line, and where its answer goes.

    `over` is the token of the answer that it takes the place of, "" for none; `channel` is where
    it was opened, by id and name.
    """

    line: str
    url: str
    over: str
    channel: str = ""
    channel_name: str = ""

    @property
    def place(self) -> Place | None:
        """Where it was opened; None in a form of an older version."""
        is_direct = self.channel.startswith("D")
        return Place(self.channel, self.channel_name, is_direct) if self.channel else None

    @property
    def text(self) -> str:
        """For the form's private metadata, at most 3,000 characters."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Memory:
        """What `text` made."""
        return cls(**json.loads(text))


def modal(memory: Memory) -> dict[str, object]:
    """The view that edits a line; raises UserError for a line that means nothing any more."""
    call = parse(memory.line)
    blocks = [
        block
        for param in call.command.params
        for block in _fields(param, call.given.get(param.name, ()))
    ]
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": memory.text,
        "title": _plain("Edit this question"),
        "submit": _plain("Show"),
        "close": _plain("Cancel"),
        "blocks": [_heading(memory.line), *blocks],
    }


def rewritten(line: str, fields: Mapping[str, Sequence[str]]) -> str:
    """The line with a form's values; raises UserError when they do not make a line.

    Names that the form could not show stay in the line.
    """
    values = dict(fields)
    call = parse(line)
    for param in call.command.params:
        if param.name in values and isinstance(param.type, NameType):
            values[param.name] = _chosen(call.given.get(param.name, ()), values[param.name])
        elif param.name in values and _is_listed(param):
            values[param.name] = [one for text in values[param.name] for one in text.splitlines()]
    days = [*values.pop(FIRST_DAY, ()), *values.pop(LAST_DAY, ())]
    if len(days) == 1:
        raise UserError("One of the two days is missing.", hint="Choose both, or none.")
    if days:
        # ISO dates sort as text; nobody means an empty range by choosing the days the other way.
        first, last = sorted(days)
        values |= {
            param.name: (f"{first}..{last}",)
            for param in call.command.params
            if isinstance(param.type, RangeType)
        }
    changed = amend(line, values)
    parse(changed)  # too many names make no line
    return changed


def first_field(memory: Memory) -> str:
    """The field that a mistake is shown at."""
    return parse(memory.line).command.params[0].name


def options(texts: Sequence[str]) -> list[Element]:
    """Texts as choices; one that is too long to be sent back is left out."""
    return [
        {"text": _plain(text[:MAX_OPTION_TEXT]), "value": text}
        for text in texts
        if text and len(text) <= MAX_OPTION_VALUE
    ]


def _heading(line: str) -> Block:
    return {"type": "section", "block_id": "asked_line", "text": _plain(line)}


def _fields(param: Param, given: Sequence[str]) -> Iterator[Block]:
    """The input blocks of a parameter, filled with what the line gives for it."""
    label = param.name.capitalize()
    if isinstance(param.type, RangeType):
        text = given[0] if given else param.default or ""
        yield _input(param.name, label, _text(text), hint=f"For example {param.type.words}")
        yield _input(FIRST_DAY, "or from day", {"type": "datepicker", "action_id": FIELD})
        yield _input(LAST_DAY, "to day, included", {"type": "datepicker", "action_id": FIELD})
    elif isinstance(param.type, GrainType):
        yield _input(param.name, label, _static(typing.get_args(Grain), given, param))
    elif isinstance(param.type, ChoiceType):
        yield _input(param.name, label, _static(param.type.choices, given, param))
    elif isinstance(param.type, NameType):
        yield _input(param.name, label, _external(given))
    elif _is_listed(param):
        lines = _text("\n".join(given)) | {"multiline": True}
        yield _input(param.name, label, lines, hint="One on each line")
    else:
        yield _input(param.name, label, _text(" ".join(given)))


def _is_listed(param: Param) -> bool:
    """Whether it takes several free texts, each on a line of its field."""
    return param.repeatable and not isinstance(param.type, NameType | ChoiceType)


def _input(name: str, label: str, element: Element, *, hint: str = "") -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "optional": True,
        "label": _plain(label),
        "element": element,
    }
    return block | {"hint": _plain(hint)} if hint else block


def _text(initial: str) -> Element:
    element: Element = {"type": "plain_text_input", "action_id": FIELD}
    return element | {"initial_value": initial} if initial else element


def _static(choices: Sequence[str], given: Sequence[str], param: Param) -> Element:
    """A menu; what the line says in other words (`weekly`) is one of the choices too."""
    many = "multi_" if param.repeatable else ""
    initial = options(given)
    element: Element = {
        "type": f"{many}static_select",
        "action_id": FIELD,
        "options": options([*dict.fromkeys([*given, *choices])]),
    }
    if not initial:
        return element
    return element | ({"initial_options": initial} if many else {"initial_option": initial[0]})


def _external(given: Sequence[str]) -> Element:
    """A menu of names that is asked from us while somebody types."""
    element: Element = {
        "type": "multi_external_select",
        "action_id": FIELD,
        "min_query_length": 0,
        "max_selected_items": MAX_CHOSEN,
    }
    initial = options(_shown(given))
    return element | {"initial_options": initial} if initial else element


def _shown(given: Sequence[str]) -> list[str]:
    """The names that a menu can hold as chosen."""
    return [text for text in given if text and len(text) <= MAX_OPTION_VALUE][:MAX_CHOSEN]


def _chosen(given: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """What a menu says, with the names of the line that it could not show, in their order."""
    shown = _shown(given)
    kept = [text for text in given if text in chosen or text not in shown]
    return [*kept, *(text for text in chosen if text not in kept)]


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}
