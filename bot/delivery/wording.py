"""Words around messages that nobody asked for: lateness, missed periods, notices, last resorts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from analytics.numbers import counted_credits, credits_text
from analytics.report import Facts, Note, Report, Table
from analytics.text import clean
from bot.refusals import MEANINGS, in_words
from bot.render.cells import moment_text
from storage.outbox import DeliveryRow

LATE = timedelta(minutes=15)
NO_FIGURE = Note("Figure not available.")
PLATFORMS: Mapping[str, str] = {"slack": "Slack", "discord": "Discord"}
# Why a message could not leave, by the class of the refusal.
HELD: Mapping[str, str] = {
    "account": "{name} refused me ({code})",
    "banned": "{name} took nothing from me ({code})",
    "refused": "{name} took nothing ({code})",
    "unreadable": "{name} could not be asked ({code})",
    "unknown": "{name} did not answer ({code})",
    "off": "{name} was not set up here",
    "paused": "it had been stopped ({code})",
}


def noted(report: Report, row: DeliveryRow, now: datetime, zone: str) -> Report:
    """The report with what people must know about this very post."""
    notes = tuple(Note(text) for text in _notes(row, now, ZoneInfo(zone)))
    told = replace(report, blocks=(*corrected(row), *report.blocks, *notes))
    return told.as_test if row.trigger == "test" else told


def corrected(row: DeliveryRow) -> tuple[Note, ...]:
    """What a correction says of itself; nothing for all others."""
    return (Note(clean(str(row.facts["note"]), 300), "delta"),) if "note" in row.facts else ()


def _notes(row: DeliveryRow, now: datetime, zone: ZoneInfo) -> Iterator[str]:
    if row.trigger in ("manual", "test"):
        return
    due_at = _awaited(row)
    if row.kind == "digest" and now - due_at > LATE:
        yield f"Late: it was due {_clock(due_at, now, zone)}{_down(row, now, zone)}."
    if missed := row.facts.get("missed"):
        yield f"Also missed: {clean(str(missed))}."


def _awaited(row: DeliveryRow) -> datetime:
    """When a post is awaited: when it is due, or at the end of the quiet hours it is due in."""
    awake = row.facts.get("awake")
    return max(row.due_at, datetime.fromisoformat(awake)) if isinstance(awake, str) else row.due_at


def _down(row: DeliveryRow, now: datetime, zone: ZoneInfo) -> str:
    """`; the bot was down 08:55–11:20`, `; Slack refused me until 11:20`, where that is known."""
    if "held" in row.facts:
        return _held(row.facts["held"], now, zone)
    down = row.facts.get("down")
    if not isinstance(down, Sequence) or isinstance(down, str) or len(down) != 2:
        return ""
    first, end = (_clock(datetime.fromisoformat(str(one)), now, zone) for one in down)
    return f"; the bot was down {first}–{end}"


def _held(held: Any, now: datetime, zone: ZoneInfo) -> str:  # noqa: ANN401  # kept as JSON
    """What kept a message: [platform, reason as it was kept, until when or ""]."""
    platform, reason, until = (str(one) for one in held)
    name = PLATFORMS.get(platform, platform.title())
    outcome, _, code = reason.partition(": ")
    words = HELD.get(outcome, "{name} answered {code}").format(
        name=name, code=clean(in_words(code or reason))
    )
    end = f" until {_clock(datetime.fromisoformat(until), now, zone)}" if until else ""
    return f"; {words}{end}"


def _clock(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """`09:00` of the same day, else with its date."""
    local = moment.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    return moment_text(local, year=local.year != now.astimezone(zone).year, hour=True)


def told(facts: Mapping[str, Any]) -> Report:
    """What a delivery without a line says: a channel or a subscription stopped, or plain words."""
    if "channel" in facts:
        return _channel_stopped(facts)
    if "subscription" in facts:
        return _subscription_stopped(facts)
    return _said(str(facts.get("headline", "")), str(facts.get("hint", "")))


def _channel_stopped(facts: Mapping[str, Any]) -> Report:
    code, paused = str(facts["code"]), int(facts["paused"])
    meaning = MEANINGS.get(code, f"the platform answers `{clean(code)}`")
    stopped = {0: "", 1: " Its subscription is paused."}.get(
        paused, f" Its {paused} subscriptions are paused."
    )
    # A channel that was only told of alerts has no digest to resume.
    resume = "resume there with `digest resume`" if paused else "type `alerts here` there"
    return _said(
        f"I can no longer post to {clean(str(facts['channel']))}: {meaning}.{stopped}",
        f"Let me in again, then {resume}; until then I try nothing more.",
    )


def _subscription_stopped(facts: Mapping[str, Any]) -> Report:
    number, line = facts["subscription"], clean(str(facts["line"])).replace("`", "'")
    return _said(
        f"Subscription {number}, `{line}`, is paused: {facts['reason']}",
        f"{facts['hint']} Then resume it with `digest resume {number}`.".strip(),
    )


def _said(headline: str, hint: str) -> Report:
    blocks = (Note(hint, "hint"),) if hint else ()
    return Report(title=headline, headline=headline, blocks=blocks)


def plain(row: DeliveryRow, alert: Mapping[str, Any] | None) -> Report:
    """The last resort for what could not be made: the frozen numbers, or what to type."""
    line = clean(row.line).replace("`", "'")
    hint = f"Its details could not be made; type `{line}` to try again."
    if alert is not None:
        used, limit = alert.get("used"), alert.get("limit")
        if isinstance(used, int) and isinstance(limit, int) and limit > 0:
            headline = (
                f"{used * 100 // limit}% of a budget used: {credits_text(used)} of "
                f"{counted_credits(limit)}."
            )
            return _said(headline, hint)
        return _said("An alert fired.", hint)
    period = f" for {row.period_key}" if row.period_key else ""
    return _said(f"The answer to `{line}`{period} could not be made.", hint)


def credits_of(report: Report) -> int | None:
    """The total of an answer in micro-credits; None where it has none."""
    for block in report.blocks:
        if isinstance(block, Facts):
            for fact in block.facts:
                if fact.key == "credits" and isinstance(fact.value, int):
                    return fact.value
    for block in report.blocks:
        if isinstance(block, Table) and block.total is not None:
            keys = [column.key for column in block.columns]
            if "credits" in keys and isinstance(value := block.total[keys.index("credits")], int):
                return value
    return None


def is_empty(report: Report) -> bool:
    """Whether an answer has nothing to show but words."""
    return report.figure is None and not any(isinstance(b, (Facts, Table)) for b in report.blocks)
