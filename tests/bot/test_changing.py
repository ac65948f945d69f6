"""Commands that change something: who may, once for each arrival, and always in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Button, Report
from bot.context import Context, Identity, Place
from bot.desk import Desk, Wish
from bot.params import Amount, Day, ModelName, Text
from bot.registry import COMMANDS, command, parse, run
from storage.destinations import destination_of
from storage.engine import reading, writing
from storage.preferences import preference, set_preference
from storage.roles import set_role
from storage.workspaces import bind_chat, find_workspace
from tests.analytics.world import World
from tests.cast import NOW, event

ALICE = Identity("slack", "T1", "UALICE")
BOB = Identity("slack", "T1", "UBOB")
LINE = "jar fill 1.5k gpt-4o expires 2026-06-30"


def fill_jar(
    ctx: Context, amount: Amount, model: ModelName, name: Text | None, expires: Day | None
) -> Report:
    """Put credits into a jar."""
    connection, workspace = ctx.reader.connection, ctx.reader.workspace.id
    kept = int(preference(connection, workspace, "jar") or 0) + amount
    set_preference(connection, workspace, "jar", str(kept))
    ctx.record("jar fill", f"jar {name or model}", after=str(kept))
    return Report("Jar", f"{kept} in the jar until {expires}", ())


@pytest.fixture(autouse=True)
def _jar() -> Iterator[None]:
    with patch.dict(COMMANDS):
        command("jar fill", example=LINE, needs="admin", changes=True)(fill_jar)
        yield


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """A desk where Alice is an admin and Bob is not."""
    World(sqlite_engine).write([event(), event(model="claude-3-haiku")])
    with writing(sqlite_engine) as connection:
        workspace = find_workspace(connection, None).id
        bind_chat(connection, workspace, platform="slack", external_id="T1", now=NOW)
        keys = {"platform": "slack", "external_id": "T1"}
        set_role(connection, workspace, **keys, user_id="UALICE", role="admin")
    desk = Desk(sqlite_engine, now=lambda: NOW)
    yield desk
    desk.close()


def jar(desk: Desk) -> str | None:
    with reading(desk.engine) as connection:
        return preference(connection, find_workspace(connection, None).id, "jar")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (LINE, "jar fill 1.5k gpt-4o expires 2026-06-30"),
        (
            "Jar Fill expires 2026-06-30 name=tips 5 o3",
            "jar fill 5 o3 name=tips expires 2026-06-30",
        ),
        ("jar fill 5", "jar fill 5"),
    ],
)
def test_words_with_a_place_and_led_words_are_read_in_any_mixture(typed: str, line: str) -> None:
    assert parse(typed).line == parse(line).line == line


def test_a_name_of_several_words_needs_no_quotes_where_only_it_can_be_meant() -> None:
    assert parse("jar fill 5 Claude 3 Haiku name=tips").line == (
        'jar fill 5 "Claude 3 Haiku" name=tips'
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("jar fill", "needs credits"),
        ("jar fill 0 gpt-4o", "'0' is not a number of credits"),
        ("jar fill 1e308 gpt-4o", "'1e308' is not a number of credits"),
        ("jar fill 5 gpt-4o expires soon", "'soon' is not a day"),
        ("jar fill 5 gpt-nine", "I know no model"),
        ("jar", "'jar' is only the beginning of a command. There is `jar fill`."),
    ],
)
def test_a_mistake_changes_nothing_and_is_quoted(desk: Desk, line: str, said: str) -> None:
    report = desk.answer(line, ALICE)
    hints = [getattr(block, "text", "") for block in report.blocks]
    assert said in " ".join([report.headline, *hints])
    assert jar(desk) is None


def test_a_change_is_made_and_is_in_the_audit(desk: Desk) -> None:
    assert desk.answer(LINE, ALICE).headline == "1500000000 in the jar until 2026-06-30"
    with reading(desk.engine) as connection:
        row = connection.execute(sa.text("SELECT actor, role, action FROM audit")).one()
    assert tuple(row) == ("slack:T1:UALICE", "admin", "jar fill")


def test_who_may_not_changes_nothing(desk: Desk) -> None:
    assert desk.answer(LINE, BOB).headline == "`jar fill` is for admins."
    assert jar(desk) is None


@pytest.mark.parametrize("line", [LINE, "preferences set people=everyone"])
def test_a_refused_change_is_in_the_audit(desk: Desk, line: str) -> None:
    assert "for admins" in desk.answer(line, BOB).headline
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text('SELECT actor, "after", result FROM audit')).all()
    assert [tuple(row) for row in rows] == [("slack:T1:UBOB", line, "refused")]


def test_a_button_that_only_asks_changes_nothing(desk: Desk) -> None:
    button = Button("Fill", LINE)
    for longest in (2000, 20):  # carried, and stored
        value = desk.button_values([button], ALICE, longest=longest)[button]
        assert desk.wish(value, ALICE) is None


def test_a_line_that_arrives_twice_changes_once(desk: Desk) -> None:
    desk.answer(LINE, ALICE, key="envelope-1")
    assert desk.answer(LINE, ALICE, key="envelope-1").headline == "This was done already."
    assert jar(desk) == "1500000000"


def test_nothing_is_changed_where_answers_are_only_read(desk: Desk) -> None:
    with World(desk.engine).context() as ctx, pytest.raises(UserError, match="changes something"):
        run(LINE, ctx)
    assert desk.shared(LINE, ALICE, channel="C1").headline == "`jar fill` changes something."


def test_a_button_that_changes_something_is_pressed_once_by_whom_it_was_shown(desk: Desk) -> None:
    button = Button("Fill", LINE, "do")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    assert desk.wish(value, BOB) is None
    wish = desk.wish(value, ALICE)
    assert wish is not None
    assert (wish.verb, wish.line) == ("do", LINE)
    assert desk.pressed(wish, ALICE)
    assert desk.wish(value, ALICE) is None
    assert desk.pressed(wish, ALICE) is None


def fill(desk: Desk) -> tuple[str, Wish]:
    """What a button that fills the jar carries, and asks for."""
    button = Button("Fill", LINE, "do")
    value = desk.button_values([button], ALICE, longest=2000)[button]
    wish = desk.wish(value, ALICE)
    assert wish is not None
    return value, wish


def test_who_dies_between_a_click_and_its_change_leaves_the_button(desk: Desk) -> None:
    value, wish = fill(desk)
    assert desk.wish(value, ALICE) == wish


def test_a_change_that_is_not_kept_leaves_its_button(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, wish = fill(desk)
    with monkeypatch.context() as patch:
        patch.setattr("bot.changing.run", broken)
        failed = desk.pressed(wish, ALICE, key="click-1")
    assert failed is not None
    assert failed.headline.startswith("Sorry")
    assert desk.wish(value, ALICE) == wish
    assert desk.pressed(wish, ALICE, key="click-1")
    assert jar(desk) == "1500000000"


def broken(line: str, ctx: Context) -> Report:
    """A change that is made, and whose process dies before it is kept."""
    run(line, ctx)
    raise ZeroDivisionError


def test_of_many_clicks_at_once_one_changes_something(desk: Desk) -> None:
    _, wish = fill(desk)
    with ThreadPoolExecutor(4) as pool:
        clicks = [pool.submit(desk.pressed, wish, ALICE, key=f"click-{n}") for n in range(8)]
        assert sum(one.result() is not None for one in clicks) == 1


# ---- before people of another organisation


@pytest.fixture
def shared(desk: Desk) -> Identity:
    """Alice, an admin, in a channel that is known to be shared outside."""
    place = Place("C7", "with-partners")
    with writing(desk.engine) as connection:
        destination_of(
            connection,
            find_workspace(connection, None).id,
            platform="slack",
            external_id="T1",
            place=place,
            actor="slack:T1:UALICE",
            now=NOW,
        )
        connection.execute(sa.text("UPDATE destination SET is_external = true"))
    return replace(ALICE, place=place)


def test_an_admin_changes_nothing_where_strangers_read_along(desk: Desk, shared: Identity) -> None:
    refused = desk.answer(LINE, shared)
    assert refused.headline == (
        "This channel is shared with another organisation, so I answer only `help` here."
    )
    assert "direct message" in repr(refused.blocks)
    assert jar(desk) is None
    with reading(desk.engine) as connection:
        assert connection.execute(sa.text("SELECT result FROM audit")).scalars().all() == [
            "refused"
        ]


@pytest.mark.parametrize(
    "place",
    [Place("D1", "", is_direct=True), Place("C8", "own"), Place("C9", "", is_external=False)],
)
def test_elsewhere_the_same_admin_may(desk: Desk, shared: Identity, place: Place) -> None:
    assert "in the jar" in desk.answer(LINE, replace(shared, place=place)).headline


def test_what_a_platform_knows_needs_no_destination(desk: Desk) -> None:
    there = replace(ALICE, place=Place("C9", "", is_external=True))
    for line in (LINE, "by-model today"):
        assert "shared with another organisation" in desk.answer(line, there).headline
    assert desk.answer("help", there).line
