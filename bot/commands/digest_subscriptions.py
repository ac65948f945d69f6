"""Subscribing to digests: any question, on a schedule, into a channel or directly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import cast
from uuid import uuid4

import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Actions, Button, Note, Report
from analytics.schedule import Schedule
from analytics.subscription_lists import (
    Digest,
    digest_report,
)
from bot.context import Context, Place
from bot.params import (
    Catchup,
    ChannelName,
    Day,
    Forms,
    Number,
    PeopleRows,
    QuietHours,
    Receiver,
    SkipEmpty,
    StoredLine,
    When,
)
from bot.places import destination_at, place_wanted, where_text
from bot.registry import command
from bot.subscriptions.openings import close_unneeded, options, question, set_open
from bot.subscriptions.quiet import check_time_left, own_hours
from bot.subscriptions.rights import (
    Known,
    ask_then,
    check_people,
    check_place,
    check_sender,
    check_target,
    line_of,
    owned,
    rounds_of,
)
from bot.subscriptions.rounds import Rounds, rounds, told_text, when_over
from bot.subscriptions.turns import moved_turn, next_turn, open_period
from bot.subscriptions.words import audited, digest_of, notes_of
from storage.destinations import Destination, revive
from storage.outbox import Kind, NewDelivery, insert_deliveries, skip_posts
from storage.subscriptions import (
    Catchup as KeptCatchup,
)
from storage.subscriptions import (
    Subscription,
    add_subscription,
    change_subscription,
    list_subscriptions,
)
from storage.timekeys import day_number

MOST = 25  # digests of one destination
SHOWN = 30
TOLD: Collection[Kind] = ("digest", "correction", "notice")
LONGEST_PAUSE = timedelta(days=366)
TWO_WEEKS = timedelta(days=14)


# ---- making one


@command("digest subscribe", example="digest subscribe weekly mon 09:00", changes=True)
def subscribe(  # noqa: PLR0913, PLR0917  # the parts of a subscription
    ctx: Context,
    when: When,
    line: StoredLine | None,
    in_: ChannelName | None,
    to: Receiver | None,
    attach: Forms | None,
    skip_empty: SkipEmpty | None,
    quiet: QuietHours | None,
    catchup: Catchup | None,
    people: PeopleRows | None,
) -> Report:
    """Send a digest, or the answer to any question, on a schedule.

    `daily 09:00`, `weekly mon 09:00`, `monthly 1 08:30`, `monthly last`, `every 3 days 10:00` or
    `cron "0 9 * * mon-fri"`, with a zone behind it. Into this channel, another one, or with
    `to=me` to you. Without a line it is the digest of the schedule's period; a line stands in
    quotes, names in it in single ones. After an outage the latest missed one is told, of weeks and
    months up to three, or what `catchup` says.  During its `quiet` hours it waits, and nothing else
    does.  Where people's rows are restricted, an admin lets the channel see them with `people`.
    """
    asked = line_of(line, when)
    place = place_wanted(ctx, in_, to)
    check_target(ctx, place, asked)
    zone = when.zone or _usual_zone(ctx, place)
    schedule = replace(when_over(when, asked), zone=None).text
    found = rounds(schedule, zone, ctx.reader.workspace.zone)
    told = ask_then(ctx, asked, found)
    destination = _destination(ctx, place, people)
    if check_people(ctx, told, destination):
        parts = options(in_, to, attach, skip_empty, quiet, catchup)
        parts |= {"when": f"{replace(when, zone=None).text} {zone}", "line": asked}
        return question(ctx, destination, told, "digest subscribe", parts)
    _check_new(ctx, destination, asked, (schedule, zone))
    own = own_hours(quiet, zone)
    check_time_left(ctx, destination, own)
    usual = "all" if when.kind in ("weekly", "monthly") else "latest"
    first = next(found.after(ctx.now))
    kept = add_subscription(
        *_here(ctx),
        destination_id=destination.id,
        line=asked,
        schedule=schedule,
        zone=zone,
        next_due=first.due_at,
        next_first_day=day_number(first.period.first),
        catchup=cast("KeptCatchup", catchup or usual),
        attach=",".join(attach or ()),
        skip_empty=bool(skip_empty),
        quiet=own,
        created_by=ctx.asker.identity.actor,
        now=ctx.now,
    )
    digest = digest_of(ctx, kept, destination)
    ctx.record("digest subscribe", f"digest {kept.id}", after=audited(digest))
    notes = (*_moved(when, asked), *notes_of(ctx, kept, destination, told))
    return digest_report(digest, f"Subscribed: {digest.sentence}", *notes)


# ---- changing one


@command("digest pause", example="digest pause 1", changes=True)
def pause(ctx: Context, number: Number, until: Day | None) -> Report:
    """Send nothing for a while: up to a day, or until it is resumed.

    What was due meanwhile is not caught up.
    """
    known = owned(ctx, number)
    changes: dict[str, object] = {"is_paused": True, "paused_until": None, "pause_reason": None}
    if until is not None:
        start = ctx.reader.clock.midnight(day_number(_checked(ctx, until)))
        changes |= {
            "paused_until": start,
            **next_turn(known.kept, rounds_of(ctx, known.kept), start),
        }
    skip_posts(*_here(ctx), number, reason="paused", now=ctx.now)
    words = f"until {until}" if until else "until it is resumed"
    return _changed(ctx, known, changes, "digest pause", f"Paused {words}")


@command("digest resume", example="digest resume 1", changes=True)
def resume(ctx: Context, number: Number) -> Report:
    """Send a paused digest again, from its next time on; a channel that took nothing is tried.

    What was missed because creditbot had stopped it is caught up.  It takes back `digest skip`,
    too.
    """
    known = owned(ctx, number)
    check_sender(ctx, known.kept.line, is_direct=known.to.is_direct)
    if known.to.state != "ok":
        revive(*_here(ctx), known.to.id)
    changes: dict[str, object] = {"is_paused": False, "paused_until": None, "fail_streak": 0}
    changes["skip_next"] = False
    if known.kept.pause_reason is None and known.kept.is_paused:
        changes |= next_turn(known.kept, rounds_of(ctx, known.kept), ctx.now)
    elif known.kept.is_paused:
        # Its maker's right may be gone: whoever lets it go on answers for it.
        changes["created_by"] = _answers(ctx, known.to)
    is_skip = known.kept.skip_next and not known.kept.paused_at(ctx.now)
    words = "The next one comes" if is_skip else "Resumed"
    return _changed(ctx, known, changes, "digest resume", words)


@command("digest skip", example="digest skip 1", changes=True)
def skip(ctx: Context, number: Number) -> Report:
    """Leave out the next one; the one after it comes again."""
    known = owned(ctx, number)
    if known.kept.skip_next:
        later = ctx.reader.clock.local_date(ctx.now) + TWO_WEEKS
        raise UserError(
            f"The next one of digest {number} is left out already.",
            hint=f"`digest resume {number}` takes that back, "
            f"`digest pause {number} until {later}` leaves out more.",
        )
    return _changed(ctx, known, {"skip_next": True}, "digest skip", "The next one is left out")


@command("digest edit", example="digest edit 1 weekly fri 16:00", changes=True)
def edit(  # noqa: PLR0913, PLR0917  # the parts of a subscription
    ctx: Context,
    number: Number,
    when: When | None,
    line: StoredLine | None,
    in_: ChannelName | None,
    to: Receiver | None,
    attach: Forms | None,
    skip_empty: SkipEmpty | None,
    quiet: QuietHours | None,
    catchup: Catchup | None,
    people: PeopleRows | None,
) -> Report:
    """Change parts of a digest; the others stay.

    A period that was told already is not told again, whatever is changed.
    """
    known = owned(ctx, number)
    if {when, line, in_, to, attach, skip_empty, quiet, catchup, people} == {None}:
        raise UserError(
            "`digest edit` needs something to change.",
            hint=f"For example `digest edit {number} weekly fri 16:00`, or `skip-empty=no`.",
        )
    kept = known.kept
    wanted = when or When(Schedule.parse(kept.schedule))
    zone = wanted.zone or kept.zone
    asked = kept.line if line is None else line_of(line, wanted)
    is_moved = when is not None or line is not None
    schedule = replace(when_over(wanted, asked) if is_moved else wanted, zone=None).text
    found = rounds(schedule, zone, ctx.reader.workspace.zone)
    place = _place_of(known.to) if in_ is None and to is None else place_wanted(ctx, in_, to)
    check_target(ctx, place, asked)
    told = ask_then(ctx, asked, found)
    destination = _destination(ctx, place, people)
    if check_people(ctx, told, destination) and people is None:
        texts = options(in_, to, attach, skip_empty, quiet, catchup)
        typed = {"line": "" if line is None else asked, "when": "" if when is None else when.text}
        texts |= {"number": str(number), **typed}
        return question(ctx, destination, told, "digest edit", texts)
    changes: dict[str, object] = {
        "schedule": schedule,
        "zone": zone,
        "line": asked,
        "destination_id": destination.id,
        "created_by": _answers(ctx, destination),
    }
    notes = _moved(wanted, asked) if is_moved else []
    if (schedule, zone) != (kept.schedule, kept.zone):
        changes |= moved_turn(kept, found, ctx.now)
        notes += _told_at_once(ctx, replace(kept, line=asked), found)
    if people is False:
        notes.append(_without_people(ctx, destination))
    changes |= _given(attach, skip_empty, catchup)
    own = own_hours(quiet, zone, kept.quiet)
    check_time_left(ctx, destination, own)
    changes |= {"quiet_start": own and own.start, "quiet_end": own and own.end}
    changed = _changed(ctx, Known(kept, destination), changes, "digest edit", "Changed", *notes)
    places = {known.to.id: known.to, destination.id: destination}.values()
    closed = (note for one in places for note in _closed(ctx, one))
    return replace(changed, blocks=(*changed.blocks, *closed))


def _without_people(ctx: Context, destination: Destination) -> Note:
    where = where_text(ctx, destination)
    return Note(f"{where} is told of no person any more; a digest that needs it pauses.")


def _given(
    attach: Forms | None, skip_empty: SkipEmpty | None, catchup: Catchup | None
) -> dict[str, object]:
    """Those of the options that were typed, by their columns."""
    given: dict[str, object] = {}
    if attach is not None:
        given["attach"] = ",".join(attach)
    if skip_empty is not None:
        given["skip_empty"] = bool(skip_empty)
    if catchup is not None:
        given["catchup"] = catchup
    return given


@command("digest unsubscribe", example="digest unsubscribe 1", changes=True)
def unsubscribe(ctx: Context, number: Number) -> Report:
    """End a digest; its history stays."""
    known = owned(ctx, number)
    digest = _words(ctx, known)
    change_subscription(*_here(ctx), number, {"ended_at": ctx.now})
    skip_posts(*_here(ctx), number, reason="cancelled", now=ctx.now)
    notes = _closed(ctx, known.to)
    ctx.record("digest unsubscribe", f"digest {number}", before=audited(digest))
    steps = Actions((Button("Digests", "digest list"), Button("History", "digest history")))
    return Report("Digests", f"Ended: {digest.sentence}", (*notes, steps))


@command("digest test", example="digest test 1", changes=True)
def send_test(ctx: Context, number: Number) -> Report:
    """Send it now, marked as a test, the way it will be sent.

    It tells of the newest period that is over, and does not count: the next one comes as planned.
    """
    known = owned(ctx, number)
    kept, to = known.kept, known.to
    check_sender(ctx, kept.line, is_direct=to.is_direct)
    check_place(ctx, to)
    if to.state != "ok":
        raise UserError(
            f"{where_text(ctx, to)} took nothing any more, so a test would not arrive.",
            hint=f"`digest resume {number}` tries it again.",
        )
    told = ask_then(ctx, kept.line, rounds_of(ctx, kept))
    test = uuid4().hex
    row = NewDelivery(
        workspace_id=ctx.reader.workspace.id,
        id=test,
        dedupe_key=f"t|{test}",
        kind="digest",
        trigger="test",
        destination_id=to.id,
        subscription_id=kept.id,
        actor=kept.created_by,
        line=told.line,
        window_start=told.round.start,
        window_end=told.round.end,
        due_at=ctx.now,
        created_at=ctx.now,
    )
    insert_deliveries(ctx.reader.connection, [row])
    ctx.record("digest test", f"digest {number}")
    steps = Actions((Button("History", f"digest history {number}"),))
    return Report(
        "Digests", f"A test of digest {number} is on its way to {where_text(ctx, to)}", (steps,)
    )


# ---- which one


def _here(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def _place_of(destination: Destination) -> Place:
    return Place(destination.channel_id, destination.name, destination.is_direct)


def _destination(ctx: Context, place: Place, people: PeopleRows | None) -> Destination:
    """The destination of a place, opened for people's rows or closed where that is said."""
    found = destination_at(ctx, place)
    check_place(ctx, found)
    if people is not None:
        found = set_open(ctx, found, is_open=people)
    return revive(*_here(ctx), found.id) if found.state == "dead" else found


