"""What a task rule is made of: conditions on names and sizes, and the task they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.task_rules import DEFAULT_TASKS
from analytics.text import clean
from bot.context import Context
from bot.params.base import Param, ParamType
from storage.task_rules import BOUNDS, NAMED

Conditions = NewType("Conditions", Mapping[str, Sequence[str]])
NewTask = NewType("NewTask", str)
MAX_GLOB = 80
MAX_TASK = 60


class GlobType(ParamType):
    """A name in which `*` stands for anything, or a range of tokens such as `1000..`."""

    def __init__(self, words: str) -> None:
        self.words = words

    def read(self, texts: Sequence[str], ctx: Context) -> tuple[str, ...]:
        """What was typed, one of which must hold; raises UserError."""
        del ctx
        for text in texts:
            if len(text) > MAX_GLOB:
                raise UserError(
                    f"'{clean(text, 40)}' has {len(text)} characters.",
                    hint=f"A condition may have up to {MAX_GLOB}.",
                )
        return tuple(clean(text) for text in texts)


class ConditionsType(ParamType):
    """The conditions of a rule, each a repeatable parameter of its own."""

    def read(self, texts: Sequence[str], ctx: Context) -> Conditions:
        """Never asked itself: its parts are."""
        del texts, ctx
        raise AssertionError("conditions are read by their parts")

    def expand(self, name: str, default: str | None) -> Iterator[Param]:
        """One parameter a field."""
        del default
        for part in (*NAMED, *BOUNDS):
            kind = GlobType("100..500" if part in BOUNDS else f"{part}*")
            yield Param(part, name, kind, part=part, repeatable=True, whole={})


class NewTaskType(ParamType):
    """The task of a rule, known or new: `-> "Email Writing"`, to the end of the line."""

    words = "task"
    lead = "->"
    wordy = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> NewTask:
        """The name; raises UserError."""
        del ctx
        name = clean(texts[0])
        if not name or len(name) > MAX_TASK:
            raise UserError(
                f"'{clean(texts[0], 40)}' cannot be the name of a task.",
                hint=f"It needs 1 to {MAX_TASK} characters.",
            )
        return NewTask(name)

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Known tasks and the usual ones that hold what was typed."""
        known = dict.fromkeys((*ctx.reader.names("task").values(), *DEFAULT_TASKS))
        return [name for name in known if text.casefold() in name.casefold()]
