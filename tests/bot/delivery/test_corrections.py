"""Late usage corrects the post of a closed period, once for each change, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.late_data import OTHERS, REST, Correction, Told, changed_days
from bot.asking import Asking
from bot.delivery.corrections import correct, correcting
from storage.changes import delete
from storage.crossings import Days
from storage.engine import reading, writing
from storage.errors import DatabaseBusy
from storage.events import UsageEvent
from storage.late_data import PRIME, Totals, day_totals, keep_totals, totals_seen
from storage.outbox import DELIVERY, DeliveryRow, NewDelivery, history, insert_deliveries
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, create_workspace
from tests.analytics.world import World
from tests.bot.delivery.delivering import Office
from tests.cast import ALICE, BOB, NOW, event
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

    def ask(self, connection: sa.Connection, row: DeliveryRow) -> Told:
        """What the line tells now, straight from the ledger."""
        self.asked += 1
        assert row.window_start is not None
        assert row.window_end is not None
        wanted = sa.text("SELECT SUM(credits) FROM usage_event WHERE ts >= :a AND ts < :b")
        span = {"a": to_micros(row.window_start), "b": to_micros(row.window_end)}
        return Told(int(connection.execute(wanted, span).scalar() or 0))

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
    assert Correction(Told(told), Told(now)).is_needed is needed


def moved(told: dict[str, int], now: dict[str, int]) -> int:
    """By how much a row of the models' table surely changed."""
    return Correction(Told(100, {"model": told}), Told(100, {"model": now})).moved


@pytest.mark.parametrize(
    ("told", "now", "most"),
    [
        ({"a": 60, "b": 40}, {"a": 58, "b": 42}, 2),
        ({"a": 60, "b": 40}, {"a": 60, "c": 40}, 40),
        ({"a": 60, "b": 40}, {"a": 60, "b": 40}, 0),
        # The last place of a list that is cut goes to another row: it changed by one at least.
        ({"a": 60, "b": 20, REST: 20}, {"a": 60, "c": 21, REST: 19}, 1),
        ({"a": 60, "b": 20, REST: 20}, {"a": 60, "b": 20, "c": 20}, 0),
        ({"a": 60, "b": 20, OTHERS: 20}, {"a": 60, "c": 20, OTHERS: 20}, 0),
    ],
)
def test_rows_are_compared_by_what_surely_changed(
    told: dict[str, int], now: dict[str, int], most: int
) -> None:
    assert moved(told, now) == most


def test_a_row_that_moves_by_a_hundredth_of_all_stays_as_it_was_posted() -> None:
    told, by_two = {"a": 60, "b": 40}, {"a": 58, "b": 42}
    assert not Correction(Told(200, {"model": told}), Told(200, {"model": by_two})).is_needed
    assert Correction(Told(199, {"model": told}), Told(199, {"model": by_two})).is_needed


def test_a_table_that_only_one_of_both_shows_is_not_compared() -> None:
    people = {"person": {"a": 100}}
    assert not Correction(Told(100, people), Told(100)).is_needed
    assert not Correction(Told(100), Told(100, people)).is_needed


def test_one_without_a_total_is_measured_by_its_rows() -> None:
    told, now = Told(None, {"model": {"a": 60, "b": 40}}), Told(None, {"model": {"a": 58, "b": 42}})
    found = Correction(told, now)
    assert found.is_needed
    assert "single rows changed by up to" in found.words


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
    def refuse(_: sa.Connection, __: DeliveryRow) -> Told:
        raise UserError("This shows other people's rows.", hint="Ask an admin.")

    post.used(20)
    assert correct(post.engine, refuse, NOW + timedelta(hours=1)) == 0
    assert post.rows() == []


def test_what_a_busy_database_did_not_answer_is_asked_at_the_next_look(post: Post) -> None:
    def refuse(_: sa.Connection, __: DeliveryRow) -> Told:
        raise DatabaseBusy("The database is busy.")

    post.used(20)
    assert correct(post.engine, refuse, NOW + timedelta(hours=1)) == 0
    assert [post.look(NOW + timedelta(hours=n)) for n in (2, 3)] == [1, 0]


