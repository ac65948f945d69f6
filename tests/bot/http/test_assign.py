"""Which arm a prompt belongs to: always the same one, and only for who has the right key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession, ContentTypeError

from bot.http.guard import CALLS, Guard
from bot.http.server import HttpServer
from bot.http.trials import Assigning
from bot.pacing import Pacing
from storage.engine import reading, writing
from storage.keys import create_key, list_keys, revoke_key
from storage.trials import arm_of, end_trial
from tests.analytics.advised import CHEAP, COSTLY, used
from tests.analytics.world import World
from tests.cast import NOW

ASKED = {"key": "request-1", "person": "ann@x.example", "task": "email", "model": COSTLY}


class Gateway:
    """A gateway that asks for each prompt."""

    def __init__(self, world: World, guard: Guard, session: ClientSession, secret: str) -> None:
        self.world, self.guard, self.secret = world, guard, secret
        self._session = session

    async def ask(self, secret: str | None = None, **changes: str | None) -> tuple[int, Any]:
        """Status and body; a parameter of None is left out."""
        params = {name: text for name, text in {**ASKED, **changes}.items() if text is not None}
        headers = {"Authorization": f"Bearer {self.secret if secret is None else secret}"}
        async with self._session.get("/v1/trials/assign", params=params, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_length else None


@pytest.fixture
async def gateway(sqlite_engine: sa.Engine) -> AsyncIterator[Gateway]:
    """A workspace with a running trial, and a key for it."""
    world = World(sqlite_engine)
    world.write([*used(COSTLY, 200), *used(CHEAP, 5)])
    world.ask('trial start Email GPT-4o "Claude 3 Haiku" 20%')
    with writing(world.engine) as connection:
        _, secret = create_key(connection, 1, "gateway", "trials", created_by="x", now=NOW)
    guard = Guard(world.engine, lambda: NOW)
    server = HttpServer("127.0.0.1", 0, [Assigning(guard).route])
    port = await server.start()
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        yield Gateway(world, guard, session, secret)
    await server.stop()
    guard.close()


async def test_arms_are_those_of_the_hash_and_name_the_model(gateway: Gateway) -> None:
    models = {"test": CHEAP, "control": COSTLY, None: COSTLY}
    for number in range(40):
        key = f"request-{number}"
        arm = arm_of(1, key, 20)
        trial = 1 if arm else None
        assert await gateway.ask(key=key) == (
            200,
            {"arm": arm, "trial": trial, "model": models[arm]},
        )


async def test_without_a_key_a_person_stays_in_one_arm_for_a_day(gateway: Gateway) -> None:
    first = await gateway.ask(key=None)
    assert first[0] == 200
    assert await gateway.ask(key=None, person="ANN@x.example") == first


@pytest.mark.parametrize(
    "changes", [{"task": "Poems"}, {"model": CHEAP}, {"model": "nobody-knows-1"}]
)
async def test_outside_of_the_trial_the_model_stays(
    gateway: Gateway, changes: dict[str, str]
) -> None:
    for number in range(10):
        status, said = await gateway.ask(key=str(number), **changes)
        assert status == 200
        assert said == {"arm": None, "trial": None, "model": changes.get("model", COSTLY)}


async def test_an_ended_trial_draws_nobody(gateway: Gateway) -> None:
    with writing(gateway.world.engine) as connection:
        end_trial(connection, 1, 1, status="ended", now=NOW)
    assert {(await gateway.ask(key=str(n)))[1]["arm"] for n in range(20)} == {None}


@pytest.mark.parametrize(
    "secret", ["", "crk_abcdefgh_" + "x" * 43, "nothing", "crk_abcdefgh"], ids=len
)
async def test_a_wrong_key_learns_nothing(gateway: Gateway, secret: str) -> None:
    assert await gateway.ask(secret) == (401, None)


async def test_a_revoked_key_opens_nothing_at_once(gateway: Gateway) -> None:
    with writing(gateway.world.engine) as connection:
        revoke_key(connection, 1, list_keys(connection, 1)[0].id, now=NOW)
    assert await gateway.ask() == (401, None)


async def test_a_key_in_the_address_opens_nothing(gateway: Gateway) -> None:
    assert await gateway.ask(key=gateway.secret) == (401, None)


async def test_a_key_in_the_address_is_told_to_its_owner_once(gateway: Gateway) -> None:
    for _ in range(2):
        assert await gateway.ask("", task=f"of {gateway.secret}") == (401, None)
    assert await gateway.ask("", key="crk_abcdefgh_" + "x" * 43) == (401, None)
    with reading(gateway.world.engine) as connection:
        told = connection.execute(
            sa.text("SELECT object FROM audit WHERE action = 'keys.leaked'")
        ).scalars()
        assert told.all() == [f"{list_keys(connection, 1)[0].id} gateway"]


async def test_a_stranger_does_not_learn_what_may_be_asked(gateway: Gateway) -> None:
    assert await gateway.ask("", task=None) == (401, None)
    assert await gateway.ask("", key="x" * 1025) == (401, None)


async def test_a_broken_request_writes_nothing_into_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ContentTypeError, match="400"):  # no route of ours answers it
        await gateway.ask("x" * 9000)
    assert not caplog.text


async def test_a_key_of_another_scope_is_told_so(gateway: Gateway) -> None:
    with writing(gateway.world.engine) as connection:
        _, ingest = create_key(connection, 1, "feed", "ingest", created_by="x", now=NOW)
    assert await gateway.ask(ingest) == (
        403,
        {"error": "This key is for ingest, not for trials."},
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": None}, "`task` is missing."),
        ({"key": None, "person": None}, "`key` is missing: name the prompt"),
        ({"key": "x" * 1025}, "`key` has more than 1024 characters."),
    ],
)
async def test_a_call_that_says_too_little_or_too_much_is_refused(
    gateway: Gateway, changes: dict[str, str | None], said: str
) -> None:
    status, body = await gateway.ask(**changes)
    assert status == 400
    assert body["error"].startswith(said)


async def test_too_many_calls_are_told_to_wait(gateway: Gateway) -> None:
    gateway.guard._pacing = Pacing(lambda: 0.0)  # no time passes
    burst = int(CALLS.burst)
    statuses = [(await gateway.ask(key=str(number)))[0] for number in range(burst + 3)]
    assert burst - 1 <= statuses.count(200) <= burst
    assert statuses[-2:] == [429, 429]


async def test_the_use_of_a_key_is_noted(gateway: Gateway) -> None:
    used = None
    for _ in range(100):  # it is noted beside the answer, not before it
        await gateway.ask()
        with reading(gateway.world.engine) as connection:
            used = list_keys(connection, 1)[0].last_used_at
        if used is not None:
            break
    assert used == NOW
