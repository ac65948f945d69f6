"""Discord on the wire: what is asked and pressed, also if it comes twice, late or altered."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from analytics.figures import (
    Figure,
)
from bot.desk import Desk
from bot.drawing import Drawing
from bot.pacing import QUESTIONS, Pacing
from bot.platforms.discord import filling
from bot.platforms.discord.nonces import nonce_of
from charts import ThemeName
from storage.engine import reading
from storage.models import Audit
from tests.doubles.discord import (
    COMMAND,
    COMPLETION,
    FORM,
    LOST,
    DiscordDouble,
    button,
)
from tests.doubles.discord_desk import PNG, ask, bind, desk_of, serving

EDIT = "/messages/@original"
MODAL = 9


async def test_a_command_is_answered_privately_with_its_picture(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
    assert "5 credits" in asked.text
    assert asked.answers == [{"type": 5, "data": {"flags": 64}}]
    assert double.calls[-1].files.keys() == {"chart.png"}


async def test_the_same_frame_twice_is_answered_once(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        await double.dispatch("INTERACTION_CREATE", asked.frame)
        await ask(double)
    assert (asked.edits, asked.followups) == (1, [])


async def test_a_flood_is_told_once_and_leaves_nothing_else_behind(
    double: DiscordDouble, sqlite_engine: sa.Engine
) -> None:
    with desk_of(sqlite_engine, pacing=Pacing(lambda: 0.0)) as desk:
        bind(desk, double.guild)
        async with serving(double, desk):
            asked = [await ask(double) for _ in range(int(QUESTIONS.burst))]
            told = await ask(double)
            late = [await double.interact(COMMAND, double.command_data("help")) for _ in range(3)]
            await double.until(lambda: all(one.deleted for one in late))
            assert asked[0].original
            clicked = await double.click(asked[0].original, "30d")
            await double.until(lambda: clicked.answers)
    assert all("5 credits" in one.text for one in asked)
    assert "Try again in" in told.text
    assert (clicked.deleted, clicked.followups) == (False, [])


@pytest.mark.parametrize("fault", [500, LOST, 0.01])
async def test_an_edit_that_is_repeated_stays_one_answer(
    double: DiscordDouble, desk: Desk, fault: float
) -> None:
    double.faults[EDIT].append(fault)
    async with serving(double, desk):
        asked = await ask(double)
        await double.until(lambda: double.calls[-1].status == 200)
    assert asked.followups == []
    assert "5 credits" in asked.text


async def test_a_lost_acknowledgement_does_not_lose_the_answer(
    double: DiscordDouble, desk: Desk
) -> None:
    double.faults["/callback"].append(LOST)
    async with serving(double, desk):
        assert "5 credits" in (await ask(double)).text


class Slow(Drawing):
    """Draws when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure, theme
        await self.go_on.wait()
        return PNG