@pytest.mark.parametrize("state", ["rendering", "ready", "sending"])
def test_usage_that_comes_while_a_post_is_on_its_way_corrects_it(post: Post, state: str) -> None:
    def now_is(**values: object) -> None:
        with writing(post.engine) as connection:
            connection.execute(sa.update(DELIVERY).values(**values))

    now_is(state=state, sent_at=None)
    post.used(20)
    assert post.look(NOW + timedelta(hours=1)) == 0
    now_is(state="sent", sent_at=NOW + timedelta(hours=2))
    assert [post.look(NOW + timedelta(hours=n)) for n in (3, 4)] == [1, 0]


def ended(post: Post, state: str, *which: sa.ColumnElement[bool]) -> None:
    """Let corrections end in a state."""
    with writing(post.engine) as connection:
        c = DELIVERY.c
        done = sa.update(DELIVERY).where(c.kind == "correction", *which)
        connection.execute(done.values(state=state))


@pytest.mark.parametrize("state", ["dead", "skipped", "ambiguous"])
def test_a_correction_that_did_not_arrive_is_made_again_a_day_later(post: Post, state: str) -> None:
    post.used(50)
    assert post.look(NOW + timedelta(hours=1)) == 1
    ended(post, state)
    assert [post.look(NOW + timedelta(hours=n)) for n in (2, 24, 26, 27)] == [0, 0, 1, 0]
    *_, edit, _ = post.rows()
    assert "200 → 300 credits" in str(edit.facts["note"])
    assert edit.dedupe_key.endswith("|2")
    ended(post, "sent", DELIVERY.c.dedupe_key.like("%|2"))
    asked = post.asked
    assert [post.look(NOW + timedelta(hours=n)) for n in (52, 80)] == [0, 0]
    assert post.asked == asked


def test_what_did_not_arrive_is_told_with_what_came_since(post: Post) -> None:
    post.used(20)
    post.look(NOW + timedelta(hours=1))
    ended(post, "sent")
    post.used(20)
    post.look(NOW + timedelta(hours=26))
    ended(post, "dead", DELIVERY.c.dedupe_key.like("%|2"))
    post.used(20)
    assert post.look(NOW + timedelta(hours=52)) == 1
    *_, edit, _ = post.rows()
    assert "240 → 320 credits" in str(edit.facts["note"])


def test_what_did_not_arrive_and_is_right_again_is_no_correction(post: Post) -> None:
    post.used(50)
    post.look(NOW + timedelta(hours=1))
    ended(post, "dead")
    with writing(post.engine) as connection:
        told = sa.update(DELIVERY).where(DELIVERY.c.id == post.root)
        connection.execute(told.values(facts={"credits": 300 * MICRO}))
    assert post.look(NOW + timedelta(hours=30)) == 0


def test_after_35_days_a_post_is_history(post: Post) -> None:
    post.used(20)
    assert post.look(NOW + timedelta(days=36)) == 0


def test_days_that_are_new_or_gone_have_changed() -> None:
    assert changed_days({1: (1, 5), 2: (1, 5), 3: (2, 5)}, {2: (1, 5), 3: (1, 5), 4: (1, 1)}) == {
        *(1, 3, 4)
    }


def test_a_look_by_an_earlier_version_is_compared_by_what_it_knew() -> None:
    assert changed_days({1: (1, 5), 2: (1, 5)}, {1: (1, 5, 99), 2: (1, 6, 99)}) == {2}


@pytest.mark.parametrize(
    "change", [{"person": BOB}, {"model": "o1"}, {"task": "review"}, {"project": "Borealis"}]
)
def test_usage_that_moves_changes_its_day(engine: sa.Engine, change: dict[str, str]) -> None:
    world, noon = World(engine), to_micros(MIDNIGHT - DAY / 2)
    usage = event(ts=noon, credits=MICRO)
    world.write([usage])
    before = day_marks(engine)
    move(world, [usage], **change)
    after = day_marks(engine)
    assert [day[:2] for day in before.values()] == [day[:2] for day in after.values()]
    assert before != after


def test_moves_that_cancel_out_by_person_and_by_model_change_their_day(engine: sa.Engine) -> None:
    world, noon = World(engine), to_micros(MIDNIGHT - DAY / 2)
    four = [
        event(ts=noon, credits=MICRO, person=person, model=model)
        for person, model in ((ALICE, "gpt-4o"), (ALICE, "gpt-4o"), (BOB, "o1"), (BOB, "o1"))
    ]
    world.write(four)
    before = day_marks(engine)
    move(world, [four[0]], model="o1")
    move(world, [four[2]], model="gpt-4o")
    assert before != day_marks(engine)


