"""Every name that usage brings gets one id, whoever meets it first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from storage.catalog import set_multiplier
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.labels import (
    Labels,
    link_alias,
    person_of_alias,
    rename_person,
    set_home_department,
)
from tests.cast import ALICE, BOB, CHARLIE, NOW, event
from tests.databases import elsewhere, home


@pytest.fixture
def labels(engine: sa.Engine) -> Labels:
    return Labels(engine, home(engine).id)


def shown(engine: sa.Engine, table: str) -> list[str]:
    with reading(engine) as connection:
        rows = connection.execute(sa.text(f"SELECT name FROM {table} ORDER BY id"))  # noqa: S608  # our names
        return list(rows.scalars())


def test_names_meet_whatever_their_case_and_keep_their_first_spelling(
    engine: sa.Engine, labels: Labels
) -> None:
    labels.prepare([event(person=" Alice@Example.com ", project="Atlas")], now=NOW)
    labels.prepare([event(person=ALICE, project="ATLAS ")], now=NOW)
    assert labels.person_id(ALICE) == labels.person_id("ALICE@example.com")
    assert labels.project_id("Atlas") == labels.project_id(" atlas")
    assert shown(engine, "person") == ["Alice@Example.com"]
    assert shown(engine, "project") == ["Atlas"]


def test_a_call_of_nobody_and_a_blank_name_are_0_and_no_row_but_a_blank_model_is_listed(
    engine: sa.Engine, labels: Labels
) -> None:
    blank = event(person="default_user_id", department="", project=" ", task=None, model="\u200b")
    labels.prepare([blank, event(person=None, model="")], now=NOW)
    assert labels.person_id("default_user_id") == labels.person_id(None) == 0
    assert labels.department_id("") == labels.project_id(" ") == labels.task_id(None) == 0
    number = labels.model_id("\u200b")
    assert labels.model_id("") == labels.model_id("Unlabeled") == number
    assert labels.catalog.models[number].name == "Unlabeled"
    assert shown(engine, "person") == []


def test_a_name_that_was_not_prepared_is_our_mistake(labels: Labels) -> None:
    with pytest.raises(KeyError):
        labels.person_id(BOB)


def test_an_unknown_model_is_never_dropped(engine: sa.Engine, labels: Labels) -> None:
    known = len(labels.catalog.models)
    raws = ["Code Review model", "local/phi-20260101", "PHI-20260202", "code review MODEL"]
    labels.prepare([event(model=raw, provider="local") for raw in raws], now=NOW)
    ids = [labels.model_id(raw) for raw in raws]
    assert ids == [known + 1, known + 2, known + 2, known + 1]
    new = labels.catalog.models[known + 1]
    assert (new.name, new.family, new.provider) == ("Code Review model", "Other", "local")
    assert shown(engine, "model")[known:] == ["Code Review model", "local/phi-20260101"]


def test_hostile_names_are_kept_harmless_and_told_apart(labels: Labels) -> None:
    raws = ["a\0b", "\ud800x", "'; DROP TABLE person; --", "x" * 100_000, "名前", "\u202eevil"]
    labels.prepare([event(person=raw, task=raw, model=raw) for raw in raws], now=NOW)
    assert len({labels.person_id(raw) for raw in raws}) == len(raws)
    assert len({labels.model_id(raw) for raw in raws}) == len(raws)


@given(raws=st.lists(st.text(max_size=12), max_size=6))
def test_any_text_gets_an_id_and_keeps_it(sqlite_engine: sa.Engine, raws: list[str]) -> None:
    labels = Labels(sqlite_engine, home(sqlite_engine).id)
    labels.prepare([event(person=raw, task=raw, model=raw) for raw in raws], now=NOW)
    ids = [(labels.person_id(raw), labels.task_id(raw), labels.model_id(raw)) for raw in raws]
    labels.reload()
    labels.prepare([event(person=raw, task=raw, model=raw) for raw in raws[::-1]], now=NOW)
    assert ids == [
        (labels.person_id(raw), labels.task_id(raw), labels.model_id(raw)) for raw in raws
    ]


def test_writers_that_meet_the_same_names_at_once_agree(engine: sa.Engine) -> None:
    workspace_id = home(engine).id
    people = [f"person-{number}" for number in range(30)]

    def write(shift: int) -> list[tuple[int, int, int]]:
        labels = Labels(engine, workspace_id)
        mine = people[shift:] + people[:shift]
        for start in range(0, len(mine), 10):
            batch = [event(person=one, task=one, model=one) for one in mine[start : start + 10]]
            labels.prepare(batch, now=NOW)
            labels.source_id("litellm:acme", "litellm", now=NOW)
        return [(labels.person_id(p), labels.task_id(p), labels.model_id(p)) for p in people]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(write, (0, 7, 13, 21)))
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0])) == len(people)
    assert shown(engine, "source") == ["litellm:acme"]


def test_a_second_process_learns_of_a_price_before_its_next_batch(
    engine: sa.Engine, labels: Labels
) -> None:
    model_id = labels.model_id("gpt-4o")
    with writing(engine) as connection:
        set_multiplier(connection, home(engine).id, model_id, multiplier=7, valid_from=5)
    labels.prepare([event(person=None, department=None, project=None, task=None)], now=NOW)
    price = labels.catalog.price_at(model_id, 5)
    assert price is not None
    assert price.multiplier == 7


def test_another_workspace_shares_no_name(engine: sa.Engine, labels: Labels) -> None:
    theirs = Labels(engine, elsewhere(engine).id)
    theirs.prepare([event(person=CHARLIE, task="secret", model="own model")], now=NOW)
    theirs.source_id("cursor:elsewhere", "cursor", now=NOW)
    labels.reload()
    for look_up in (labels.person_id, labels.task_id, labels.model_id):
        for raw in (CHARLIE, "secret", "own model"):
            with pytest.raises(KeyError):
                look_up(raw)
    with reading(engine) as connection:
        assert person_of_alias(connection, home(engine).id, CHARLIE) is None


def test_a_source_is_created_once_and_numbered_in_its_workspace(labels: Labels) -> None:
    first = labels.source_id("copilot:acme", "copilot", now=NOW)
    second = labels.source_id("copilot:bolt", "copilot", now=NOW)
    labels.reload()
    assert labels.source_id("copilot:acme", "copilot", now=NOW) == first == 1
    assert second == 2


def test_a_chat_identity_can_be_linked_and_moved_to_a_person(
    engine: sa.Engine, labels: Labels
) -> None:
    labels.prepare([event(person=ALICE), event(person=BOB)], now=NOW)
    alice, bob = labels.person_id(ALICE), labels.person_id(BOB)
    ours = home(engine).id
    with writing(engine) as connection:
        link_alias(connection, ours, "slack:T1:U2", alice)
        link_alias(connection, ours, "Slack:t1:u2 ", bob)
        assert person_of_alias(connection, ours, "slack:T1:U2") == bob
        assert person_of_alias(connection, ours, "slack:T1:U3") is None
    labels.prepare([event(person="slack:T1:U2")], now=NOW)
    assert labels.person_id("slack:T1:U2") == bob


@pytest.mark.parametrize("alias", ["", "default_user_id"])
def test_nobody_cannot_be_linked_to_a_person(sqlite_engine: sa.Engine, alias: str) -> None:
    with (
        writing(sqlite_engine) as connection,
        pytest.raises(StorageError, match="not an identity"),
    ):
        link_alias(connection, home(sqlite_engine).id, alias, 1)


def test_a_person_of_another_workspace_cannot_be_named_or_linked(engine: sa.Engine) -> None:
    theirs = Labels(engine, elsewhere(engine).id)
    theirs.prepare([event(person=CHARLIE)], now=NOW)
    charlie = theirs.person_id(CHARLIE)
    with writing(engine) as connection:
        with pytest.raises(StorageError, match="no person number"):
            link_alias(connection, home(engine).id, ALICE, charlie)
        with pytest.raises(StorageError, match="no person number"):
            rename_person(connection, home(engine).id, charlie, name="Mallory")


def test_a_renamed_person_is_still_found_by_the_identity(engine: sa.Engine, labels: Labels) -> None:
    labels.prepare([event(person=ALICE)], now=NOW)
    alice = labels.person_id(ALICE)
    with writing(engine) as connection:
        rename_person(connection, home(engine).id, alice, name="Alice\n Liddell")
    labels.prepare([event(person=ALICE)], now=NOW)
    assert labels.person_id(ALICE) == alice
    assert shown(engine, "person") == ["Alice Liddell"]


def test_a_home_department_is_unknown_until_somebody_says_it(
    engine: sa.Engine, labels: Labels
) -> None:
    labels.prepare([event(person=ALICE, department="Sales")], now=NOW)
    alice, sales = labels.person_id(ALICE), labels.department_id("sales")
    assert labels.home_department(alice) == 0
    with writing(engine) as connection:
        set_home_department(connection, home(engine).id, alice, department_id=sales)
    labels.prepare([event(person=ALICE)], now=NOW)
    assert labels.home_department(alice) == sales
