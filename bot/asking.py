"""Who asks: from the identity a platform vouches for to a workspace, a person and rights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import sqlalchemy as sa

from analytics.errors import UserError
from bot.context import Asker, Context, Identity, Place, Role, Visibility
from storage import audit
from storage.catalog import REVISION, Catalog
from storage.destinations import find_destination
from storage.labels import person_of_alias
from storage.preferences import preferences, state
from storage.reading import Reader
from storage.roles import role_of, team_of
from storage.timekeys import Clock
from storage.workspaces import (
    WorkspaceInfo,
    bind_chat,
    bound_workspace,
    find_workspace,
    workspace_by_id,
)


class NotBound(UserError):  # noqa: N818  # the state is the name
    """The team or guild of the asker belongs to no workspace."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(
            "creditbot is not connected to this place yet.",
            hint="Its operator can connect it with "
            f"`creditbot workspace bind {identity.platform}:{identity.external_id}`.",
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a question needs of a workspace and the next one, too; loading it costs 2 ms."""

    workspace: WorkspaceInfo
    revision: str | None
    catalog: Catalog
    clock: Clock


def _looked_up(connection: sa.Connection, workspace_id: int, identity: Identity) -> Place | None:
    """The place of a line, with what is kept of its channel: no envelope says who reads along."""
    place = identity.place
    if place is None or place.is_direct or place.is_external is not None:
        return place
    known = find_destination(
        connection,
        workspace_id,
        platform=identity.platform,
        external_id=identity.external_id,
        channel_id=place.channel_id,
    )
    return replace(place, is_external=True) if known and known.is_external else place


class Asking:
    """Finds out who asks; `owners` are actors with every right in their workspace.

    `workspace` fixes the workspace for identities that come from this computer's terminal.
    """

    def __init__(
        self, *, now: Callable[[], datetime], owners: Sequence[str], workspace: str | None
    ) -> None:
        self.now = now
        self._owners = frozenset(owners)
        self._workspace = workspace
        self._kept: dict[int, _Kept] = {}

    def context(
        self,
        connection: sa.Connection,
        identity: Identity,
        *,
        may_change: bool = False,
        for_anyone: bool = False,
    ) -> Context:
        """What a command is given; raises NotBound, UserError or StorageError."""
        workspace = self.workspace_of(connection, identity, for_anyone=for_anyone)
        reader = self._reader(connection, workspace)
        identity = replace(identity, place=_looked_up(connection, workspace.id, identity))
        asker = self._asker(connection, reader, identity)
        ours, own = preferences(connection, workspace.id, asker.person_id)
        reader.show_hours_in(own.get("zone"))
        return Context(
            now=self.now(),
            reader=reader,
            asker=asker,
            people_visibility=cast("Visibility", ours.get("people_visibility", "everyone")),
            may_change=may_change,
            ours=ours,
            own=own,
        )

    def _reader(self, connection: sa.Connection, workspace: WorkspaceInfo) -> Reader:
        """A reader with the catalogue and clock of the last question, while nothing changed."""
        revision = state(connection, REVISION, workspace.id)
        kept = self._kept.get(workspace.id)
        if kept is None or (kept.workspace, kept.revision) != (workspace, revision):
            catalog = Catalog.load(connection, workspace.id)
            kept = _Kept(workspace, revision, catalog, workspace.clock())
            self._kept[workspace.id] = kept
        return Reader(connection, workspace, kept.catalog, kept.clock)

    def workspace_of(
        self, connection: sa.Connection, identity: Identity, *, for_anyone: bool = False
    ) -> WorkspaceInfo:
        """The workspace of an identity; raises NotBound, UserError for what guests may not ask."""
        if identity.platform == "terminal":
            return find_workspace(connection, self._workspace)
        bound = bound_workspace(connection, identity.platform, identity.external_id)
        if bound is None:
            raise NotBound(identity)
        if identity.guest and not for_anyone:
            raise UserError(
                "Guests and people of other organisations cannot ask here.",
                hint="`help` says what I can do; ask a member of this workspace to share an answer "
                "with you.",
            )
        return workspace_by_id(connection, bound)

    def bind(self, connection: sa.Connection, platform: str, external_id: str) -> str | None:
        """Bind an unbound team to the default workspace; the workspace's name.

        None for a team that is bound already.  Raises StorageError where it is not clear which
        workspace is meant.
        """
        if bound_workspace(connection, platform, external_id) is not None:
            return None
        workspace = find_workspace(connection, None)
        bind_chat(
            connection, workspace.id, platform=platform, external_id=external_id, now=self.now()
        )
        audit.record(
            connection,
            workspace.id,
            at=self.now(),
            actor="creditbot",
            role="owner",
            action="bind",
            object=f"{platform}:{external_id}",
            after=workspace.name,
        )
        return workspace.name

    def _asker(self, connection: sa.Connection, reader: Reader, identity: Identity) -> Asker:
        workspace = reader.workspace
        if identity.platform == "terminal" and identity.user_id:
            person = reader.find("person", identity.user_id)
            if person is None:
                raise UserError(
                    f"I know no person '{identity.user_id}'.", hint="Check the name after --as."
                )
        else:
            aliases = [alias for alias in (identity.actor, identity.email) if alias]
            people = (person_of_alias(connection, workspace.id, alias) for alias in aliases)
            person = next((found for found in people if found is not None), None)
        role = self._role(connection, workspace, identity)
        team: frozenset[int] = frozenset()
        if role == "lead" and person is not None:
            team = team_of(connection, workspace.id, person)
        return Asker(identity, role, person, team)

    def _role(
        self, connection: sa.Connection, workspace: WorkspaceInfo, identity: Identity
    ) -> Role:
        if identity.platform == "terminal":
            return "member" if identity.user_id else "owner"
        if identity.actor in self._owners:
            return "owner"
        return role_of(
            connection,
            workspace.id,
            platform=identity.platform,
            external_id=identity.external_id,
            user_id=identity.user_id,
        )
