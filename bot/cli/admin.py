"""What an operator sets up: workspaces, the chats they belong to, prices, units of sources."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.table import Table

from analytics.errors import UserError
from analytics.numbers import counted, credits_text, multiplier_text
from bot.cli.ask import moment
from bot.cli.data import FromDay, ToDay, days_of
from bot.cli.terminal import (
    WorkspaceOption,
    current_engine,
    load_settings,
    note,
    operator,
    out,
    progress,
    utc_now,
)
from storage.accounts import list_accounts
from storage.accounts import set_factor as keep_factor
from storage.catalog import Catalog, set_multiplier
from storage.changes import reprice
from storage.engine import reading, writing
from storage.events import MICRO
from storage.timekeys import EPOCH_DAY, day_number, to_micros
from storage.workspaces import (
    WorkspaceInfo,
    bind_chat,
    create_workspace,
    find_workspace,
    list_chats,
    list_workspaces,
    release_chat,
)

workspaces = typer.Typer(help="Workspaces and the chats that talk to them.", no_args_is_help=True)
models = typer.Typer(help="The catalogue and its prices.", no_args_is_help=True)
sources = typer.Typer(help="Where usage comes from, and in which unit.", no_args_is_help=True)
Chat = Annotated[str, typer.Argument(help="slack:TEAM or discord:GUILD")]
# Slack's ids: a team is T..., an organisation E...; Discord's are snowflakes of up to 64 bits.
# https://api.slack.com/enterprise/grid, https://discord.com/developers/docs/reference#snowflakes
_IDS = {"slack": re.compile(r"[TE][A-Z0-9]{1,31}"), "discord": re.compile(r"[0-9]{1,20}")}
_ID_HINTS = {
    "slack": "A Slack team's id looks like T0123456789, an organisation's like E0123456789.",
    "discord": "A Discord server's id is a number like 123456789012345678.",
}
MIN_MULTIPLIER = Decimal(1) / MICRO
MAX_MULTIPLIER = 1000


@workspaces.command("create")
def create(
    name: str,
    zone: Annotated[str | None, typer.Option("--tz", help="IANA zone: Europe/Berlin.")] = None,
) -> None:
    """Create a workspace with the default catalogue."""
    settings = load_settings()
    now = utc_now()
    with writing(current_engine(settings)) as connection:
        made = create_workspace(connection, name, zone=zone or settings.timezone, now=now)
        note(connection, made, now=now, action="workspace.create", what=made.name)
    out.print(f"Workspace {made.name} counts its days in {made.zone}.")


@workspaces.command("list")
def list_all() -> None:
    """Every workspace with its zone, credit unit and chats."""
    with reading(current_engine(load_settings())) as connection:
        found = list_workspaces(connection)
        chats = list_chats(connection)
    table = Table("Workspace", "Zone", "Credit unit", "Chats", box=None)
    for one in found:
        unit = one.credit_unit or "not known yet"
        table.add_row(one.name, one.zone, unit, ", ".join(chats.get(one.id, ())) or "none")
    out.print(table)


@workspaces.command("bind")
def bind(chat: Chat, workspace: WorkspaceOption = None) -> None:
    """Let a Slack team or Discord guild talk to a workspace."""
    platform, external_id = _chat(chat)
    if not _IDS[platform].fullmatch(external_id):
        raise UserError(f"'{chat}' cannot be the id of a chat.", hint=_ID_HINTS[platform])
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        bind_chat(connection, chosen.id, platform=platform, external_id=external_id, now=now)
        note(connection, chosen, now=now, action="workspace.bind", what=chat)
    out.print(f"{chat} talks to workspace {chosen.name}.")


@workspaces.command("release")
def release(chat: Chat, workspace: WorkspaceOption = None) -> None:
    """Take a Slack team or Discord guild away from its workspace."""
    platform, external_id = _chat(chat)
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        if not release_chat(connection, chosen.id, platform=platform, external_id=external_id):
            raise UserError(
                f"'{chat}' does not talk to workspace {chosen.name}.",
                hint="Name its workspace with --workspace.",
            )
        note(connection, chosen, now=now, action="workspace.release", what=chat)
    out.print(f"{chat} does not talk to workspace {chosen.name} any more.")


def _chat(text: str) -> tuple[str, str]:
    platform, _, external_id = text.partition(":")
    if platform not in ("slack", "discord") or not external_id:
        raise UserError(f"'{text}' is not a chat.", hint="Write slack:TEAM or discord:GUILD.")
    return platform, external_id


@models.command("list")
def list_models(workspace: WorkspaceOption = None) -> None:
    """Every model with its family and today's multiplier."""
    with reading(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        catalog = Catalog.load(connection, chosen.id)
    now = to_micros(utc_now())
    table = Table("Model", "Family", "Multiplier", box=None)
    for model in sorted(catalog.models.values(), key=lambda m: (m.family, m.name)):
        price = catalog.price_at(model.id, now)
        table.add_row(
            model.name, model.family, multiplier_text(price.multiplier) if price else "unpriced"
        )
    out.print(table)


# A number below zero looks like an option: it is to be refused as what it is.
_NUMBERS = {"ignore_unknown_options": True}


@models.command("set", context_settings=_NUMBERS)
def set_price(
    model: str,
    multiplier: Annotated[str, typer.Argument(help="Credits a prompt costs: 2.5x.")],
    since: Annotated[
        str | None, typer.Option("--from", help="First day it is valid; without it, from now on.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Set a multiplier; past usage keeps its credits."""
    value = _multiplier(multiplier)
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        key = _model(connection, chosen, model)
        start = moment(since, chosen.zone) if since else now
        set_multiplier(connection, chosen.id, key, multiplier=value, valid_from=to_micros(start))
        note(
            connection,
            chosen,
            now=now,
            action="models.set",
            what=f"{model} {multiplier_text(value)}",
        )
    out.print(f"{model} costs {multiplier_text(value)} from {start:%Y-%m-%d %H:%M} on.")
    out.print("Usage already recorded keeps its credits; `creditbot models reprice` changes it.")


@models.command("reprice")
def reprice_command(
    first: FromDay = None,
    last: ToDay = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Give recorded usage the credits of today's catalogue.

    Every change stands in the correction log.
    """
    engine = current_engine(load_settings())
    with reading(engine) as connection:
        chosen = find_workspace(connection, workspace)
        key = _model(connection, chosen, model) if model else None
    now = utc_now()
    start, end = days_of(first, last)
    today = day_number(chosen.clock().local_date(now) + timedelta(days=1))
    with progress("Repricing") as step:
        done = reprice(
            engine,
            chosen,
            first_day=day_number(EPOCH_DAY) if start is None else start,
            last_day=today if end is None else end,
            model_id=key,
            actor=operator(),
            reason="models reprice",
            now=now,
            progress=step,
        )
    with writing(engine) as connection:
        note(connection, chosen, now=now, action="models.reprice", what=model or "all models")
    have = "has" if done.changed == 1 else "have"
    out.print(f"{counted(done.changed, 'usage event')} {have} new credits.")
    out.print(f"Credits before {credits_text(done.before)}, now {credits_text(done.after)}.")


@sources.command("list")
def list_sources(workspace: WorkspaceOption = None) -> None:
    """Every source, its kind and the units it counts in."""
    with reading(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        found = list_accounts(connection, chosen.id)
    table = Table("Source", "Kind", "Unit = credits", box=None)
    for one in found:
        units = ", ".join(f"{u} = {f / MICRO:g}" for u, f in one.factors.items())
        table.add_row(one.name, one.kind, units or "–")
    out.print(table)


@sources.command("factor", context_settings=_NUMBERS)
def set_factor(
    name: str,
    factor: Annotated[str, typer.Argument(help="Credits of one unit of this source: 0.1.")],
    unit: Annotated[str | None, typer.Option("--unit", help="The unit, e.g. ai_credit.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Say what one unit of a source is worth in credits."""
    value = _multiplier(factor)
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        chosen_unit = keep_factor(connection, chosen.id, name=name, unit=unit, factor=value)
        note(
            connection,
            chosen,
            now=now,
            action="sources.factor",
            what=f"{name} {chosen_unit} {factor}",
        )
    out.print(f"One {chosen_unit} of {name} is {value / MICRO:g} credits from now on.")
    out.print("`creditbot models reprice` applies it to usage already recorded.")


def _multiplier(text: str) -> int:
    try:
        value = Decimal(text.strip().removesuffix("x").removesuffix("×"))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not MIN_MULTIPLIER <= value <= MAX_MULTIPLIER:
        raise UserError(
            f"'{text}' is not a number from {MIN_MULTIPLIER:f} to {MAX_MULTIPLIER}.",
            hint="For example 2.5.",
        )
    return int((value * MICRO).to_integral_value())


def _model(connection: sa.Connection, workspace: WorkspaceInfo, name: str) -> int:
    found = Catalog.load(connection, workspace.id).find(name)
    if found is None:
        raise UserError(f"I know no model '{name}'.", hint="`creditbot models list` names them.")
    return found