async def test_a_late_picture_is_put_in_after_the_text(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PATIENCE", 0)
    desk.drawing = slow = Slow()
    async with serving(double, desk):
        asked = await ask(double)
        assert double.calls[-1].files == {}
        slow.go_on.set()
        await double.until(lambda: asked.edits == 2)
    assert double.calls[-1].files.keys() == {"chart.png"}


async def test_a_late_picture_never_overwrites_a_newer_answer(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PATIENCE", 0)
    desk.drawing = slow = Slow()
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        clicked = await double.click(asked.original, "30d")
        await double.until(lambda: clicked.edits)
        slow.go_on.set()
        await double.until(lambda: clicked.edits == 2)
    assert asked.edits == 1


async def test_a_refused_picture_never_stops_the_text(double: DiscordDouble, desk: Desk) -> None:
    double.faults[EDIT].append(413)
    async with serving(double, desk):
        asked = await ask(double)
    assert "5 credits" in asked.text
    assert double.calls[-1].files == {}


async def test_an_answer_that_fails_is_told_with_a_reference(
    double: DiscordDouble, desk: Desk
) -> None:
    double.faults[EDIT] += [400, 400]
    async with serving(double, desk):
        asked = await ask(double)
    assert "Reference " in asked.text


async def test_a_shared_answer_is_posted_once_though_its_reply_is_lost(
    double: DiscordDouble, desk: Desk
) -> None:
    posts = f"{double.channel}/messages"
    double.faults[posts].append(LOST)
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        shared = await double.click(asked.original, "Share to channel")
        await double.until(lambda: shared.edits)
    assert len(double.posts) == 1
    post = next(call.body for call in double.calls if call.path.endswith(posts))
    assert post["allowed_mentions"] == {"parse": []}
    assert post["nonce"] == nonce_of("share", shared.id)
    assert "Shared" in shared.text


SHARE = "Share to channel"


def shares(desk: Desk) -> list[str]:
    """What the audit says came of shares, in order."""
    with reading(desk.engine) as connection:
        kept = sa.select(Audit.result).where(Audit.action == "share").order_by(Audit.seq)  # type: ignore[call-overload]  # SQLModel columns
        return list(connection.scalars(kept))


async def test_a_share_that_cannot_be_does_not_use_the_button_up(
    double: DiscordDouble, desk: Desk
) -> None:
    posts = f"{double.channel}/messages"
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        silent = await double.click(asked.original, SHARE, app_permissions="0")
        await double.until(lambda: "may not write" in silent.text)
        double.faults[posts] += [403, 403]  # with the picture, and without
        refused = await double.click(asked.original, SHARE)
        await double.until(lambda: "nothing was shared" in refused.text)
        shared = await double.click(asked.original, SHARE)
        await double.until(lambda: "Shared to this channel." in shared.text)
    assert len(double.posts) == 1
    assert shares(desk) == ["begun", "failed", "begun", "done"]


async def test_a_share_of_which_discord_says_nothing_is_not_offered_again(
    double: DiscordDouble, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(filling.Filling, "post", lose)
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        shared = await double.click(asked.original, SHARE)
        await double.until(lambda: "did not answer" in shared.text)
    assert shares(desk) == ["begun", "unknown"]


@pytest.mark.parametrize("label", ["30d", "Export CSV", SHARE, "More…"])
async def test_a_click_is_acknowledged_while_another_process_writes(
    double: DiscordDouble, desk: Desk, label: str
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        with closing(sqlite3.connect(str(desk.engine.url.database))) as other:
            other.execute("BEGIN IMMEDIATE")
            clicked = await double.click(asked.original, label)
            await double.until(lambda: clicked.answers)
        await double.until(lambda: clicked.edits or clicked.answers[0]["type"] == MODAL)


async def test_a_form_is_acknowledged_while_another_process_writes(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        with closing(sqlite3.connect(str(desk.engine.url.database))) as other:
            other.execute("BEGIN IMMEDIATE")
            data = {"custom_id": "f|edit:by-user", "components": []}
            sent = await double.interact(FORM, data, message=asked.original)
            await double.until(lambda: sent.answers)
            assert not sent.edits
        await double.until(lambda: sent.edits)
        assert len(sent.answers) == 1


@pytest.mark.parametrize("custom_id", ["c|many:invented", "c|share:by-user", "of-another-version"])
async def test_an_altered_button_is_refused_in_words(
    double: DiscordDouble, desk: Desk, custom_id: str
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        button(asked.original, "30d")["custom_id"] = custom_id
        clicked = await double.click(asked.original, "30d")
        await double.until(lambda: clicked.answers)
    assert "no longer valid" in clicked.answers[0]["data"]["content"]


async def test_buttons_and_tables_fit_the_description(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        table = await double.click(asked.original, "Export CSV")
        month = await double.click(asked.original, "30d")
        await double.until(lambda: table.edits and month.edits)
    assert {name[-4:] for call in double.calls for name in call.files} == {".csv", ".png"}
    assert month.answers == [{"type": 6}]


async def test_a_form_fits_the_description_and_is_answered(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await ask(double)
        assert asked.original
        opened = await double.click(asked.original, "More…")
        await double.until(lambda: opened.answers)
        form = opened.answers[0]["data"]
        boxes = [part["component"] for part in form["components"]]
        filled = [{"type": 4, "custom_id": box["custom_id"], "value": ""} for box in boxes]
        data = {
            "custom_id": form["custom_id"],
            "components": [{"type": 18, "component": filled[0]}],
        }
        sent = await double.interact(FORM, data, message=asked.original)
        await double.until(lambda: sent.edits)
    assert "5 credits" in sent.text


async def test_an_altered_form_is_refused_in_words(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        sent = await double.interact(FORM, {"custom_id": "f|many:invented", "components": []})
        await double.until(lambda: sent.answers)
    assert "no longer valid" in sent.answers[0]["data"]["content"]


async def test_completions_fit_the_description(double: DiscordDouble, desk: Desk) -> None:
    async with serving(double, desk):
        data = double.command_data("by user", range="last")
        data["options"][0]["options"][0]["options"][0]["focused"] = True
        typed = await double.interact(COMPLETION, data)
        await double.until(lambda: typed.answers)
    choices = typed.answers[0]["data"]["choices"]
    assert {"name": "last 7d", "value": "last 7d"} in choices


async def test_a_command_of_an_older_version_is_explained(
    double: DiscordDouble, desk: Desk
) -> None:
    async with serving(double, desk):
        asked = await double.interact(COMMAND, double.command_data("by-weather"))
        await double.until(lambda: asked.answers)
    assert "Reload Discord" in asked.answers[0]["data"]["content"]
