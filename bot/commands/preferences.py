"""Choices of people and workspaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analytics.errors import UserError
from analytics.report import (
    Actions,
    Button,
    Column,
    Note,
    Report,
    Table,
)
from analytics.text import clean
from bot.context import Context, NotAllowed, outranks
from bot.params import Text
from bot.preferences import FOLLOWS, PREFERENCES, Preference
from bot.registry import command
from storage.preferences import drop_preference, set_preference
from storage.workspaces import set_peak, set_zone

WHO = {"person": "you", "workspace": "admins", "both": "you or admins"}
REBUILD = "Usage that is there already keeps its {} until `creditbot rebuild` has run."
AFTER = {"zone": REBUILD.format("days"), "peak": REBUILD.format("hours")}


@command("preferences", example="preferences", aliases=("settings",), native="preferences show")
def show_preferences(ctx: Context) -> Report:
    """What you and this workspace chose, and who may change it."""
    rows = tuple(
        (
            one.title,
            _own(one, ctx),
            _ours(one, ctx),
            WHO[one.scope],
            f"{one.option}={one.words.split('; ')[0]}",
        )
        for one in PREFERENCES
    )
    columns = (
        Column("preference", "Preference"),
        Column("own", "Yours"),
        Column("workspace", "Workspace"),
        Column("who", "Who may"),
        Column("typed", "Typed"),
    )
    made = sum(one.name in ctx.own for one in PREFERENCES)
    return Report(
        title="Preferences",
        headline=f"{made or 'No'} choice{'' if made == 1 else 's'} of your own; "
        "what you leave open follows the workspace",
        blocks=(
            Table(columns, rows),
            Note(
                "Change them with `preferences set theme=dark`; `default` takes a choice back.",
                "hint",
            ),
            Actions((Button("How to change", "help preferences set"),)),
        ),
    )


@command(
    "preferences set",
    example="preferences set theme=dark for=workspace",
    words={**{one.option: one.words.split("; ")[0] for one in PREFERENCES}, "for": "workspace"},
    changes=True,
)
def set_preferences(  # noqa: PLR0913, PLR0917  # one parameter an option
    ctx: Context,
    zone: Text | None,
    week: Text | None,
    range: Text | None,
    by: Text | None,
    filters: Text | None,
    theme: Text | None,
    notifications: Text | None,
    peak: Text | None,
    tiers: Text | None,
    margin: Text | None,
    people: Text | None,
    budgets: Text | None,
    reminders: Text | None,
    for_: Text | None,
) -> Report:
    """Change preferences of your own, or for=workspace.

    Your own go before the workspace's. Usual range and filters are used where a line names none,
    and the answer says so; `department=all` asks past them. Zone and peak hours of the workspace
    count from now on, for what is there after `creditbot rebuild`. `default` takes a choice back.
    """
    named = {
        "zone": zone,
        "week": week,
        "range": range,
        "by": by,
        "filters": filters,
        "theme": theme,
        "notifications": notifications,
        "peak": peak,
        "tiers": tiers,
        "margin": margin,
        "people": people,
        "budgets": budgets,
        "reminders": reminders,
    }
    typed = {name: str(text) for name, text in named.items() if text is not None}
    return _changed(ctx, typed, wants_all=(for_ or "me").casefold())


def _changed(ctx: Context, typed: Mapping[str, str], *, wants_all: str) -> Report:
    """Keep what was typed; the report of what was before and what is now."""
    if wants_all not in ("me", "workspace"):
        raise UserError(
            f"'{clean(wants_all)}' is nobody to choose for.", hint="Write for=me or for=workspace."
        )
    chosen = [one for one in PREFERENCES if one.option in typed]
    if not chosen:
        raise UserError(
            "`preferences set` needs a choice.",
            hint="For example `preferences set theme=dark`; `preferences` lists them.",
        )
    rows = []
    for one in chosen:
        is_ours = one.scope == "workspace" or (one.scope == "both" and wants_all == "workspace")
        _check(one, ctx, is_ours=is_ours, wants_all=wants_all)
        rows.append(_kept(one, typed[one.option], ctx, is_ours=is_ours))
    columns = (
        Column("preference", "Preference"),
        Column("for", "For"),
        Column("now", "Now"),
    )
    title, whose, now = rows[0]
    return Report(
        title="Preferences",
        headline=f"{title}: {now}, for {whose}" if len(rows) == 1 else f"{len(rows)} choices kept",
        blocks=(
            Table(columns, tuple(rows)),
            *_notes(rows, chosen),
            Actions((Button("All preferences", "preferences"),)),
        ),
    )


def _check(one: Preference, ctx: Context, *, is_ours: bool, wants_all: str) -> None:
    """Raise UserError for a choice that is not the asker's to make."""
    if is_ours and not outranks(ctx.asker.role, "admin"):
        raise NotAllowed(
            f"'{one.option}' of the workspace is for admins.",
            hint="Ask an admin of this workspace.",
        )
    if wants_all == "workspace" and one.scope == "person":
        raise UserError(f"'{one.option}' is for each person to choose.", hint="Leave `for=` out.")
    if not is_ours and ctx.asker.person_id is None:
        raise UserError(
            "You are not linked to a person, so there is nothing to keep a choice of yours under.",
            hint="An admin can link you, or choose for everybody with `for=workspace`.",
        )


def _kept(one: Preference, text: str, ctx: Context, *, is_ours: bool) -> tuple[str, str, str]:
    """Keep a choice, put it into the audit, and give its row."""
    before = (_ours if is_ours else _own)(one, ctx)
    value = None if text.casefold() in FOLLOWS else one.read(text, ctx)
    if is_ours and one.name == "filters" and "person=" in (value or ""):
        raise UserError(
            "The usual filters of a workspace name no person: everybody would read the name.",
            hint="Leave `person=` out, or choose it for yourself.",
        )
    _store(one, value, ctx, is_ours=is_ours)
    now = one.usual if value is None else one.shown(value)
    owner = "workspace" if is_ours else f"person {ctx.asker.person_id}"
    ctx.record("preferences.set", f"{one.option} of {owner}", before=before, after=now)
    return one.title, "everybody" if is_ours else "you", now


def _store(one: Preference, value: str | None, ctx: Context, *, is_ours: bool) -> None:
    connection, ours = ctx.reader.connection, ctx.reader.workspace.id
    person = 0 if is_ours else (ctx.asker.person_id or 0)
    if is_ours and one.name == "zone":
        if value is None:
            raise UserError("A workspace needs a zone.", hint="Write zone=Europe/Berlin.")
        set_zone(connection, ours, value)
    elif one.name == "peak":
        first, end = map(int, (value or "9 17").split())
        set_peak(connection, ours, (first, end))
    elif value is None:
        drop_preference(connection, ours, one.name, person_id=person)
    else:
        set_preference(connection, ours, one.name, value, person_id=person)


def _notes(rows: list[tuple[str, str, str]], chosen: list[Preference]) -> Iterator[Note]:
    for (_, whose, _), one in zip(rows, chosen, strict=True):
        if whose == "everybody" and one.name in AFTER:
            yield Note(AFTER[one.name])


def _own(one: Preference, ctx: Context) -> str:
    value = ctx.own.get(one.name)
    return one.shown(value) if value else "–"


def _ours(one: Preference, ctx: Context) -> str:
    if one.scope == "person":
        return one.usual
    if one.name == "zone":
        return ctx.reader.workspace.zone
    if one.name == "peak":
        return "-".join(map(str, ctx.reader.workspace.peak))
    value = ctx.ours.get(one.name)
    return one.shown(value) if value else one.usual
