"""Channels are looked at before anything goes there, and once a day from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.chat import Address, SendError, Standing
from bot.delivery.standings import AT_ONCE, Standings
from bot.delivery.transactions import Transactions
from storage.claims import DESTINATION
from storage.engine import reading, writing
from storage.outbox import DELIVERY
from storage.pauses import pause_chat
from storage.standings import to_look_at
from tests.bot.delivery.delivering import Clock, Scripted
from tests.cast import NOW
from tests.storage.mail import Mail

GOOD = Standing("ops", can_post=True, can_read_history=True, is_external=False, is_member=True)


@dataclass
class Lookout:
    """One Slack that says of every channel what a test wants."""

    engine: sa.Engine
    says: Standing | Exception = GOOD
    odd: str = ""  # a channel of which the platform says what nobody understands
    asked: list[tuple[str, str]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    async def look(self, seconds: float = 0) -> None:
        self.clock.forward(seconds)
        platform = Scripted(self.clock)
        platform.standing = self._standing  # type: ignore[method-assign]  # what a test says
        transactions = Transactions(self.engine, self.clock.now, clock=lambda _, now: now)
        await Standings(transactions, {"slack": platform}).look()

    async def _standing(self, address: Address, *, person: str = "") -> Standing:
        self.asked.append((address.channel_id, person))
        if address.channel_id == self.odd:
            raise KeyError("channel")
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def row(self, number: int) -> Mapping[str, Any]:
        with reading(self.engine) as connection:
            wanted = sa.select(DESTINATION).where(DESTINATION.c.id == number)
            return dict(connection.execute(wanted).mappings().one())

    def notices(self) -> list[Any]:
        with reading(self.engine) as connection:
            wanted = sa.select(DELIVERY.c.facts).where(DELIVERY.c.kind == "notice")
            return [facts["code"] for facts in connection.execute(wanted).scalars()]


async def test_a_new_channel_is_looked_at_once_then_daily(engine: sa.Engine) -> None:
    number = Mail(engine).channel(created_by="slack:T1:UALICE")
    out = Lookout(engine)
    for seconds in (0, 60, 86_300):
        await out.look(seconds)
    assert out.asked == [(f"C{number}", "UALICE")]
    row = out.row(number)
    assert (row["name"], row["can_post"], row["can_read_history"]) == ("ops", True, True)
    assert (row["checked_at"], row["state"]) == (NOW, "ok")
    await out.look(100)
    assert len(out.asked) == 2


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (Standing("x", can_post=True, can_read_history=True, is_external=True), "ext_shared"),
        (
            Standing("x", can_post=True, can_read_history=True, is_external=False, is_member=False),
            "not_a_member",
        ),
        (Standing("x", can_post=False, can_read_history=None, is_external=False), "cannot_post"),
        (SendError("destination", "channel_not_found"), "channel_not_found"),
    ],
)
async def test_a_new_channel_that_must_not_be_written_to_is_stopped_and_told_once(
    engine: sa.Engine, says: Standing | SendError, reason: str
) -> None:
    mail = Mail(engine)
    number = mail.channel(created_by="slack:T1:UALICE")
    waiting = mail.due(number)
    out = Lookout(engine, says)
    for _ in range(3):
        await out.look(60)
    assert (out.row(number)["state"], out.row(number)["dead_reason"]) == ("dead", reason)
    assert out.notices() == [reason]
    with reading(engine) as connection:
        wanted = sa.select(DELIVERY.c.state, DELIVERY.c.reason).where(DELIVERY.c.id == waiting)
        assert tuple(connection.execute(wanted).one()) == ("skipped", "destination_dead")


async def test_what_changes_later_is_kept_and_stops_nothing(engine: sa.Engine) -> None:
    number = Mail(engine).channel()
    out = Lookout(engine)
    await out.look()
    out.says = Standing("x", can_post=False, can_read_history=False, is_external=False)
    await out.look(86_400)
    row = out.row(number)
    assert (row["state"], row["can_post"], row["can_read_history"]) == ("ok", False, False)
    assert out.notices() == []


async def test_a_channel_that_becomes_shared_with_others_is_stopped_and_told_once(
    engine: sa.Engine,
) -> None:
    number = Mail(engine).channel()
    out = Lookout(engine)
    await out.look()
    out.says = Standing("x", can_post=True, can_read_history=True, is_external=True)
    for _ in range(2):
        await out.look(86_400)
    assert (out.row(number)["state"], out.row(number)["is_external"]) == ("dead", True)
    assert out.notices() == ["ext_shared"]


async def test_a_platform_that_says_nothing_is_asked_later_not_at_once(engine: sa.Engine) -> None:
    number = Mail(engine).channel()
    out = Lookout(engine, SendError("refused", "ratelimited", retry_after=300))
    await out.look()
    await out.look(299)
    assert len(out.asked) == 1
    out.says = GOOD
    await out.look(1)
    assert (len(out.asked), out.row(number)["state"]) == (2, "ok")


async def test_a_daily_look_that_fails_does_not_hold_up_what_goes_there(engine: sa.Engine) -> None:
    number = Mail(engine).channel()
    out = Lookout(engine)
    await out.look()
    before = out.row(number)["not_before"]
    out.says = SendError("refused", "http 500")
    await out.look(86_400)
    assert out.row(number)["not_before"] == before
    await out.look(59)
    assert len(out.asked) == 2
    await out.look(1)
    assert len(out.asked) == 3


async def test_a_paused_chat_and_a_stopped_channel_are_not_asked(engine: sa.Engine) -> None:
    mail = Mail(engine)
    mail.channel(state="dead")
    mail.channel()
    with writing(engine) as connection:
        ((lane, is_first),) = to_look_at(connection, NOW, platforms=["slack"], limit=9)
        assert is_first
        until = NOW + timedelta(minutes=5)
        pause_chat(connection, lane, NOW, until=until, reason="banned", needs_probe=False)
    out = Lookout(engine)
    await out.look()
    assert out.asked == []
    await out.look(300)
    assert len(out.asked) == 1


@pytest.mark.parametrize("column", ["checked_at", "not_before"])
async def test_a_clock_that_was_ahead_hides_no_channel_for_long(
    engine: sa.Engine, column: str
) -> None:
    mail, out = Mail(engine), Lookout(engine)
    mail.channel(**{"checked_at": NOW - timedelta(days=2), column: NOW + timedelta(days=30)})
    await out.look()
    assert len(out.asked) == 1
    await out.look(3600)
    assert len(out.asked) == 1


async def test_a_conversation_is_nobodys_channel(engine: sa.Engine) -> None:
    number = Mail(engine).channel(is_direct=True)
    out = Lookout(engine, Standing("Ann", can_post=None, can_read_history=None, is_external=True))
    await out.look()
    assert (out.row(number)["state"], out.row(number)["is_external"]) == ("ok", True)


async def test_only_a_few_are_asked_at_once(engine: sa.Engine) -> None:
    mail = Mail(engine)
    for _ in range(AT_ONCE + 2):
        mail.channel()
    out = Lookout(engine)
    await out.look()
    assert len(out.asked) == AT_ONCE
    await out.look()
    assert len(out.asked) == AT_ONCE + 2


async def test_an_answer_that_nobody_understands_hides_no_other_channel(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = Mail(engine)
    odd, *others = (mail.channel() for _ in range(AT_ONCE + 2))
    out = Lookout(engine, odd=f"C{odd}")
    for _ in range(2):
        await out.look()
    assert {asked for asked, _ in out.asked} == {f"C{number}" for number in (odd, *others)}
    assert [out.row(odd)["state"], out.row(odd)["checked_at"]] == ["ok", None]
    assert "channel.look_failed" in capsys.readouterr().out
    await out.look(60)
    assert [asked for asked, _ in out.asked].count(f"C{odd}") == 2
