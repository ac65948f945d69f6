"""Late usage corrects the post of a closed period, once for each change, and says so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.late_data import Correction, changed_days
from bot.asking import Asking
from bot.delivery.corrections import correct, correcting
from storage.engine import reading, writing
from storage.late_data import keep_totals, totals_seen
from storage.outbox import DELIVERY, DeliveryRow, NewDelivery, history, insert_deliveries
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, create_workspace
from tests.analytics.world import World
from tests.bot.delivery.delivering import Office
from tests.cast import NOW, event
from tests.storage.mail import Mail

MICRO = 1_000_000
DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0, minute=0)


class Post:
    """A digest of yesterday that was sent this morning, over real usage."""

    def __init__(self, engine: sa.Engine, told: int | None = 200) -> None:
        self.engine = engine
        self.world = World(engine)
        self.used(100)
        self.asked = 0
        self.channel = Mail(engine).channel()
        self.facts = {} if told is None else {"credits": told * MICRO}
        self.root = self.sent("digest daily 2026-03-29", MIDNIGHT - DAY, MIDNIGHT)
        self.look(NOW)

    def sent(self, line: str, start: datetime, end: datetime, key: str = "d|1|x|1|0") -> str:
        """Keep a delivery as it is when it was sent."""
        row = NewDelivery(
            workspace_id=1,
            dedupe_key=key,
            kind="digest",
            trigger="schedule",
            destination_id=self.channel,
            actor="slack:T1:UALICE",
            line=line,
            window_start=start,
            window_end=end,
            due_at=NOW,
            created_at=NOW,
            facts=self.facts,
        )
        with writing(self.engine) as connection:
            insert_deliveries(connection, [row])
            done = {"state": "sent", "sent_at": NOW, "platform_message_id": "1.1"}
            connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == row.id).values(done))
        return row.id

    def used(self, prompts: int, *, ago: timedelta = DAY) -> None:
        """Usage of 2 credits each, around noon."""
        at = to_micros(MIDNIGHT - ago + timedelta(hours=12))
        self.world.write([event(ts=at + n) for n in range(prompts)])

    def ask(self, connection: sa.Connection, row: DeliveryRow) -> int | None:
        """What the line tells now, straight from the ledger."""
        self.asked += 1
        assert row.window_start is not None
        assert row.window_end is not None
        wanted = sa.text("SELECT SUM(credits) FROM usage_event WHERE ts >= :a AND ts < :b")
        span = {"a": to_micros(row.window_start), "b": to_micros(row.window_end)}
        return int(connection.execute(wanted, span).scalar() or 0)

    def look(self, now: datetime) -> int:
        return correct(self.engine, self.ask, now)

    def rows(self) -> list[DeliveryRow]:
        """The corrections, oldest first, the edit before its reply."""
        with reading(self.engine) as connection:
            found = history(connection, 1, kinds=["correction"], limit=100)
        return sorted(found, key=lambda row: row.dedupe_key)


@pytest.fixture
def post(engine: sa.Engine) -> Post:
    return Post(engine)


def test_more_than_a_hundredth_changes_the_post_and_tells_its_thread(post: Post) -> None:
    post.used(2)
    assert post.look(NOW + timedelta(hours=1)) == 1
    edit, reply = post.rows()
    assert (edit.act, edit.state, edit.facts["credits"]) == ("edit", "planned", 204 * MICRO)
    assert edit.line == "digest daily 2026-03-29"
    assert edit.window_end == MIDNIGHT
    words = "200 → 204 credits (▲ 2%)"
    assert edit.facts["note"] == f"Corrected 30 Mar 15:05: {words}, because usage came late."
    assert (reply.act, reply.line) == ("reply", "")
    assert reply.facts["headline"] == f"Corrected: {words}."
    assert {row.parent_id for row in (edit, reply)} == {edit.parent_id}


def test_a_hundredth_and_less_stay_as_they_were_posted(post: Post) -> None:
    post.used(1)
    assert post.look(NOW + timedelta(hours=1)) == 0
    assert post.rows() == []


@pytest.mark.parametrize(
    ("told", "now", "needed"),
    [
        (100, 101, False),
        (100, 102, True),
        (10_000, 10_101, True),
        (10_000, 9_899, True),
        (10_000, 9_900, False),
        (0, 1, True),
        (0, 0, False),
        (None, 0, False),
        (None, 1, True),
    ],
)
def test_the_border_is_told_to_the_micro_credit(told: int | None, now: int, needed: bool) -> None:  # noqa: FBT001  # a case
    assert Correction(told, now).is_needed is needed


def test_what_did_not_change_is_not_asked_again(post: Post) -> None:
    before = post.asked
    post.used(50, ago=timedelta(days=5))
    post.used(50, ago=timedelta())
    assert post.look(NOW + timedelta(hours=1)) == 0
    assert post.asked == before


def test_usage_after_the_period_is_no_correction(post: Post) -> None:
    post.used(500, ago=timedelta())
    assert post.look(NOW + timedelta(hours=1)) == 0


def test_two_looks_at_one_change_make_one_correction(post: Post) -> None:
    post.used(20)
    looks = [post.look(NOW + timedelta(hours=n)) for n in (1, 1, 2)]
    assert looks == [1, 0, 0]
    assert len(post.rows()) == 2


def test_usage_that_trickles_in_is_told_once_a_day(post: Post) -> None:
    post.used(20)
    post.look(NOW + timedelta(hours=1))
    post.used(20)
    assert post.look(NOW + timedelta(hours=2)) == 0
    assert post.look(NOW + timedelta(hours=26)) == 1
    told = [row.facts.get("note") for row in post.rows() if row.act == "edit"]
    assert ["200 → 240" in str(told[0]), "240 → 280" in str(told[1])] == [True, True]


def test_a_post_of_no_usage_is_corrected_when_there_was_some(engine: sa.Engine) -> None:
    post = Post(engine, told=None)
    (edit, _) = post.rows()
    assert "no usage → 200 credits" in str(edit.facts["note"])


def test_what_is_taken_back_is_a_correction_too(engine: sa.Engine) -> None:
    post = Post(engine, told=300)
    (edit, reply) = post.rows()
    assert "300 → 200 credits (▼ 33%)" in str(edit.facts["note"])
    assert "▼" in str(reply.facts["headline"])


def test_who_may_not_ask_any_more_learns_nothing(post: Post) -> None:
    def refuse(_: sa.Connection, __: DeliveryRow) -> int | None:
        raise UserError("This shows other people's rows.", hint="Ask an admin.")

    post.used(20)
    assert correct(post.engine, refuse, NOW + timedelta(hours=1)) == 0
    assert post.rows() == []


def test_after_35_days_a_post_is_history(post: Post) -> None:
    post.used(20)
    assert post.look(NOW + timedelta(days=36)) == 0


def test_days_that_are_new_or_gone_have_changed() -> None:
    assert changed_days({1: (1, 5), 2: (1, 5), 3: (2, 5)}, {2: (1, 5), 3: (1, 5), 4: (1, 1)}) == {
        *(1, 3, 4)
    }


@pytest.mark.parametrize("days", [0, 1, 30, 66])
def test_the_days_of_a_busy_workspace_are_remembered(engine: sa.Engine, days: int) -> None:
    totals = {20_000 + day: (2**63 - 1, -(2**63)) for day in range(days)}
    with writing(engine) as connection:
        keep_totals(connection, 1, dict.fromkeys(range(19_900, 20_066), (1, 1)))
        keep_totals(connection, 1, totals)
        seen = totals_seen(connection, 1)
    assert {day: tuple(total) for day, total in seen.items()} == totals


def test_a_workspace_that_fails_holds_up_no_other(post: Post) -> None:
    def fail(_: sa.Connection, __: DeliveryRow) -> int | None:
        raise ZeroDivisionError

    post.used(20)
    with writing(post.engine) as connection:
        other = create_workspace(connection, "Other", zone="UTC", now=NOW).id
    World(post.engine, "Other").write([event(ts=to_micros(MIDNIGHT - DAY))])
    assert correct(post.engine, fail, NOW + timedelta(hours=1)) == 0
    with reading(post.engine) as connection:
        assert totals_seen(connection, other)
    assert post.look(NOW + timedelta(hours=2)) == 1


def test_files_of_a_corrected_post_are_said_to_be_from_before(post: Post) -> None:
    below = {"act": "file", "part": 1, "parent_id": post.root}
    Mail(post.engine).due(post.channel, **below)
    with writing(post.engine) as connection:
        connection.execute(sa.update(DELIVERY).values(state="sent"))
    post.used(20)
    post.look(NOW + timedelta(hours=1))
    assert "the files below it are from before" in str(post.rows()[1].facts["hint"])


async def test_the_worker_changes_the_post_and_answers_it(engine: sa.Engine) -> None:
    office, world = Office(engine), World(engine)
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    noon = to_micros(MIDNIGHT - DAY / 2)
    world.write([event(ts=noon + n) for n in range(100)])
    office.mail.due(
        office.mail.channel(),
        line="digest daily 2026-03-29",
        window_start=MIDNIGHT - DAY,
        window_end=MIDNIGHT,
    )
    await office.work()
    job = correcting(Asking(now=office.clock.now, owners=(), workspace=None))
    assert job(engine, office.clock.now()) == 0
    world.write([event(ts=noon - n) for n in range(1, 21)])
    office.clock.forward(3600)
    assert job(engine, office.clock.now()) == 1
    await office.work(2, 2, 2)
    edit, details = office.platform.edits
    assert details.parent == office.platform.posts[1].id
    assert str(details.payload["text"]).startswith("Details: ")
    assert "240" in repr(details.payload)
    assert str(edit.payload["text"]).startswith("240 credits on Sunday 29 March")
    assert edit.parent == office.platform.posts[0].id
    words = "200 → 240 credits (▲ 20%)"
    assert f"Corrected 30 Mar 15:05: {words}, because usage came late." in repr(edit.payload)
    assert office.said[-1] == f"Corrected: {words}."
    assert office.platform.posts[-1].parent == office.platform.posts[0].id
    assert job(engine, office.clock.now() + 2 * DAY) == 0
