"""Routes of alerts: made once, turned off and on again, and what each of them takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from storage.engine import writing
from storage.labels import link_alias
from storage.routes import Route, add_route, end_routes, identities_of, list_routes
from tests.analytics.world import World
from tests.cast import NOW, event
from tests.databases import elsewhere


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    with writing(engine) as open_connection:
        yield open_connection


def made(connection: sa.Connection, **parts: str | int) -> tuple[Route, bool]:
    kind, scope = str(parts.get("kind", "")), str(parts.get("scope", ""))
    return add_route(
        connection,
        1,
        destination_id=1,
        kind=kind,
        scope=scope,
        target_id=int(parts.get("target_id", 0)),
        actor="slack:T1:U1",
        now=NOW,
    )


def test_a_route_is_made_once(connection: sa.Connection) -> None:
    first, is_new = made(connection)
    again, is_new_again = made(connection)
    assert (is_new, is_new_again) == (True, False)
    assert first == again == list_routes(connection, 1)[0]
    assert made(connection, kind="silent")[1]


def test_a_route_that_was_ended_comes_back_with_its_number(connection: sa.Connection) -> None:
    first, _ = made(connection)
    assert [one.id for one in end_routes(connection, 1, [first.id])] == [first.id]
    assert end_routes(connection, 1, [first.id]) == []
    again, is_new = made(connection)
    assert (again.id, is_new, again.is_off) == (first.id, True, False)


def test_routes_of_another_workspace_are_not_ended(engine: sa.Engine) -> None:
    other = elsewhere(engine).id
    with writing(engine) as connection:
        first, _ = made(connection)
        assert end_routes(connection, other, [first.id]) == []
        assert not list_routes(connection, 1)[0].is_off


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        ({}, True),
        ({"kind": "threshold"}, True),
        ({"kind": "silent"}, False),
        ({"scope": "department", "target_id": 3}, True),
        ({"scope": "department", "target_id": 4}, False),
        ({"scope": "project", "target_id": 3}, False),
        ({"kind": "threshold", "scope": "department", "target_id": 3}, True),
    ],
)
def test_what_a_route_takes(
    connection: sa.Connection, parts: dict[str, str | int], *, taken: bool
) -> None:
    route, _ = made(connection, **parts)
    assert route.takes("threshold", "department", 3) == taken


def test_who_a_person_is_in_chats(engine: sa.Engine) -> None:
    world = World(engine)
    world.write([event(person="anna@example.com")])
    person = world.labels.person_id("anna@example.com")
    with writing(engine) as connection:
        link_alias(connection, 1, "slack:T1:U7", person_id=person)
        assert identities_of(connection, 1, person) == ["anna@example.com", "slack:t1:u7"]
