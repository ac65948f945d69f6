"""Channels that are told of people where a workspace restricts their rows.

Only an admin opens one, by a second line that says so, and what nothing needs any more is closed
again: alerts and every other digest of the channel name people as long as it is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Actions, Button, Note, Report
from bot.calls import Call
from bot.context import Context, NotAllowed, outranks
from bot.params.base import YES
from bot.places import where_text
from bot.registry import COMMANDS
from bot.subscriptions.rights import Told, ask_then, rounds_of
from storage.destinations import Destination, let_see_people
from storage.subscriptions import list_subscriptions

PEOPLE = "people"


def question(
    ctx: Context, to: Destination, told: Told, verb: str, texts: Mapping[str, str]
) -> Report:
    """What opening a channel means, with the button that does it; nothing is changed yet."""
    given = {name: (text,) for name, text in {**texts, PEOPLE: YES}.items() if text}
    line, where = Call(COMMANDS[verb], given).line, where_text(ctx, to)
    return Report(
        "Digests",
        f"Show people's rows to everybody in {where}?",
        (
            Note(
                f"`{told.line}` tells of people, whose rows are for {ctx.people_visibility} here. "
                f"Other digests and alerts in {where} name people then, too, until no digest "
                "there needs it any more."
            ),
            Note(f"Nothing is changed yet. Press the button, or type `{line}`.", "hint"),
            Actions((Button("Show them there", line, "do"), Button("Leave it", "digest list"))),
        ),
    )


def options(
    in_: str | None,
    to: str | None,
    attach: Sequence[str] | None,
    skip_empty: bool | None,  # noqa: FBT001  # a part like the others
    quiet: tuple[int, int] | None,
    catchup: str | None,
) -> dict[str, str]:
    """What was chosen besides the schedule and the line, as it is typed; "" for nothing."""
    hours = "" if quiet is None else "-".join(f"{at // 60:02}:{at % 60:02}" for at in quiet)
    return {
        "in": in_ or "",
        "to": to or "",
        "attach": "" if attach is None else ",".join(attach) or "none",
        "skip-empty": "" if skip_empty is None else YES if skip_empty else "no",
        "quiet": "off" if quiet is not None and quiet[0] == quiet[1] else hours,
        "catchup": catchup or "",
    }


def set_open(ctx: Context, to: Destination, *, is_open: bool) -> Destination:
    """Open or close a channel for people's rows; raises NotAllowed for others than admins."""
    if to.is_direct or to.people_rows == is_open:
        return to
    if not outranks(ctx.asker.role, "admin"):
        raise NotAllowed(
            "Who is told of people is chosen by admins.", hint="Leave `people` out, or ask one."
        )
    return _set(ctx, to, is_open=is_open)


def close_unneeded(ctx: Context, to: Destination) -> bool:
    """Close a channel whose digests tell of no person any more; whether it was open."""
    if to.is_direct or not to.people_rows or any(_tells(ctx, to)):
        return False
    _set(ctx, to, is_open=False)
    return True


def _tells(ctx: Context, to: Destination) -> list[bool]:
    """Of each digest of a channel, whether it tells of people to somebody who may see them."""
    sees_all = replace(
        ctx, people_visibility="everyone", asker=replace(ctx.asker, role="admin"), own={}
    )
    found = []
    for one in list_subscriptions(*_here(ctx)):
        if one.destination_id == to.id:
            try:
                told = ask_then(sees_all, one.line, rounds_of(ctx, one))
            except UserError:  # it will pause; until it is mended nothing is opened for it
                continue
            found.append(told.tells_people)
    return found


def _set(ctx: Context, to: Destination, *, is_open: bool) -> Destination:
    words = ("no", "yes") if is_open else ("yes", "no")
    ctx.record("digest people", f"destination {to.id}", before=words[0], after=words[1])
    return let_see_people(*_here(ctx), to.id, is_open=is_open)


def _here(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id
