"""Roles belong to one identity in one workspace; without one everybody is a member."""

from __future__ import annotations

import sqlalchemy as sa

from storage.engine import writing
from storage.roles import Role, role_of, set_role
from tests.databases import elsewhere, home


def alice_in(connection: sa.Connection, workspace_id: int, *, team: str = "T1") -> Role:
    return role_of(connection, workspace_id, platform="slack", external_id=team, user_id="U1")


def test_everybody_is_a_member_until_given_a_role_and_keeps_the_last_one(
    engine: sa.Engine,
) -> None:
    ours = home(engine).id
    with writing(engine) as connection:
        assert alice_in(connection, ours) == "member"
        for role in ("lead", "admin"):
            set_role(connection, ours, platform="slack", external_id="T1", user_id="U1", role=role)
            assert alice_in(connection, ours) == role


def test_a_role_is_worth_nothing_in_another_workspace_team_or_platform(
    engine: sa.Engine,
) -> None:
    ours, theirs = home(engine).id, elsewhere(engine).id
    with writing(engine) as connection:
        set_role(connection, theirs, platform="slack", external_id="T1", user_id="U1", role="owner")
        set_role(connection, ours, platform="discord", external_id="T1", user_id="U1", role="admin")
        assert alice_in(connection, ours) == "member"
        assert alice_in(connection, theirs, team="T2") == "member"
        assert alice_in(connection, theirs) == "owner"