def _check_new(ctx: Context, to: Destination, line: str, when: tuple[str, str]) -> None:
    """Raise UserError for one that is there already, or for too many in one place."""
    there = [one for one in list_subscriptions(*_here(ctx)) if one.destination_id == to.id]
    same = next((one for one in there if (one.line, one.schedule, one.zone) == (line, *when)), None)
    if same is not None:
        raise UserError(
            f"Digest {same.id} sends `{line}` to {where_text(ctx, to)} already, {when[0]}.",
            hint=f"`digest edit {same.id}` changes it, `digest show {same.id}` tells more.",
        )
    if len(there) >= MOST:
        raise UserError(
            f"{where_text(ctx, to)} has {MOST} digests.",
            hint="`digest list` shows them; end one first.",
        )


# ---- doing it


def _closed(ctx: Context, to: Destination) -> list[Note]:
    """Close a channel for people's rows where nothing needs that any more, and say so."""
    if not close_unneeded(ctx, to):
        return []
    return [Note(f"{where_text(ctx, to)} is told of no person any more: no digest needs it.")]


def _answers(ctx: Context, to: Destination) -> str:
    """With whose rights it is sent from now on: who changed it, or the person whom it comes to."""
    return to.actor if to.is_direct else ctx.asker.identity.actor


def _words(ctx: Context, known: Known) -> Digest:
    return digest_of(ctx, known.kept, known.to)


