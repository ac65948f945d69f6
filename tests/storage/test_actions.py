"""A button is good for one workspace, one platform, perhaps one user, and for a while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.actions import (
    CLAIM,
    StoredAction,
    first_seen,
    purge,
    store_action,
    take_action,
    use_up,
)
from storage.engine import writing
from tests.cast import NOW
from tests.databases import elsewhere, home


def store(engine: sa.Engine, user_id: str | None = None, kind: str = "share") -> str:
    with writing(engine) as connection:
        return store_action(
            connection,
            home(engine).id,
            kind=kind,
            line="by-user last 7d",
            platform="slack",
            user_id=user_id,
            now=NOW,
        )


def click(  # noqa: PLR0913  # everything a click is checked for
    engine: sa.Engine,
    action_id: str,
    *,
    workspace_id: int = 1,
    platform: str = "slack",
    user_id: str = "U1",
    after: timedelta = timedelta(),
    single_use: bool = False,
) -> StoredAction | None:
    with writing(engine) as connection:
        return take_action(
            connection,
            workspace_id,
            action_id,
            platform=platform,
            user_id=user_id,
            now=NOW + after,
            single_use=single_use,
        )


def test_a_button_gives_back_its_line_as_often_as_it_is_pressed(engine: sa.Engine) -> None:
    action_id = store(engine)
    assert len(action_id) <= 24
    for _ in range(2):
        found = click(engine, action_id)
        assert found is not None
        assert (found.kind, found.line) == ("share", "by-user last 7d")
        assert found.expires_at == NOW + timedelta(days=30)


def test_a_button_that_changes_something_works_once(engine: sa.Engine) -> None:
    action_id = store(engine)
    assert click(engine, action_id, single_use=True)
    assert click(engine, action_id, single_use=True) is None


def test_of_several_clicks_at_once_one_gets_through(engine: sa.Engine) -> None:
    action_id = store(engine)
    with ThreadPoolExecutor(4) as pool:
        clicks = [pool.submit(click, engine, action_id, single_use=True) for _ in range(8)]
        assert sum(one.result() is not None for one in clicks) == 1


def test_a_share_whose_process_died_may_be_claimed_again(engine: sa.Engine) -> None:
    action_id = store(engine)
    assert click(engine, action_id, single_use=True)
    just_before = CLAIM - timedelta(microseconds=1)
    assert click(engine, action_id, after=just_before, single_use=True) is None
    assert click(engine, action_id, after=CLAIM, single_use=True)
    assert click(engine, action_id, after=CLAIM + just_before, single_use=True) is None


def test_a_share_that_ended_is_not_claimed_again(engine: sa.Engine) -> None:
    action_id = store(engine)
    assert click(engine, action_id, single_use=True)
    with writing(engine) as connection:
        use_up(connection, 1, action_id, now=NOW)
    assert click(engine, action_id, after=CLAIM, single_use=True) is None


def test_what_was_done_in_the_database_is_not_claimed_again(engine: sa.Engine) -> None:
    action_id = store(engine, kind="do")
    assert click(engine, action_id, single_use=True)
    assert click(engine, action_id, after=2 * CLAIM, single_use=True) is None


def test_a_button_ends_after_thirty_days_to_the_microsecond(engine: sa.Engine) -> None:
    action_id = store(engine)
    lifetime = timedelta(days=30)
    assert click(engine, action_id, after=lifetime - timedelta(microseconds=1))
    assert click(engine, action_id, after=lifetime) is None
    assert click(engine, action_id, after=lifetime, single_use=True) is None


def test_the_button_of_one_user_is_nobody_elses(engine: sa.Engine) -> None:
    action_id = store(engine, user_id="U1")
    assert click(engine, action_id, user_id="U2") is None
    assert click(engine, action_id, user_id="U2", single_use=True) is None
    assert click(engine, action_id, user_id="U1", single_use=True)


def test_a_button_is_worth_nothing_on_another_platform_or_in_another_workspace(
    engine: sa.Engine,
) -> None:
    action_id, theirs = store(engine), elsewhere(engine).id
    assert click(engine, action_id, platform="discord") is None
    assert click(engine, action_id, workspace_id=theirs) is None
    assert click(engine, action_id[:-1] + "!") is None


@pytest.mark.parametrize("key", ["env-1", "x" * 5000, "名前"])
def test_an_envelope_is_new_exactly_once(engine: sa.Engine, key: str) -> None:
    ours, theirs = home(engine).id, elsewhere(engine).id
    with writing(engine) as connection:
        arrivals = [
            first_seen(connection, workspace_id, platform=platform, key=key, now=NOW)
            for workspace_id, platform in (
                (ours, "slack"),
                (ours, "slack"),
                (ours, "discord"),
                (theirs, "slack"),
            )
        ]
    assert arrivals == [True, False, True, True]


def test_purge_forgets_what_is_over_and_nothing_else(engine: sa.Engine) -> None:
    old, workspace_id = store(engine), home(engine).id
    with writing(engine) as connection:
        first_seen(connection, workspace_id, platform="slack", key="old", now=NOW)
        later = NOW + timedelta(days=30)
        first_seen(connection, workspace_id, platform="slack", key="new", now=later)
        purge(connection, now=later)
        assert first_seen(connection, workspace_id, platform="slack", key="old", now=later)
        assert not first_seen(connection, workspace_id, platform="slack", key="new", now=later)
    assert click(engine, old) is None
