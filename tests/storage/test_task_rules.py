"""Task rules in a workspace: their order, new events, a dry run, and applying them again.

What a source named is never touched; everything else follows the rules, in every rollup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage import task_match, task_runs
from storage.changes import Values
from storage.crossings import Days
from storage.engine import reading, writing
from storage.events import Granularity, UsageEvent
from storage.evidence import gather, is_stale
from storage.labels import task_named
from storage.task_rules import Rule, add_rule, dry_run, list_rules, move_rule, reapply, remove_rule
from storage.timekeys import DAY_US, to_micros
from storage.verify import verify
from tests.cast import ALICE, BOB, NOW, event
from tests.databases import elsewhere
from tests.storage.world import World, world


@pytest.fixture
def place(engine: sa.Engine) -> World:
    return world(engine)


def add(place: World, task: str, position: int | None = None, **conditions: Sequence[str]) -> Rule:
    with writing(place.engine) as connection:
        task_id = task_named(connection, place.workspace.id, task)
        return add_rule(
            connection,
            place.workspace.id,
            task_id=task_id,
            conditions=conditions,
            position=position,
            now=NOW,
        )


def write(place: World, *events: UsageEvent) -> None:
    place.ledger.write(events, place.feed(), now=NOW)


def tasks(place: World) -> dict[str, str | None]:
    """The task of each event by its name, and a star behind what a rule gave."""
    wanted = sa.text(
        "SELECT e.event_id, t.name, e.flags FROM usage_event e LEFT JOIN task t"
        " ON t.workspace_id = e.workspace_id AND t.id = e.task_id"
        " WHERE e.workspace_id = :ours"
    )
    with reading(place.engine) as connection:
        rows = connection.execute(wanted, {"ours": place.workspace.id}).all()
    return {row[0]: row[1] and row[1] + "*" * bool(row[2] & 128) for row in rows}


def whole(place: World) -> None:
    assert list(verify(place.engine, place.workspace)) == []


def run(place: World, days: Days | None = None) -> tuple[int, int]:
    done = reapply(place.engine, place.workspace, days=days, actor="alice", now=NOW)
    whole(place)
    return done.read, done.changed


# ---- the order


def order(place: World) -> list[tuple[int, int]]:
    with reading(place.engine) as connection:
        return [(rule.id, rule.position) for rule in list_rules(connection, place.workspace.id)]


def test_rules_stand_where_they_were_put(place: World) -> None:
    for position in (None, None, 1, 99):
        add(place, "coding", position, model=["*"])
    assert order(place) == [(3, 1), (1, 2), (2, 3), (4, 4)]
    with writing(place.engine) as connection:
        moved = move_rule(connection, place.workspace.id, 4, position=2)
        assert moved is not None
        assert moved.position == 2
        assert move_rule(connection, place.workspace.id, 77, position=1) is None
        gone = remove_rule(connection, place.workspace.id, 3)
        assert gone is not None
        assert gone.conditions == {"model": ("*",)}
        assert remove_rule(connection, place.workspace.id, 3) is None
    assert order(place) == [(4, 1), (1, 2), (2, 3)]


def test_another_workspace_has_rules_of_its_own(place: World) -> None:
    rule, theirs = add(place, "coding", model=["*"]), elsewhere(place.engine).id
    with writing(place.engine) as connection:
        assert list_rules(connection, theirs) == []
        assert move_rule(connection, theirs, rule.id, position=1) is None
        assert remove_rule(connection, theirs, rule.id) is None
    assert order(place) == [(1, 1)]


# ---- new events


def test_a_new_event_without_a_task_gets_that_of_the_first_rule(place: World) -> None:
    add(place, "mail", project=["atlas"], person=["bob@*"])
    add(place, "coding", model=["alpha"])
    write(
        place,
        event(event_id="both", model="alpha", person=BOB, task=None),
        event(event_id="second", model="alpha", person=ALICE, task=None),
        event(event_id="none", model="beta", person=ALICE, task=None),
        event(event_id="tagged", model="alpha", task="review"),
    )
    assert tasks(place) == {"both": "mail*", "second": "coding*", "none": None, "tagged": "review"}
    whole(place)


def test_tags_provider_source_department_and_tokens_are_looked_at(place: World) -> None:
    add(place, "a", tag=["team:x"])
    add(place, "b", provider=["azure"])
    add(place, "c", tokens_in=["..100"], tokens_out=["1.."])
    add(place, "d", department=["sales"])
    add(place, "e", source=["feed"], model=["beta"])
    none = {"task": None, "provider": None, "department": None, "model": "alpha"}
    write(
        place,
        event(**{**none, "event_id": "tag", "tags": ("z", "Team:X")}),
        event(**{**none, "event_id": "provider", "provider": "Azure"}),
        event(**{**none, "event_id": "tokens", "tokens_in": 100}),
        event(**{**none, "event_id": "department", "department": "Sales"}),
        event(**{**none, "event_id": "source", "model": "beta"}),
        event(**{**none, "event_id": "no"}),
    )
    given = {"tag": "a*", "provider": "b*", "tokens": "c*", "department": "d*", "source": "e*"}
    assert tasks(place) == {**given, "no": None}


def test_the_same_event_again_is_a_duplicate_whatever_the_rules_are_by_then(place: World) -> None:
    one = event(event_id="one", task=None)
    add(place, "mail", model=["*"])
    write(place, one)
    add(place, "coding", 1, model=["*"])
    assert place.ledger.write((one,), place.feed(), now=NOW).duplicate == 1
    assert tasks(place) == {"one": "mail*"}


def test_a_task_that_the_source_names_later_takes_the_place_of_a_rules(place: World) -> None:
    one = event(event_id="one", task=None)
    add(place, "mail", model=["*"])
    write(place, one, event(event_id="one", ts=one.ts, task="review"))
    assert tasks(place) == {"one": "review"}
    whole(place)


def test_a_source_that_names_what_a_rule_gave_makes_it_its_own(place: World) -> None:
    one = event(event_id="one", task=None)
    write(place, event(task="mail"))
    rule = add(place, "mail", model=["*"], project=["atlas"])
    write(place, one, replace(one, task="mail"))
    assert tasks(place)["one"] == "mail"
    with writing(place.engine) as connection:
        remove_rule(connection, place.workspace.id, rule.id)
    assert run(place) == (0, 0)


def test_a_rule_over_day_rows_survives_the_replacement_of_their_slice(place: World) -> None:
    add(place, "mail", model=["alpha"])
    day = to_micros(NOW) // DAY_US * DAY_US
    row = {"ts": day, "granularity": Granularity.DAY, "latency_ms": None, "ok": None, "task": None}
    for prompts in (3, 3, 4):
        events = [event(event_id="d", model="alpha", prompts=prompts, **row)]
        outcome = place.ledger.replace_slices(events, place.feed(), now=NOW)
    assert (outcome.replaced, tasks(place)) == (1, {"d": "mail*"})
    whole(place)


def test_what_is_remembered_of_names_has_an_end(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_match, "MAX_KNOWN", 2)
    add(place, "mail", tag=["t1"])
    write(place, *(event(event_id=f"e{n}", tags=(f"t{n}",), task=None) for n in (0, 1, 2, 3, 1)))
    assert {name for name, task in tasks(place).items() if task} == {"e1"}
    place.labels.reload()
    assert place.labels.matcher is not None
    for number in range(9):
        place.labels.matcher((1, 1, 1, 1, 1, None, (f"t{number}",)), 0, 0)
    assert len(place.labels.matcher._known) <= 2


# ---- the past


def test_reapplying_gives_and_takes_and_leaves_what_was_named(place: World) -> None:
    write(
        place,
        event(event_id="open", model="alpha", task=None),
        event(event_id="tagged", model="alpha", task="review"),
    )
    rule = add(place, "coding", model=["alpha"])
    assert run(place) == (1, 1)
    assert tasks(place) == {"open": "coding*", "tagged": "review"}
    assert run(place) == (1, 0)
    with writing(place.engine) as connection:
        remove_rule(connection, place.workspace.id, rule.id)
    assert run(place) == (1, 1)
    assert tasks(place) == {"open": None, "tagged": "review"}


def test_reapplying_agrees_with_what_new_events_get(place: World) -> None:
    events = [
        event(
            event_id=f"e{number}",
            model=("alpha", "beta")[number % 2],
            person=(ALICE, BOB, None)[number % 3],
            project=("Atlas", None)[number % 2],
            provider=("openai", None, "azure")[number % 3],
            tags=((), ("x",), ("y", "x"))[number % 3],
            tokens_in=number * 40,
            task=None,
        )
        for number in range(40)
    ]
    write(place, *events)
    add(place, "a", tag=["x"], tokens_in=["200..400"])
    add(place, "b", provider=["az*"], project=["atlas"])
    add(place, "c", person=["alice@*"], model=["alpha"])
    run(place)
    again = world(place.engine, "Europe/Paris")
    add(again, "a", tag=["x"], tokens_in=["200..400"])
    add(again, "b", provider=["az*"], project=["atlas"])
    add(again, "c", person=["alice@*"], model=["alpha"])
    write(again, *events)
    assert tasks(again) == tasks(place)
    assert {None, "a*", "b*", "c*"} == set(tasks(place).values())


def test_reapplying_stands_in_the_change_log_and_only_touches_its_days(place: World) -> None:
    now = to_micros(NOW)
    write(
        place,
        event(event_id="new", ts=now, task=None),
        event(event_id="old", ts=now - 20 * DAY_US, task=None),
    )
    add(place, "coding", model=["*"])
    today = place.workspace.clock().day(NOW)
    assert run(place, Days(today - 20, today)) == (1, 1)
    assert tasks(place) == {"new": None, "old": "coding*"}
    with reading(place.engine) as connection:
        log = connection.execute(sa.text("SELECT event_id, actor, reason FROM usage_change")).all()
    assert [tuple(row) for row in log] == [("old", "alice", "task rules")]


def test_what_was_named_in_the_meantime_is_left_alone(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, event(event_id="tagged", task="review"), event(event_id="open", task=None))
    add(place, "coding", project=["zeus"])
    keys = [place.key("tagged"), place.key("open")]
    monkeypatch.setattr(task_runs, "_differing", lambda *_: (2, keys))
    assert run(place)[1] == 0
    assert tasks(place) == {"tagged": "review", "open": None}


def test_reapplying_tells_how_far_it_is(place: World) -> None:
    now, told = to_micros(NOW), list[tuple[int, int]]()
    write(place, *(event(ts=now - days * DAY_US, task=None) for days in (0, 20)))
    done = reapply(
        place.engine,
        place.workspace,
        actor="alice",
        now=NOW,
        progress=lambda done, whole: told.append((done, whole)),
    )
    assert done.read == 2
    assert [whole for _, whole in told] == [told[-1][0]] * len(told)
    assert sorted(told) == told


def test_a_task_that_an_admin_set_is_no_rules_business(place: World) -> None:
    add(place, "mail", model=["*"])
    write(place, event(event_id="one", task=None))
    with writing(place.engine) as connection:
        review = task_named(connection, place.workspace.id, "review")
    place.correct("one", Values(task_id=review))
    assert run(place) == (0, 0)
    assert tasks(place) == {"one": "review"}


def test_an_import_can_be_undone_after_rules_were_applied_to_it(place: World) -> None:
    number = place.import_batch(1)
    place.write(event(event_id="one", task=None), batch_id=number)
    add(place, "coding", model=["*"])
    run(place)
    undone = place.undo(number)
    assert (undone.deleted, undone.kept) == (1, ())
    whole(place)


def test_evidence_is_old_after_tasks_have_changed(place: World) -> None:
    write(place, event(event_id="one", task=None))
    gather(place.engine, place.workspace, now=NOW)
    today = place.workspace.clock().day(NOW)
    add(place, "coding", model=["*"])
    for changed in (1, 0):
        assert run(place)[1] == changed
        with reading(place.engine) as connection:
            assert is_stale(connection, place.workspace.id, today)


# ---- trying


def test_a_dry_run_counts_what_would_be_and_changes_nothing(place: World) -> None:
    write(
        place,
        *(event(event_id=f"a{n}", model="alpha", task=None, tokens_in=100) for n in range(7)),
        *(event(event_id=f"b{n}", model="beta", task=None, tokens_in=100 + n) for n in range(3)),
        event(event_id="tagged", model="alpha", task="review"),
        event(event_id="old", ts=to_micros(NOW) - 20 * DAY_US, model="alpha", task=None),
    )
    rules = [
        add(place, "coding", model=["alpha"]),
        add(place, "mail", model=["gamma"]),
        add(place, "small", tokens_in=["..101"]),
    ]
    before, today = tasks(place), place.workspace.clock().day(NOW)
    with reading(place.engine) as connection:
        found = dry_run(connection, place.workspace.id, rules, Days(today, today + 1))
    assert (found.hits, found.idle) == ((7, 0, 2), (rules[1],))
    assert [len(rows) for rows in found.examples] == [5, 0, 2]
    review = place.labels.task_id("review")
    assert found.before == {0: 10, review: 1}
    assert found.after == {rules[0].task_id: 7, rules[2].task_id: 2, 0: 1, review: 1}
    assert (found.events, found.covered) == (11, 10)
    assert tasks(place) == before


def test_a_dry_run_takes_the_place_of_todays_rules(place: World) -> None:
    old = add(place, "coding", model=["alpha"])
    write(place, event(event_id="a", model="alpha", task=None, tags=("x",)))
    today = place.workspace.clock().day(NOW)
    with reading(place.engine) as connection:
        days = Days(today, today + 1)
        none = dry_run(connection, place.workspace.id, [], days)
        tagged = Rule(0, 1, 77, {"tag": ("x",)}, NOW)
        other = dry_run(connection, place.workspace.id, [tagged, old], days)
    assert (none.before, none.after) == ({old.task_id: 1}, {0: 1})
    assert (other.after, other.hits) == ({77: 1}, (1, 0))
    assert other.examples[0][0].event_id == "a"
