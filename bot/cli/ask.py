"""`creditbot ask`: one line answered at the terminal, in any form."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from analytics.errors import UserError
from analytics.report import (
    Actions,
    Button,
    Export,
    Note,
    Report,
    Table,
)
from bot.cli.terminal import WorkspaceOption, current_engine, load_settings, out, utc_now
from bot.context import Identity
from bot.desk import Desk
from bot.exports import drawn_here
from bot.operation.rules_past import apply_asked
from bot.render import csv, discord, pdf, slack, text
from bot.render import json as json_renderer
from bot.render.widths import window_width
from storage.engine import reading
from storage.errors import StorageError
from storage.timekeys import Clock
from storage.workspaces import find_workspace

DRAWN = (b"\x89PNG", b"%PDF")  # how files begin that are no text


class Form(StrEnum):
    """What an answer can be printed as."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    PDF = "pdf"
    PNG = "png"
    SLACK = "slack"
    DISCORD = "discord"


def ask_command(  # one parameter an option of the program
    line: Annotated[list[str] | None, typer.Argument(help="For example by-user last 7d.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Answer as of this time, 2026-03-30T14:05+02:00.")
    ] = None,
    as_person: Annotated[
        str | None, typer.Option("--as", help="Ask as this person instead of as owner.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How to print the answer.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Answer a line as the chat would."""
    with _told_as(form):
        engine = current_engine(load_settings())
        with reading(engine) as connection:
            zone = find_workspace(connection, workspace).zone
        now = moment(at, zone) if at else utc_now()
        with closing(Desk(engine, now=lambda: now, workspace=workspace)) as desk:
            identity = Identity("terminal", "", as_person or "")
            content = answered(desk, " ".join(line or ()), identity, form)
        apply_asked(engine, now=now)  # here no service is there to do it
        write(content, output)


def answered(desk: Desk, line: str, identity: Identity, form: Form) -> bytes:
    """The answer in a form; a line that exports says its form itself.  Raises UserError."""
    if form is Form.PDF:
        return _file(desk, Export("pdf", line), identity)
    report = desk.report(line, identity)
    if report.export is not None and form is Form.TEXT:
        return _file(desk, report.export, identity)
    return rendered(report, form, width=window_width(out))


def _file(desk: Desk, wanted: Export, identity: Identity) -> bytes:
    made = asyncio.run(desk.export(wanted.line, wanted.form, identity))
    if isinstance(made, Report):
        hints = [block.text for block in made.blocks if isinstance(block, Note)]
        raise UserError(made.headline, hint=" ".join(hints))
    return made.content


@contextmanager
def _told_as(form: Form) -> Iterator[None]:
    """Whoever reads JSON finds a mistake there, too: {"error", "hint"}, besides stderr."""
    try:
        yield
    except (UserError, StorageError) as error:
        if form is Form.JSON:
            write(_json({"error": error.message, "hint": error.hint}), None)
        raise


def moment(text: str, zone: str) -> datetime:
    """An ISO time; one without offset is of the zone.  Raises UserError."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "T", 1))
    except ValueError:
        raise UserError(
            f"'{text}' is not a time.", hint="For example 2026-03-30T14:05+02:00."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=Clock(zone).zone)


def rendered(report: Report, form: Form, *, width: int) -> bytes:
    """The report in a form that needs no desk; raises UserError for a picture it has not."""
    match form:
        case Form.TEXT:
            return text.render(report, width=width).encode()
        case Form.JSON:
            return json_renderer.render(report).encode()
        case Form.CSV:
            if not any(isinstance(block, Table) for block in report.blocks):
                raise UserError(f"`{report.line}` has no table.", hint=report.headline)
            return csv.render(report)
        case Form.PNG | Form.PDF:
            return _drawn(report, form)
        case Form.SLACK:
            message = slack.message(report, image=None, values=_values(report))
            return _json({"text": message.text, "blocks": message.blocks})
        case Form.DISCORD:
            return _json(
                {
                    "flags": 1 << 15,
                    "components": discord.message(report, image=False, values=_values(report)),
                }
            )


def _drawn(report: Report, form: Form) -> bytes:
    if form is Form.PDF:
        return drawn_here(pdf.one_page(report), "light")
    if report.figure is None:
        raise UserError(f"`{report.line}` has no chart.", hint="Try --format text.")
    return drawn_here(report.figure, "light")


def _values(report: Report) -> dict[Button, str]:
    """Placeholders of what buttons carry: a printed payload is looked at, not clicked."""
    rows = [block for block in report.blocks if isinstance(block, Actions)]
    return {button: f"{button.verb}:{button.line}"[:90] for row in rows for button in row.buttons}


def _json(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, indent=1).encode()


def write(content: bytes, output: Path | None) -> None:
    """To the file, else to standard output; a picture is kept off a terminal."""
    if output is not None:
        try:
            output.write_bytes(content)
        except OSError as error:
            raise UserError(
                f"'{output}' cannot be written: {error.strerror}.", hint="Choose another --output."
            ) from None
        return
    if content.startswith(DRAWN) and sys.stdout.isatty():
        raise UserError("A picture cannot be printed.", hint="Name a file with --output.")
    sys.stdout.buffer.write(content if content.endswith(b"\n") else content + b"\n")
    sys.stdout.buffer.flush()