def _usual_zone(ctx: Context, place: Place) -> str:
    """The zone where none is typed: a person's own for what comes directly, else everybody's."""
    home = ctx.reader.workspace.zone
    return (ctx.own.get("zone") if place.is_direct else None) or home


def _changed(
    ctx: Context,
    known: Known,
    changes: Mapping[str, object],
    verb: str,
    words: str,
    *notes: Note,
) -> Report:
    number = known.kept.id
    before = audited(_words(ctx, known))
    kept = change_subscription(*_here(ctx), number, changes)
    if kept is None:
        raise UserError(f"Digest {number} was ended meanwhile.", hint="`digest list` shows them.")
    digest = _words(ctx, Known(kept, known.to))
    ctx.record(verb, f"digest {number}", before=before, after=audited(digest))
    return digest_report(digest, f"{words}: {digest.sentence}", *notes)


def _moved(when: When, line: str) -> list[Note]:
    """Why the digest of a month does not come on its last day, and what does."""
    if when_over(when, line) == when:
        return []
    so_far = f'digest subscribe {replace(when, zone=None).text} "report this month"'
    words = "On its last day a month is not over: it is told on the 1st, all of it."
    return [Note(f"{words} `{so_far}` tells of it so far.")]


def _told_at_once(ctx: Context, kept: Subscription, found: Rounds) -> list[Note]:
    period = None if kept.skip_next else open_period(kept, found, ctx.now)
    if period is None:
        return []
    days = told_text(kept.line, period, ctx.reader.workspace.week_start)
    return [Note(f"{days} is told at once: its new time has passed.")]


def _checked(ctx: Context, until: date) -> date:
    """The first day after a pause; raises UserError for one that is over or far away."""
    today = ctx.reader.clock.local_date(ctx.now)
    if until <= today:
        raise UserError(f"'{until}' is not to come.", hint=f"Today is {today}; name a later day.")
    if until > today + LONGEST_PAUSE:
        raise UserError(
            f"'{until}' is more than a year away.", hint="Without a day it pauses until resumed."
        )
    return until
