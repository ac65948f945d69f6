"""What is said unasked is made once, from frozen numbers, with its parts; what fails is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from analytics.errors import UserError
from analytics.report import Note, Report
from storage import alerts
from storage.engine import writing
from storage.notices import CANCELLED
from storage.outbox import reference
from tests.bot.delivery.company import MAKER, PNG, Company, Pen, company
from tests.cast import NOW
from tests.storage.mail import at
from tests.surfaces.reports import MODEL_FIGURE

__all__ = ["company"]  # fixtures


async def test_a_digest_is_made_once_with_picture_and_frozen_numbers(company: Company) -> None:
    delivery = company.digest()
    await company.office.work()
    (post,) = company.office.platform.posts
    row, kept = company.office.row(delivery), company.stored(delivery)
    assert (row.state, row.attempts) == ("sent", 1)
    assert post.payload == kept["payload"]
    assert post.payload["pictured"] is True
    assert post.reference == post.payload["reference"] == reference(delivery, "C1")
    assert kept["artifact"] == PNG
    assert row.facts["credits"] == 2_200_000
    assert row.data_until == NOW - timedelta(minutes=5)


async def test_the_clock_of_a_digest_is_the_end_of_its_period(company: Company) -> None:
    delivery = company.digest("by-model yesterday", window_end=at(86_400))
    company.office.clock.forward(5 * 86_400)
    await company.office.work()
    assert company.office.row(delivery).facts["credits"] == 2_200_000


@pytest.mark.parametrize("pen", [Pen(None), Pen(ValueError("ink")), Pen(hangs=True)])
async def test_a_picture_that_fails_or_dawdles_stops_no_text(company: Company, pen: Pen) -> None:
    company.office.drawing = pen
    company.office.timing = company.office.timing.scaled(0.01)
    company.digest()
    await company.office.work()
    (post,) = company.office.platform.posts
    assert post.payload["pictured"] is False
    assert "Figure not available." in str(post.payload["notes"])


async def test_what_cannot_be_made_three_times_leaves_as_plain_words(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.delivery.audience.run", fail)
    delivery = company.digest(period_key="daily:2026-03-29")
    await company.office.work(10)
    assert company.office.row(delivery).state == "planned"
    await company.office.work(20, 40)
    assert company.office.said == [
        "The answer to `by-model last 7d` for daily:2026-03-29 could not be made."
    ]


async def test_a_line_that_is_refused_names_nobody_in_the_log(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UserError("No such person.", hint="Ask an admin.")

    monkeypatch.setattr("bot.delivery.audience.run", refuse)
    company.digest("by-model last 7d user=anna@example.com")
    with capture_logs() as said:
        await company.office.work()
    told = [one["command"] for one in said if one["event"] == "delivery.line_refused"]
    assert told == ["by-model"]
    assert "anna" not in repr(said)


@pytest.mark.parametrize(("deaths", "is_made"), [(9, True), (10, False)])
async def test_who_is_killed_while_making_did_not_fail(
    company: Company,
    deaths: int,
    is_made: bool,  # noqa: FBT001  # what is expected
) -> None:
    delivery = company.digest(period_key="daily:2026-03-29")
    for _ in range(deaths):
        assert company.office.mail.claim_render(company.office.clock.running) is not None
        company.office.clock.forward(61)
    await company.office.work()
    assert company.office.row(delivery).state == "sent"
    assert ("could not be made" in company.office.said[0]) is not is_made


@pytest.mark.parametrize(("deaths", "state"), [(9, "sent"), (10, "dead")])
async def test_a_file_that_its_process_died_of_is_given_up(
    company: Company, deaths: int, state: str
) -> None:
    file = company.digest(act="file", part=1, facts={"form": "csv"})
    for _ in range(deaths):
        assert company.office.mail.claim_render(company.office.clock.running) is not None
        company.office.clock.forward(61)
    await company.office.work()
    assert company.office.row(file).state == state


async def test_a_failure_between_deaths_is_not_forgotten(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.audience.run", lambda *_: 1 / 0)
    delivery = company.digest(period_key="daily:2026-03-29")
    await company.office.work(10)
    company.office.clock.forward(30)
    company.office.mail.claim_render(company.office.clock.running)
    company.office.clock.forward(61)
    await company.office.work()
    row = company.office.row(delivery)
    assert (row.state, row.failures, row.attempts) == ("planned", 3, 4)


async def test_an_alert_that_cannot_be_made_tells_its_frozen_numbers(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.audience.run", lambda *_: 1 / 0)
    with writing(company.office.engine) as connection:
        alert = alerts.insert_alert(
            connection,
            alerts.NewAlert(
                workspace_id=1,
                dedupe_key="a|1",
                kind="threshold",
                subject="budget:1",
                scope="workspace",
                facts={"used": 18_012_000_000, "limit": 20_000_000_000},
                fired_at=NOW,
            ),
        )
    company.digest(kind="alert", priority=0, alert_id=alert, line="overview", window_end=None)
    await company.office.work(10, 20, 40)
    assert company.office.said == ["90% of a budget used: 18,012 of 20,000 credits."]


# ---- what a person ordered


async def test_nothing_to_tell_is_told_unless_that_is_not_wanted(company: Company) -> None:
    quiet = company.subscribe("by-model", skip_empty=True)
    long_ago = at(-86_400 * 90)
    silent = company.digest(subscription_id=quiet, window_end=long_ago)
    company.digest(window_end=long_ago)
    await company.office.work(1)
    assert company.office.row(silent).reason == "empty"
    assert [text.startswith("No usage") for text in company.office.said] == [True]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"is_paused": True}, "paused"), ({"ended_at": "2026-03-30 00:00:00.000000"}, "cancelled")],
)
async def test_a_subscription_that_was_stopped_meanwhile_says_nothing(
    company: Company, changes: dict[str, object], reason: str
) -> None:
    number = company.subscribe("by-model", **changes)
    delivery = company.digest(subscription_id=number)
    await company.office.work()
    assert (company.office.row(delivery).reason, company.office.said) == (reason, [])


async def test_late_posts_and_missed_periods_are_told(company: Company) -> None:
    company.office.clock.forward(2 * 3600)
    company.digest(
        facts={"missed": "1–6 Mar", "down": ["2026-03-30T06:55+00:00", at(0).isoformat()]}
    )
    await company.office.work()
    notes = str(company.office.platform.posts[0].payload["notes"])
    assert "Late: it was due 14:05; the bot was down 08:55–14:05." in notes
    assert "Also missed: 1–6 Mar." in notes


@pytest.mark.parametrize(("after", "late"), [(3600, ""), (7200, "Late: it was due 15:05.")])
async def test_what_waited_for_the_morning_is_not_late(
    company: Company, after: int, late: str
) -> None:
    company.digest(facts={"awake": at(3600).isoformat()}, not_before=at(3600))
    company.office.clock.forward(after)
    await company.office.work()
    notes = str(company.office.platform.posts[0].payload["notes"])
    assert ("Late" in notes, late in notes) == (bool(late), True)


async def test_a_test_says_that_it_is_one(company: Company) -> None:
    company.digest(trigger="test")
    await company.office.work()
    post = company.office.platform.posts[0]
    assert str(post.payload["text"]).startswith("TEST: ")
    notes = post.payload["notes"]
    assert isinstance(notes, list)
    assert notes[-1].startswith("TEST: sent by hand")


def test_the_details_of_a_test_are_marked_first() -> None:
    report = Report("Daily", "412 credits", (Note("more", is_detail=True),)).as_test
    assert report.as_test == report
    assert report.thread is not None
    assert report.thread.headline == "TEST: Details: Daily"


def test_the_picture_of_a_test_says_so_where_it_is_passed_on() -> None:
    figure = replace(MODEL_FIGURE, title="412 credits", alt="Bars.")
    report = Report("Daily", "412 credits", (figure,)).as_test
    assert report.figure is not None
    assert (report.figure.title, report.figure.alt) == ("TEST: 412 credits", "TEST: Bars.")


async def test_only_a_test_is_marked_as_one(company: Company) -> None:
    company.digest()
    await company.office.work()
    assert "TEST" not in str(company.office.platform.posts[0].payload)


# ---- parts and buttons


async def test_details_and_files_follow_in_the_thread_in_order(company: Company) -> None:
    root = company.digest("digest daily", dedupe_key="d|1|daily|1|0", window_end=at(86_400))
    for part, form in enumerate(("csv", "json"), 1):
        company.office.mail.due(
            company.channel,
            act="file",
            part=part,
            parent_id=root,
            line="by-model last 7d",
            actor=MAKER,
            facts={"form": form},
            window_end=NOW,
        )
    await company.office.work(*[1.0] * 6)
    posts = company.office.platform.posts
    assert [post.act for post in posts] == ["post", "reply", "file", "file"]
    assert {post.parent for post in posts[1:]} == {"m1"}


async def test_files_of_a_post_that_was_not_made_are_cancelled(company: Company) -> None:
    root = company.digest("by-user department=Gone")
    part = company.office.mail.due(company.channel, act="file", part=1, parent_id=root)
    await company.office.work(5)
    assert company.office.row(part).reason == CANCELLED


async def test_a_day_without_a_table_has_no_file_and_stops_no_subscription(
    company: Company,
) -> None:
    number, long_ago = company.subscribe("by-model"), at(-86_400 * 90)
    root = company.digest(subscription_id=number, window_end=long_ago)
    part = company.office.mail.due(
        company.channel,
        act="file",
        part=1,
        parent_id=root,
        subscription_id=number,
        line="by-model",
        actor=MAKER,
        facts={"form": "csv"},
        window_end=long_ago,
    )
    await company.office.work(1, 1)
    assert (company.office.row(root).state, company.office.row(part).state) == ("sent", "skipped")
    assert not company.is_paused(number)


async def test_a_file_that_cannot_be_made_leaves_its_post_alone(company: Company) -> None:
    root = company.digest()
    part = company.office.mail.due(
        company.channel,
        act="file",
        part=1,
        parent_id=root,
        line="by-model",
        actor=MAKER,
        facts={"form": "png"},
    )
    company.office.drawing = Pen(None)
    await company.office.work(*[60.0] * 5)
    assert (company.office.row(root).state, company.office.row(part).state) == ("sent", "dead")
    assert company.office.row(part).reason == "the file could not be made"


# ---- channels that die


async def test_files_of_a_subscription_follow_its_post_in_its_thread(company: Company) -> None:
    number = company.subscribe("by-model last 7d", attach="csv,json")
    company.digest(subscription_id=number, dedupe_key="d|1|daily:2026-03-29|1|0")
    await company.office.work(2, 2, 2)
    first, *files = company.office.platform.posts
    assert [(post.act, post.parent) for post in files] == [("file", first.id)] * 2
    keys = [row.dedupe_key for row in company.office.mail.rows()]
    assert sorted(keys) == [f"d|1|daily:2026-03-29|1|{part}" for part in (0, 1, 2)]


async def test_a_period_without_usage_has_no_files(company: Company) -> None:
    number = company.subscribe("digest daily 2020-01-01", attach="csv")
    company.digest("digest daily 2020-01-01", subscription_id=number)
    await company.office.work(2, 2)
    assert [post.act for post in company.office.platform.posts] == ["post"]
