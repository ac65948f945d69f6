"""Looking at digests: what is sent when, what it would say, what became of every message."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from analytics.report import Report
from analytics.subscription_lists import digest_report, history_report, list_report
from bot.context import Context
from bot.params import Number
from bot.registry import command
from bot.subscriptions.rights import ask_then, find, rounds_of, visible
from bot.subscriptions.words import digest_of, sent_of
from storage.destinations import list_destinations
from storage.outbox import Kind, history

SHOWN = 30
TOLD: Collection[Kind] = ("digest", "correction", "notice")


@command("digest list", example="digest list")
def list_of_digests(ctx: Context) -> Report:
    """What is sent on a schedule: here, and to you; admins see all of it."""
    return list_report([digest_of(ctx, one.kept, one.to) for one in visible(ctx)])


@command("digest show", example="digest show 1")
def show(ctx: Context, number: Number) -> Report:
    """A digest with its next three times and what was chosen."""
    found = find(ctx, number)
    digest = digest_of(ctx, found.kept, found.to)
    state = "" if digest.state == "on" else f"; {digest.state}"
    return digest_report(digest, f"{digest.sentence}{state}")


@command("digest preview", example="digest preview 1")
def preview(ctx: Context, number: Number) -> Report:
    """What a digest says for the newest period that is over; only you see it."""
    kept = find(ctx, number).kept
    told = ask_then(ctx, kept.line, rounds_of(ctx, kept))
    return replace(told.report, own_buttons=True)


@command("digest history", example="digest history")
def past(ctx: Context, number: Number | None) -> Report:
    """What became of every message, with the reason for what was not sent."""
    if number is None:
        seen = [one.kept.id for one in visible(ctx, with_ended=True)]
    else:
        seen = [find(ctx, number, with_ended=True).kept.id]
    here = ctx.reader.connection, ctx.reader.workspace.id
    rows = history(*here, subscriptions=seen, kinds=TOLD, limit=SHOWN)
    known = list_destinations(*here)
    return history_report([sent_of(ctx, row, known[row.destination_id]) for row in rows], number)
