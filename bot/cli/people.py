"""Who is who, who may do what, and who sees whom: people, roles and preferences of a workspace."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.table import Table

from analytics.errors import UserError
from bot.cli.terminal import (
    WorkspaceOption,
    current_engine,
    load_settings,
    note,
    out,
    utc_now,
)
from storage.catalog import Catalog
from storage.engine import reading, writing
from storage.labels import department_named, link_alias, rename_person, set_home_department
from storage.notices import RECENT, route_untold
from storage.preferences import preference, set_preference
from storage.reading import Reader
from storage.roles import list_roles, set_role
from storage.roster import list_people
from storage.workspaces import WorkspaceInfo, find_workspace

people = typer.Typer(help="People: identities, names, departments.", no_args_is_help=True)
roles = typer.Typer(help="What chat users may do.", no_args_is_help=True)
preferences = typer.Typer(help="Choices of a workspace.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(help="A name, mail, login or chat identity.")]


class Role(StrEnum):
    """What a chat user may do."""

    MEMBER = "member"
    LEAD = "lead"
    ADMIN = "admin"
    OWNER = "owner"


class Choice(StrEnum):
    """What a workspace may choose."""

    PEOPLE_VISIBILITY = "people_visibility"


_VALUES = {Choice.PEOPLE_VISIBILITY: ("everyone", "leads", "admins")}


@people.command("list")
def show_people(workspace: WorkspaceOption = None) -> None:
    """Every person with department and identities."""
    with reading(current_engine(load_settings())) as connection:
        found = list_people(connection, find_workspace(connection, workspace).id)
    table = Table("Person", "Department", "Identities", box=None)
    for one in found:
        table.add_row(one.name, one.department or "–", ", ".join(one.identities))
    out.print(table)


@people.command("link")
def link(
    person: Person,
    identity: Annotated[str, typer.Argument(help="A mail, a login, or slack:TEAM:USER.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Give a person one more identity, from now on."""
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        number = _person(connection, chosen, person)
        link_alias(connection, chosen.id, identity, number)
        what = f"person {number}: {identity}"
        note(connection, chosen, now=now, action="people.link", what=what)
    out.print(f"{identity} is {person} from now on; usage already recorded stays where it is.")


@people.command("rename")
def rename(person: Person, name: str, workspace: WorkspaceOption = None) -> None:
    """Show a person under another name."""
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        number = _person(connection, chosen, person)
        rename_person(connection, chosen.id, number, name=name)
        note(connection, chosen, now=now, action="people.rename", what=f"person {number}")
    out.print(f"{person} is shown as {name}.")


@people.command("department")
def set_department(person: Person, department: str, workspace: WorkspaceOption = None) -> None:
    """Set the department of usage that names none, from now on."""
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        number = _person(connection, chosen, person)
        home = department_named(connection, chosen.id, department)
        set_home_department(connection, chosen.id, number, department_id=home)
        what = f"person {number}: department {home}"
        note(connection, chosen, now=now, action="people.department", what=what)
    out.print(f"{person} belongs to {department}; usage already recorded stays where it is.")


@roles.command("list")
def show_roles(workspace: WorkspaceOption = None) -> None:
    """Every chat user who was given a role."""
    with reading(current_engine(load_settings())) as connection:
        found = list_roles(connection, find_workspace(connection, workspace).id)
    table = Table("Chat user", "Role", box=None)
    for user, role in found:
        table.add_row(user, role)
    out.print(table)
    out.print("Everybody else is member.")


@roles.command("set")
def give_role(
    user: Annotated[str, typer.Argument(help="slack:TEAM:USER or discord:GUILD:USER")],
    role: Role,
    workspace: WorkspaceOption = None,
) -> None:
    """Give a chat user a role."""
    platform, external_id, user_id = _chat_user(user)
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        set_role(
            connection,
            chosen.id,
            platform=platform,
            external_id=external_id,
            user_id=user_id,
            role=role.value,
        )
        today = chosen.clock().local_date(now)
        route_untold(connection, chosen.id, since=now - RECENT, today=today)
        what = f"{user} {role.value}"
        note(connection, chosen, now=now, action="roles.set", what=what)
    out.print(f"{user} is {role.value} of workspace {chosen.name}.")


@preferences.command("list")
def show_preferences(workspace: WorkspaceOption = None) -> None:
    """Every preference and what is chosen."""
    with reading(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace).id
        values = {name: preference(connection, chosen, name.value) for name in Choice}
    table = Table("Preference", "Value", "Choices", box=None)
    for name, value in values.items():
        # The first choice holds until one is made.
        shown = value or f"{_VALUES[name][0]} (not set)"
        table.add_row(name.value, shown, ", ".join(_VALUES[name]))
    out.print(table)


@preferences.command("set")
def choose(name: Choice, value: str, workspace: WorkspaceOption = None) -> None:
    """Choose for the whole workspace.

    people_visibility is everyone, leads or admins: who sees other people's rows.
    """
    if value not in _VALUES[name]:
        known = ", ".join(_VALUES[name])
        raise UserError(f"'{value}' is no choice for {name.value}.", hint=f"Choose one of {known}.")
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        set_preference(connection, chosen.id, name.value, value)
        what = f"{name.value} {value}"
        note(connection, chosen, now=now, action="preferences.set", what=what)
    out.print(f"{name.value} of workspace {chosen.name} is {value}.")


def _person(connection: sa.Connection, workspace: WorkspaceInfo, text: str) -> int:
    reader = Reader(connection, workspace, Catalog.load(connection, workspace.id))
    found = reader.find("person", text)
    if found is None:
        raise UserError(
            f"I know no single person '{text}'.",
            hint="Give the mail or login that the usage came with.",
        )
    return found


def _chat_user(text: str) -> tuple[str, str, str]:
    platform, *rest = text.split(":")
    if platform not in ("slack", "discord") or len(rest) != 2 or not all(rest):
        raise UserError(
            f"'{text}' is not a chat user.", hint="Write slack:TEAM:USER or discord:GUILD:USER."
        )
    return platform, rest[0], rest[1]
