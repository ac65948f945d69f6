"""The demo as a platform: its clock, usage that goes on, and what arrives in its channels."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console

from analytics.report import Button
from bot.context import Place
from bot.demo import database
from bot.demo.database import CHAT, YOU
from bot.demo.platform import Clock, LivePlatform, span_of
from bot.demo.posts import KeptPosts
from bot.demo.session import Session
from bot.demo.usage import Onward, Workload
from bot.desk import Desk
from bot.due import ON_USAGE, late, prompt, tick
from bot.subscriptions.rounds import rounds
from storage.destinations import destination_of
from storage.engine import opened, writing
from storage.subscriptions import add_subscription
from storage.timekeys import day_number, to_micros

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)  # half past seven in Berlin
WORK = Workload(now=NOW, zone="Europe/Berlin", events=3_000, people=16)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1d", timedelta(days=1)),
        ("6 hours", timedelta(hours=6)),
        ("30m", timedelta(minutes=30)),
        ("2 weeks", timedelta(weeks=2)),
        ("62d", timedelta(days=62)),
        ("63d", None),
        ("0d", None),
        ("never", None),
        ("-1d", None),
        ("9999w", None),
    ],
)
def test_a_stretch_of_time_is_typed_as_people_say_it(text: str, span: timedelta | None) -> None:
    assert span_of(text) == span


def test_usage_goes_on_without_gap_and_without_a_key_twice() -> None:
    onward = Onward(WORK)
    stretches = [onward.between(NOW + n * 2 * HOUR, NOW + (n + 1) * 2 * HOUR) for n in range(12)]
    events = [event for stretch in stretches for event in stretch]
    assert len({event.event_id for event in events}) == len(events)
    times = [event.ts for event in events]
    assert times == sorted(times)
    assert to_micros(NOW) <= times[0]
    assert times[-1] < to_micros(NOW + 24 * HOUR)
    assert 2 < len(events) < 40  # about 3,000 in 13 months


class Sitting:
    """Somebody at a demo whose clock only moves when told."""

    def __init__(self, engine: sa.Engine, desk: Desk, runner: asyncio.Runner, folder: Path) -> None:
        self.out = StringIO()
        console = Console(file=self.out, width=110)
        self.engine, self.folder = engine, folder
        self.session = Session(desk, console, folder, runner)
        clock = Clock(NOW)
        desk.now = desk._asking.now = clock.now
        self.live = LivePlatform(engine, WORK, clock, 1e-6, self.session.arrives, folder)
        self.session.live = self.live

    def type(self, *lines: str) -> str:
        """What is printed when these lines are typed."""
        start = len(self.out.getvalue())
        for line in lines:
            self.session.take(line)
        return self.out.getvalue()[start:]

    def subscribe(self, line: str) -> None:
        """A subscription of the channel at nine every day."""
        first = next(rounds("daily 09:00", WORK.zone, WORK.zone).after(NOW))
        place = Place("ai-credits", "ai-credits")
        where = {"platform": CHAT[0], "external_id": CHAT[1], "place": place}
        with writing(self.engine) as connection:
            to = destination_of(connection, 1, **where, actor=YOU.actor, now=NOW)  # type: ignore[arg-type]  # as a command would
            add_subscription(
                connection,
                1,
                destination_id=to.id,
                line=line,
                schedule="daily 09:00",
                zone=WORK.zone,
                next_due=first.due_at,
                next_first_day=day_number(first.period.first),
                catchup="latest",
                created_by=YOU.actor,
                now=NOW,
            )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database as it is before anybody sits down."""
    file = tmp_path_factory.mktemp("demo") / "demo.db"
    database.create(file, WORK, step=lambda _: None)
    return file


@pytest.fixture
def sitting(made: Path, tmp_path: Path) -> Iterator[Sitting]:
    shutil.copy(made, tmp_path)
    with (
        opened(f"sqlite:///{tmp_path / 'demo.db'}") as engine,
        closing(Desk(engine, now=lambda: NOW)) as desk,
        asyncio.Runner() as runner,
    ):
        found = Sitting(engine, desk, runner, tmp_path)
        found.live.start()
        yield found
        found.live.stop()


