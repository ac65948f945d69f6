"""What is exported: a form, and the line whose answer takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.report import FORMS
from bot.context import Context
from bot.params.base import ParamType
from bot.params.usual import ChoiceType

ExportForm = NewType("ExportForm", str)
ExportLine = NewType("ExportLine", str)


class ExportFormType(ChoiceType):
    """csv, json, pdf or png."""

    positional = True
    required = True

    def __init__(self) -> None:
        super().__init__(FORMS)

    def read(self, texts: Sequence[str], ctx: Context) -> str:
        """The form; raises UserError with the four there are."""
        if texts[0].casefold() in self.choices:
            return super().read(texts, ctx)
        raise UserError(
            f"I can't export '{texts[0]}'.",
            hint="Say csv, json, pdf or png first: `export csv by-model last 30d`.",
        )


class ExportLineType(ParamType):
    """The whole rest of a line: another line."""

    words = "LINE"
    verbatim = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> ExportLine:
        """The line as it was typed; whoever asks it finds its mistakes."""
        del ctx
        return ExportLine(texts[0])
