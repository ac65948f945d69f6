"""What is told of a subscription: its terms, its state, what became of its messages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import islice

from analytics.errors import UserError
from analytics.report import Note
from analytics.subscription_lists import Coming, Digest, Sent, days_text
from bot.context import Context
from bot.places import where_text
from bot.refusals import in_words
from bot.subscriptions.quiet import hours_text
from bot.subscriptions.rights import Told, may_change, rounds_of
from bot.subscriptions.rounds import DAILY, MONTHLY, RUNS, days_told, told_text
from storage.destinations import Destination
from storage.outbox import DeliveryRow
from storage.subscriptions import Subscription, awake_at
from storage.timekeys import date_of

COMING = 3
REASONS: Mapping[str, str] = {
    "superseded": "a newer one named it",
    "missed": "missed, and nothing is caught up",
    "skip_next": "skipped on request",
    "no_such_day": "no such day in this zone",
    "destination_dead": "the channel takes nothing any more",
    "empty": "nothing was used",
    "paused": "it was paused",
    "cancelled": "it was ended",
}
CAUGHT_UP: Mapping[str, str] = {
    "latest": "the latest missed one",
    "all": "up to three missed ones",
    "none": "nothing",
}
MESSAGES: Mapping[str, str] = {"post": "digest", "reply": "details", "edit": "change"}


def digest_of(ctx: Context, kept: Subscription, to: Destination) -> Digest:
    """A subscription in words, with the next times it is due."""
    found = rounds_of(ctx, kept)
    start = ctx.now if kept.paused_until is None else max(ctx.now, kept.paused_until)
    is_waiting = kept.paused_at(ctx.now)
    is_endless = is_waiting and kept.paused_until is None
    rest = found.untold(start, date_of(kept.next_first_day))
    coming = () if is_endless else islice(rest, COMING + 1)
    # What is due right now is the one that is left out.
    is_skipped = kept.skip_next and not (kept.next_due and kept.next_due <= ctx.now)
    shown = [
        Coming(
            one.due_at.astimezone(found.zone),
            awake_at(one.due_at, kept.quiet, to).astimezone(found.zone),
            told_text(kept.line, one.period, ctx.reader.workspace.week_start),
        )
        for one in coming
    ]
    return Digest(
        number=kept.id,
        line=kept.line,
        schedule=kept.schedule,
        zone=kept.zone,
        where=where_text(ctx, to),
        state=_state(ctx, kept, to),
        coming=shown[1:] if is_skipped else shown[:COMING],
        quiet="" if kept.quiet is None else hours_text(kept.quiet).split()[0],
        terms=_terms(kept, to),
        may_change=may_change(ctx, kept, to),
        is_paused=is_waiting,
        skips_next=kept.skip_next,
    )


def _state(ctx: Context, kept: Subscription, to: Destination) -> str:
    if kept.paused_at(ctx.now):
        if kept.pause_reason:
            return f"paused: {in_words(kept.pause_reason)}"
        zone = ctx.reader.clock.zone
        until = kept.paused_until
        return "paused" if until is None else f"paused until {until.astimezone(zone):%Y-%m-%d}"
    if to.state == "dead":
        return f"the channel takes nothing: {in_words(to.dead_reason or 'unknown why')}"
    return "on; the next one is left out" if kept.skip_next else "on"


def _terms(kept: Subscription, to: Destination) -> list[tuple[str, str]]:
    terms = [("After an outage", CAUGHT_UP[kept.catchup])]
    if kept.attach:
        terms.append(("Files", ", ".join(kept.forms)))
    if kept.skip_empty:
        terms.append(("Without usage", "nothing is sent"))
    if to.people_rows and not to.is_direct:
        terms.append(("People's rows", "shown there, as an admin said"))
    if kept.quiet is not None:
        terms.append(("Quiet hours", f"{hours_text(kept.quiet)}, of this digest alone"))
    if to.quiet is not None:
        whose = "where it goes" if to.is_direct else "of the channel"
        terms.append((f"Quiet hours {whose}", hours_text(to.quiet)))
    return terms


def notes_of(ctx: Context, kept: Subscription, to: Destination, told: Told) -> list[Note]:
    """What is worth knowing of a new one."""
    notes = []
    if to.people_rows and told.tells_people and ctx.people_visibility != "everyone":
        notes.append(Note(f"{where_text(ctx, to)} may be told of people now."))
    if kept.zone != ctx.reader.workspace.zone and told.round.period.since is None:
        notes.append(Note(f"Its days are those of {ctx.reader.workspace.zone}."))
    if kept.line.startswith(DAILY) and kept.schedule.startswith(RUNS):
        notes.append(Note("It tells of all days since the one before, also where they are many."))
    if kept.line == MONTHLY and not kept.schedule.startswith("monthly 1 "):
        notes.append(
            Note("It tells of the last whole month; `monthly 1` does as soon as it is over.")
        )
    return notes


def audited(digest: Digest) -> str:
    """A subscription as the audit keeps it."""
    terms = "; ".join(f"{title.casefold()} {value}" for title, value in digest.terms)
    return f"{digest.sentence} ({digest.state}; {terms})"


def sent_of(ctx: Context, row: DeliveryRow, to: Destination) -> Sent:
    """What became of one message, in the workspace's time."""
    zone = ctx.reader.clock.zone
    start, end = (one and one.astimezone(zone) for one in (row.window_start, row.window_end))
    message = MESSAGES.get(row.act, row.act)
    if row.act == "file":
        message = f"file, {row.facts.get('form', '')}"
    if row.kind == "notice":
        message = "notice"
    if row.kind == "correction":
        message = "correction" if not row.part else "correction, in the thread"
    reason = None if row.state == "sent" else row.reason or "on its way"
    key = row.period_key or ("" if row.window_start is None else "test")
    return Sent(
        number=row.subscription_id,
        due_at=row.due_at.astimezone(zone),
        period=_period_of(ctx, row) or days_text(key, start, end),
        message=f"{message}, a test" if row.trigger == "test" else message,
        where=where_text(ctx, to),
        state=row.state,
        reason=None if reason is None else REASONS.get(reason, in_words(reason)),
    )


def _period_of(ctx: Context, row: DeliveryRow) -> str:
    """The days that the line of a message is about; "" where it names none."""
    if not row.line or row.window_end is None or "T" in (row.period_key or ""):
        return ""
    clock = ctx.reader.clock
    with suppress(UserError):  # a command that is not there any more
        end = clock.local_date(row.window_end)
        told = days_told(row.line, end, ctx.reader.workspace.week_start)
        return told.dates if told is not None and told.first < told.end else ""
    return ""