def test_a_digest_arrives_in_its_channel_with_details_below_and_its_picture(
    sitting: Sitting,
) -> None:
    sitting.subscribe("digest daily")
    said = sitting.type("skip 1h")
    assert "#ai-credits, message" not in said
    said = sitting.type("skip 1h")
    assert "#ai-credits, message 1 · Tue 24 Nov 09:" in said
    assert "on Monday 23 November" in said
    assert "message 2 under 1" in said
    assert "Details: Daily Digest: 23 Nov 2026" in said
    assert (sitting.folder / "message-1.png").read_bytes().startswith(b"\x89PNG")
    assert "It is Tuesday 24 November 2026, 09:30" in said
    assert "late" not in said.casefold().partition("message 1")[2][:400]


def test_a_warning_arrives_and_its_button_changes_it(sitting: Sitting) -> None:
    said = sitting.type("alerts here", "budget set project=Platform 1 monthly", "skip 10m")
    assert "of November credits of Platform used" in said
    number = said.partition("#ai-credits, message ")[2].split(" ")[0]
    button = next(line for line in said.splitlines() if "Acknowledge" in line).split("]")[0][1:]
    said = sitting.type(f"{number}.{button}", "skip 10m")
    assert f"message {number} now says" in said
    assert "Seen by Anna Schmidt" in said
    assert "has no button" in sitting.type(f"{number}.99")


def test_the_demo_does_all_that_the_service_does_and_looks_less_often_in_a_hurry(
    sitting: Sitting,
) -> None:
    every = {*tick(), *prompt(()), *late(sitting.live._asking), "watch"}
    assert set(sitting.live._jobs(NOW + 6 * HOUR, is_fast=True)) == every
    assert every > ON_USAGE
    assert set(sitting.live._jobs(NOW + 6.2 * HOUR, is_fast=True)) == {*tick(), *prompt(())}
    assert "watch" in sitting.live._jobs(NOW + 6.2 * HOUR, is_fast=False)


def test_a_source_that_fell_silent_is_told_in_the_demo(sitting: Sitting) -> None:
    sitting.live._onward.between = lambda *_: []  # type: ignore[method-assign]  # nobody works
    assert "No data from" in sitting.type("alerts here", "skip 3d")


def test_channels_are_places_of_their_own(sitting: Sitting) -> None:
    assert sitting.session.prompt == "#ai-credits /credits "
    sitting.type("#ops")
    assert sitting.session.prompt == "#ops /credits "
    assert "all alerts to #ops" in sitting.type("alerts here")


def test_what_is_typed_wrong_is_said(sitting: Sitting) -> None:
    assert "'for ever' is no stretch of time. Say how long" in sitting.type("skip for ever")
    assert "There is no message 7 yet." in sitting.type("7.1")


def test_a_demo_whose_clock_was_moved_knows_where_it_was_left(made: Path, sitting: Sitting) -> None:
    file = sitting.folder / "demo.db"
    assert database.left_at(made, WORK) is None
    sitting.type("skip 3h")
    left = database.left_at(file, replace(WORK, now=NOW + timedelta(days=40)))
    assert left == sitting.live.clock.now() >= NOW + 3 * HOUR
    assert database.left_at(file, replace(WORK, events=4_000)) is None


def test_messages_of_an_earlier_sitting_are_there_with_their_buttons(sitting: Sitting) -> None:
    said = sitting.type("alerts here", "budget set project=Platform 1 monthly", "skip 10m")
    number = said.partition("#ai-credits, message ")[2].split(" ")[0]
    sitting.live.stop()
    before, after = sitting.live.post(number), KeptPosts(sitting.folder / "demo.db-posts").read()
    assert before is not None
    assert after[number] == replace(before, content=None)


def test_a_personal_limit_is_told_its_person_alone(sitting: Sitting) -> None:
    said = sitting.type("alerts here", 'budget set person="Luca Moretti" 1 monthly', "skip 10m")
    assert "@luca.moretti, message 1 · " in said
    assert "#ai-credits, message" not in said
    assert "> alerts ack" in sitting.type("1.3")
    assert "Seen by Luca Moretti" in sitting.type("skip 10m")


