"""Answers as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from analytics.report import (
    Actions,
    Button,
    Export,
    Form,
    Note,
    Report,
)
from bot.context import Context
from bot.params import ExportForm, ExportLine
from bot.registry import EXPORT_BUTTONS, command, exportable, permit

WORDS: Mapping[Form, str] = {
    "csv": "as a CSV table",
    "json": "as JSON",
    "pdf": "as a PDF",
    "png": "as a picture",
}


@command("export", example="export csv by-model last 30d")
def export_line(ctx: Context, form: ExportForm, line: ExportLine) -> Report:
    """The answer of any line as a file: csv, json, pdf or png.

    Spreadsheets take CSV, programs JSON; the PDF of `report` and of `digest monthly` is a briefing
    of four pages, that of any other line one page. Three files an hour for each person.
    """
    call, wanted = exportable(line), cast("Form", form)
    permit(call.command, ctx)
    others = [Button(label, call.line, one) for label, one in EXPORT_BUTTONS if one != wanted]
    return Report(
        title="Export",
        headline=f"`{call.line}` {WORDS[wanted]}",
        blocks=(
            Note("In a terminal, `creditbot ask --output FILE` writes it.", "hint"),
            Actions((Button("Show it here", call.line), *others)),
        ),
        export=Export(wanted, call.line),
    )
