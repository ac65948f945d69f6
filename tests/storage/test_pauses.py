"""A platform workspace that is refused waits as a whole, and one process looks after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.claims import Lane
from storage.engine import reading, writing
from storage.pauses import Pause, end_pause, forget_pauses, pause_chat, pauses, take_probe
from tests.storage.mail import Mail, at

LANE = Lane(1, 99, "slack", "T1", "C99", False, "somewhere", False, False, "slack:T1:U1")

AGAIN = timedelta(minutes=5)


@pytest.fixture
def mail(engine: sa.Engine) -> Mail:
    return Mail(engine)


def pause(mail: Mail, until: float, *, needs_probe: bool = False, now: float = 0) -> None:
    with writing(mail.engine) as connection:
        pause_chat(
            connection, LANE, at(now), until=at(until), reason="again", needs_probe=needs_probe
        )


def waiting(mail: Mail, seconds: float = 0) -> list[Pause]:
    with reading(mail.engine) as connection:
        return pauses(connection, at(seconds))


def probe(mail: Mail, seconds: float, *platforms: str) -> Pause | None:
    with writing(mail.engine) as connection:
        return take_probe(connection, at(seconds), again=AGAIN, platforms=platforms or ("slack",))


def two_channels(mail: Mail) -> None:
    for _ in range(3):
        mail.ready(mail.channel())


def test_no_lane_of_a_paused_workspace_is_claimed_before_its_time(mail: Mail) -> None:
    two_channels(mail)
    other = mail.ready(mail.channel(external_id="T2"), created_at=at(1))
    pause(mail, 30)
    assert mail.taken(29.9).row.id == other
    assert mail.claim(29.9) is None
    assert mail.claim(30) is not None


def test_what_was_claimed_before_the_pause_is_not_sent_in_it(mail: Mail) -> None:
    two_channels(mail)
    late = mail.taken()
    pause(mail, 30)
    assert not mail.mark(late, 1)
    assert mail.mark(late, 30)


def test_a_longer_pause_stays_and_a_probe_outlasts_a_time(mail: Mail) -> None:
    two_channels(mail)
    for until, needs_probe in ((60, False), (30, False), (20, True), (90, False)):
        pause(mail, until, needs_probe=needs_probe)
    assert waiting(mail) == [Pause(1, "slack", "T1", at(20), "again", needs_probe=True)]


def test_a_probe_is_one_processs_and_comes_again(mail: Mail) -> None:
    pause(mail, 300, needs_probe=True)
    assert probe(mail, 299) is None
    assert probe(mail, 300, "discord") is None
    assert probe(mail, 300) is not None
    assert probe(mail, 301) is None
    assert probe(mail, 600) is not None


def test_a_pause_that_is_over_holds_nothing_and_is_forgotten(mail: Mail) -> None:
    two_channels(mail)
    pause(mail, 10, needs_probe=True)
    assert mail.claim(3600) is None
    (found,) = waiting(mail)
    with writing(mail.engine) as connection:
        end_pause(connection, found)
    assert mail.claim(3600) is not None
    pause(mail, 10, needs_probe=False)
    with writing(mail.engine) as connection:
        forget_pauses(connection, at(7 * 3600))
        assert pauses(connection, at(0)) == []


def test_a_pause_of_a_clock_that_was_ahead_gives_way_and_is_forgotten(mail: Mail) -> None:
    month = 30 * 86_400
    pause(mail, month + 60, now=month)
    assert waiting(mail) == []
    pause(mail, 60)
    assert [one.until for one in waiting(mail)] == [at(60)]
    pause(mail, month + 60, now=month)
    with writing(mail.engine) as connection:
        forget_pauses(connection, at(0))
    assert waiting(mail, month) == []


def test_a_refusal_that_comes_while_a_probe_is_asked_outlasts_it(mail: Mail) -> None:
    pause(mail, 300, needs_probe=True)
    taken = probe(mail, 300)
    assert taken is not None
    pause(mail, 1200, needs_probe=True, now=301)
    with writing(mail.engine) as connection:
        assert not end_pause(connection, taken)
    assert [one.until for one in waiting(mail, 302)] == [at(1200)]