def test_a_conversation_is_a_place_to_subscribe_in(sitting: Sitting) -> None:
    sitting.type("@")
    assert sitting.session.prompt == "@anna.schmidt /credits "
    assert "to you, directly" in sitting.type("digest subscribe daily 09:00")
    assert "@anna.schmidt, message 1 · Tue 24 Nov 09:0" in sitting.type("skip 2h")
    assert "Nobody here is called @luca. `@luca.moretti` goes" in sitting.type("@luca")


def test_the_demo_is_alive_for_who_asks_for_its_health(sitting: Sitting) -> None:
    sitting.type("skip 10m")
    said = sitting.type("health")
    assert "has not run here" not in said
    assert "stands still" not in said


def test_one_button_is_not_a_stretch_of_buttons(sitting: Sitting) -> None:
    sitting.session.buttons = (Button("Today", "overview"),)
    assert "it has only 1." in sitting.type("9")


def test_help_knows_how_time_is_skipped(sitting: Sitting) -> None:
    assert "`skip 6h`" in sitting.type("help skip")


def test_a_button_works_once(sitting: Sitting) -> None:
    sitting.type("alerts here", "budget set project=Platform 1 monthly", "skip 10m")
    assert "quiet until 25 Nov" in sitting.type("1.3")
    assert "pressed already" in sitting.type("1.3")


def test_a_button_is_pressed_by_whom_one_plays_and_kept_from_who_must_not(sitting: Sitting) -> None:
    sitting.type("alerts here", 'budget set project="Checkout rewrite" 1 monthly', "skip 10m")
    assert "for those whose budget it is" in sitting.type("@ingrid.solberg", "1.4")
    assert ": seen. Its posts" in sitting.type("@luca.moretti", "1.4")
    assert "Seen by Luca Moretti" in sitting.type("skip 10m")


def test_a_number_that_means_another_button_now_is_not_pressed_by_habit(sitting: Sitting) -> None:
    sitting.type("alerts here", "budget set project=Platform 1 monthly", "skip 10m", "1.3")
    sitting.type("skip 1m")
    assert "`1.3` again presses the new one" in sitting.type("1.3")
    assert ": seen. Its posts" in sitting.type("1.3")


def test_a_second_sitting_is_told_what_is_still_to_do(sitting: Sitting) -> None:
    first = sitting.live.opening_lines()
    assert [line.split(" ")[0] for line in first] == ["alerts", "digest", "budget", "skip"]
    sitting.type(*first[:3])
    (budget, skip) = sitting.live.opening_lines()
    assert skip == "skip 1d"
    assert budget.startswith("budget set department=")
    assert budget.split(" ")[2] != first[2].split(" ")[2]


def test_the_other_channel_of_the_readme_is_known_before_anybody_went_there(
    sitting: Sitting,
) -> None:
    assert "to #ops" in sitting.type("alerts route threshold to #ops")


def test_a_line_that_failed_leaves_the_buttons_of_the_last_answer(sitting: Sitting) -> None:
    sitting.type("overview")
    buttons = sitting.session.buttons
    sitting.type("frob", "digest skip 77")
    assert sitting.session.buttons == buttons != ()


def test_a_fast_clock_brings_the_suggested_warning_by_itself(sitting: Sitting) -> None:
    sitting.type(*sitting.live.opening_lines()[:-1])
    arrived = threading.Event()
    sitting.live._sender._write = lambda words: arrived.set() if "Passed" in words else None
    sitting.live.speed = 36_000
    assert arrived.wait(60)


def test_ctrl_c_ends_a_skip_early(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Future.result

    def interrupted(*_: object) -> None:
        monkeypatch.setattr(Future, "result", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "result", interrupted)
    sitting.live.skip(timedelta(days=62))
    assert sitting.live.clock.now() < NOW + timedelta(days=2)
    assert "It is Tuesday" in sitting.type("skip 1m")


def test_leaving_does_not_wait_for_what_was_still_to_pass(sitting: Sitting) -> None:
    sitting.live.speed = 1e7  # the next beat would be a month
    while sitting.live.clock.now() <= NOW + HOUR:
        threading.Event().wait(0.01)
    sitting.live.stop()
    assert not sitting.live._thread.is_alive()
    assert sitting.live.clock.now() < NOW + timedelta(days=25)
