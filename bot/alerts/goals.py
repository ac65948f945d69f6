"""Who is told of an alert: the destinations that its routes name, its person, or the admins.

A destination that takes nothing any more is nobody's: what it would have been told goes where
what has no route goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from analytics.errors import UserError
from analytics.scopes import Scope
from bot.alerts.kinds import KINDS, may_see
from bot.asking import Asking
from bot.context import LAST_CHAT, Asker, Context, Identity, Place, outranks
from bot.freezing import scope_of_alert
from bot.rights import may_route
from storage.alerts import Alert
from storage.destinations import Destination, destination_of
from storage.labels import person_of_alias
from storage.preferences import preference
from storage.roles import list_roles
from storage.routes import Route, identities_of
from storage.workspaces import bound_workspace

CREDITBOT = "creditbot"  # who makes a destination that nobody asked for


@dataclass(frozen=True, slots=True)
class Goal:
    """Where an alert goes, and whose rights it is made with: "" is creditbot itself."""

    destination: Destination
    actor: str = ""


@dataclass(frozen=True)
class Desk:
    """What routing one workspace needs, read once."""

    connection: sa.Connection
    asking: Asking
    ctx: Context
    now: datetime
    owners: Sequence[str]
    routes: Sequence[Route]
    destinations: dict[int, Destination] = field(default_factory=dict)
    is_sure: bool = True  # whether the clock is believed

    @property
    def place(self) -> int:
        """The workspace."""
        return self.ctx.reader.workspace.id


def goals_of(desk: Desk, alert: Alert) -> Iterator[Goal]:
    """The destinations of an alert, perhaps one twice."""
    scope = scope_of_alert(alert)
    if scope.kind == "person":
        yield from _person(desk, scope.target) or _admins(desk)
        return
    group = KINDS[alert.kind].group
    chosen = [one for one in desk.routes if one.takes(group, alert.scope, alert.target_id)]
    places = [desk.destinations[one.destination_id] for one in chosen]
    found = [one for one in places if not one.is_direct or _may_choose(desk, scope, one)]
    open_ = [one for one in found if one.state == "ok" and _may_be_told(desk, alert, one)]
    for destination in open_:
        yield Goal(destination, destination.actor if destination.is_direct else "")
    if len(open_) < len(found) or not found:
        yield from _admins(desk)


def _may_choose(desk: Desk, scope: Scope, destination: Destination) -> bool:
    """Whether a person still is one who has alerts of a scope routed to oneself."""
    asker = _asked_by(desk, destination)
    return asker is None or may_route(asker, scope)


def _may_be_told(desk: Desk, alert: Alert, destination: Destination) -> bool:
    """Whether an alert tells a channel or person nothing that they must not know of people."""
    if not destination.is_direct:
        return may_see(alert, for_channel(desk.ctx, destination))
    asker = _asked_by(desk, destination)
    return asker is not None and may_see(alert, asker)


def _asked_by(desk: Desk, destination: Destination) -> Context | None:
    """The question as the person of a direct conversation asks it."""
    parts = (destination.platform, destination.external_id, destination.channel_id)
    try:
        return desk.asking.context(desk.connection, Identity(*parts))
    except UserError:  # their chat does not talk to us any more
        return None


def for_channel(ctx: Context, destination: Destination) -> Context:
    """The question as a channel asks it.

    One that may see people's rows asks for everybody, one that strangers read for nobody.
    """
    asker = Asker(Identity(destination.platform, destination.external_id, destination.channel_id))
    asked = replace(ctx, asker=asker, own={})
    if destination.is_external:
        return replace(asked, people_visibility="admins")
    return replace(asked, people_visibility="everyone") if destination.people_rows else asked


def _person(desk: Desk, person_id: int) -> list[Goal]:
    """The conversation by which a person asked last; all that there are where that is not known.

    One that takes nothing any more is left out.
    """
    aliases = identities_of(desk.connection, desk.place, person_id)
    found = [goal for alias in aliases if (goal := _direct(desk, _spelled(alias))) is not None]
    last = preference(desk.connection, desk.place, LAST_CHAT, person_id=person_id)
    return [goal for goal in found if goal.actor == last] or found


def _spelled(alias: str) -> str:
    """An identity as its platform spells it: aliases are folded, and Slack's ids are upper case."""
    platform, _, rest = alias.partition(":")
    return f"{platform}:{rest.upper()}" if platform == "slack" else alias


def _admins(desk: Desk) -> Iterator[Goal]:
    """Everybody who is admin or owner, and those whom the settings name."""
    named = [
        actor for actor, role in list_roles(desk.connection, desk.place) if outranks(role, "admin")
    ]
    for actor in dict.fromkeys((*named, *desk.owners)):
        goal = _direct(desk, actor)
        if goal is not None:
            yield goal


def _direct(desk: Desk, actor: str) -> Goal | None:
    """The conversation with an identity; None for no chat of this workspace, or a closed one."""
    parts = actor.split(":")
    if len(parts) != 3 or not all(parts):
        return None
    platform, external_id, user_id = parts
    if bound_workspace(desk.connection, platform, external_id) != desk.place:
        return None
    made = destination_of(
        desk.connection,
        desk.place,
        platform=platform,
        external_id=external_id,
        place=Place(user_id, _shown(desk, actor), is_direct=True),
        actor=CREDITBOT,
        now=desk.now,
    )
    return Goal(made, actor) if made.state == "ok" else None


def _shown(desk: Desk, actor: str) -> str:
    """The name of the person behind an identity, or the identity itself."""
    person = person_of_alias(desk.connection, desk.place, actor)
    return desk.ctx.reader.names("person").get(person or 0, actor)