def move(world: World, usage: Sequence[UsageEvent], **change: Any) -> None:  # noqa: ANN401  # its fields
    """Take usage away, and bring as much of it back with something else about it."""
    keys = [(1, one.event_id) for one in usage]
    delete(world.engine, world.workspace, keys, actor="alice", reason="not hers", now=NOW)
    world.write([replace(one, event_id=f"{one.event_id}-moved", **change) for one in usage])


def day_marks(engine: sa.Engine) -> Totals:
    with reading(engine) as connection:
        return day_totals(connection, 1, Days(0, 40_000))


@pytest.mark.parametrize("days", [0, 1, 30, 66])
def test_the_days_of_a_busy_workspace_are_remembered(engine: sa.Engine, days: int) -> None:
    totals = {20_000 + day: (2**63 - 1, -(2**63), PRIME - 1) for day in range(days)}
    with writing(engine) as connection:
        keep_totals(connection, 1, dict.fromkeys(range(19_900, 20_066), (1, 1)))
        keep_totals(connection, 1, totals)
        seen = totals_seen(connection, 1)
    assert {day: tuple(total) for day, total in seen.items()} == totals


def test_a_workspace_that_fails_holds_up_no_other(post: Post) -> None:
    def fail(_: sa.Connection, __: DeliveryRow) -> Told:
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


class Told29March:
    """A day's usage of which a line told, through the worker, and the job that corrects it."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.office, self.world = engine, Office(engine), World(engine)
        with writing(engine) as connection:
            bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        noon = to_micros(MIDNIGHT - DAY / 2)
        self.usage = [event(ts=noon + n) for n in range(100)]
        self.world.write(self.usage)
        self._job = correcting(Asking(now=self.office.clock.now, owners=(), workspace=None))

    async def told(self, line: str) -> Office:
        """Send what a line says."""
        span = {"window_start": MIDNIGHT - DAY, "window_end": MIDNIGHT}
        self.office.mail.due(self.office.mail.channel(), line=line, **span)
        await self.office.work()
        assert self.look() == 0
        return self.office

    def look(self, later: timedelta = timedelta()) -> int:
        """Plan corrections."""
        return self._job(self.engine, self.office.clock.now() + later)


@pytest.mark.parametrize("line", ["digest daily 2026-03-29", "by-user 2026-03-29"])
async def test_usage_that_moves_between_people_corrects_what_shows_them(
    engine: sa.Engine, line: str
) -> None:
    day = Told29March(engine)
    office = await day.told(line)
    move(day.world, day.usage[:20], person=BOB)
    office.clock.forward(3600)
    assert day.look() == 1
    await office.work(2, 2, 2)
    words = "still 200 credits, but single rows changed by up to 40 credits"
    cause = "usage came late or was corrected"
    assert f"Corrected 30 Mar 15:05: {words}, because {cause}." in repr(office.platform.edits)
    assert office.said[-1] == f"Corrected: {words}."
    assert day.look(2 * DAY) == 0


async def test_usage_that_moves_between_tasks_corrects_what_names_the_top_one(
    engine: sa.Engine,
) -> None:
    day = Told29March(engine)
    office = await day.told("digest weekly 2026-03-23")
    move(day.world, day.usage[:20], task="review")
    office.clock.forward(3600)
    assert day.look() == 1


async def test_usage_that_moves_between_people_leaves_what_shows_none_of_them(
    engine: sa.Engine,
) -> None:
    day = Told29March(engine)
    office = await day.told("by-model 2026-03-29")
    move(day.world, day.usage[:20], person=BOB)
    office.clock.forward(3600)
    assert day.look() == 0


async def test_what_was_told_of_people_is_kept_without_their_names(engine: sa.Engine) -> None:
    office = await Told29March(engine).told("by-user 2026-03-29")
    with reading(engine) as connection:
        (row,) = history(connection, 1, kinds=["digest"], limit=9)
    assert list(row.facts["rows"]["person"].values()) == [200 * MICRO]
    assert "alice" not in repr(row.facts).lower()
    assert "alice" in repr(office.platform.posts).lower()


async def test_the_worker_changes_the_post_and_answers_it(engine: sa.Engine) -> None:
    day = Told29March(engine)
    world = day.world
    office = await day.told("digest daily 2026-03-29")
    noon = to_micros(MIDNIGHT - DAY / 2)
    world.write([event(ts=noon - n) for n in range(1, 21)])
    office.clock.forward(3600)
    assert day.look() == 1
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
    assert day.look(2 * DAY) == 0
