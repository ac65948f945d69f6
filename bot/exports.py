"""Answers as files: what each form is made of, and what a file is called.

Names of files are ours: command and days, never a text from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from analytics.errors import UserError
from analytics.figures import Figure
from analytics.report import (
    Form,
    Report,
    Table,
)
from bot.registry import Call, parse
from bot.render import csv, json, pdf
from bot.render.pdf import Briefing
from charts import Document, ThemeName

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file for whoever asked; `alt` describes a picture."""

    name: str
    content: bytes
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file is made of once every right is checked; a figure or document is drawn later."""

    name: str
    form: Form
    what: bytes | Figure | Document
    alt: str = ""
    theme: ThemeName = "light"


def unlimited(call: Call, form: Form) -> str:
    """The call's line, for data with all rows where it names no limit."""
    if form in ("pdf", "png") or "limit" in call.given or call.command.param("limit") is None:
        return call.line
    return Call(call.command, {**call.given, "limit": ("all",)}).line


def drafted(report: Report, form: Form, *, briefing: Briefing | None, today: date) -> Draft:
    """The draft of an answer's file; raises UserError for a form that this answer has not."""
    name = f"creditbot-{_named(report, today)}.{form}"
    match form:
        case "csv":
            return Draft(name, form, _table(report))
        case "json":
            return Draft(name, form, json.render(report).encode())
        case "pdf":
            paper = pdf.briefing(briefing) if briefing else pdf.one_page(report)
            return Draft(name, form, paper)
        case "png":
            if report.figure is None:
                raise UserError(
                    f"`{report.line}` has no picture.", hint=f"Try `export pdf {report.line}`."
                )
            return Draft(name, form, report.figure, report.figure.alt, report.theme or "light")


def _table(report: Report) -> bytes:
    if not any(isinstance(block, Table) for block in report.blocks):
        raise UserError(f"`{report.line}` has no table.", hint=f"Try `export json {report.line}`.")
    return csv.render(report)


def _named(report: Report, today: date) -> str:
    """`by-model-2026-03-01-to-2026-03-30`; the day of the question where there is no period."""
    command = parse(report.line).command.name.replace(" ", "-")
    if report.period is None:
        return f"{command}-{today}"
    last = report.period.end - timedelta(microseconds=1)
    return f"{command}-{report.period.start:%Y-%m-%d}-to-{last:%Y-%m-%d}"


def drawn_here(what: Figure | Document, theme: ThemeName) -> bytes:
    """A figure or document drawn in this very process: for a terminal, where nobody else waits."""
    from charts import draw, printed  # noqa: PLC0415  # loads matplotlib

    return printed(what) if isinstance(what, Document) else draw(what, theme=theme)


def too_large(size: int, largest: int) -> UserError:
    """Why a file cannot be sent here, and what makes it smaller."""
    return UserError(
        f"This file has {_megabytes(size)}; here a file may have {_megabytes(largest)}.",
        hint="Narrow the range, add a filter or a `limit=`.",
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"
