"""The monthly briefing: which answers stand in it, each asked as a line like any other.

Invariant: every part is asked with the rights of whoever asked for the briefing, for the same days
and filters, in one reading; what is refused to them or has nothing to say is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from analytics.errors import UserError
from analytics.query import Filters
from analytics.report import Period, Report
from analytics.timerange import TimeRange
from bot.context import Context
from bot.registry import Call, amend, parse, run
from bot.render.pdf import Briefing
from storage.workspaces import DEFAULT_NAME

DIGEST = "digest monthly"
REPORTS = ("report", DIGEST)  # the lines that a briefing is made around
# Name of a part to the line that says it, before range and filters are put in.
LINES: Mapping[str, str] = {
    "budget": "budget",
    "models": "by-model limit=6",
    "tiers": "by-tier",
    "people": "by-user limit=8",
    "days": "timeline by day",
    "hours": "patterns",
    "speed": "performance limit=5",
    "quality": "compare",
    "advice": "recommend",
    "value": "roi",
}


PAST = {name: line for name, line in LINES.items() if name != "budget"}


def gather_briefing(call: Call, report: Report, ctx: Context) -> Briefing:
    """The report with the answers around it."""
    given = {name: texts for name, texts in call.given.items() if name in Filters.__slots__}
    if report.period is not None:
        given["range"] = (_days(report.period),)
    parts: dict[str, Report] = {}
    # How a budget stands is about now, and out of place beside a past month.
    lines = LINES if report.period is None or report.period.partial else PAST
    if call.command.name == DIGEST and report.period is not None:
        ctx = replace(ctx, now=report.period.end)  # a digest speaks from the end of its period
    for name, line in lines.items():
        # A command that is not there, rows that are not for this asker: the part is left out.
        with suppress(UserError):
            part = parse(line)
            # Beside a report of some people only what can be narrowed to them says the same.
            if all(part.command.param(name) for name in given if name != "range"):
                parts[name] = run(amend(part.line, given), ctx)
    name = ctx.reader.workspace.name
    return Briefing(report, parts, workspace="" if name == DEFAULT_NAME else name)


def _days(period: Period) -> str:
    """The days of a period as a range that a line can carry."""
    zone = ZoneInfo(period.zone)
    first = period.start.astimezone(zone).date()
    last = (period.end - timedelta(microseconds=1)).astimezone(zone).date()
    return TimeRange(first, max(first, last) + timedelta(days=1), "", last).iso
