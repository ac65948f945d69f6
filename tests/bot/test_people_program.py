"""What an operator changes of people, roles, chats and single events, typed at a terminal."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.bot.program import Program

EVENTS = """\
{"id": "1", "at": "2026-03-15T10:02:11Z", "person": "sarah@company.com", "model": "gpt-4o"}
{"id": "2", "at": "2026-03-15T11:45:00Z", "person": "mike@company.com", "model": "o3-mini"}
"""


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """The program over a migrated database with two events."""
    program = Program(tmp_path, monkeypatch, capsys)
    (tmp_path / "usage.jsonl").write_text(EVENTS)
    for words in (["migrate"], ["import", "usage.jsonl"]):
        done = program(*words)
        assert done.returncode == 0, done.stderr
    return program


def credits_of(home: Program, line: str) -> dict[str, float]:
    done = home("ask", line, "--at", "2026-03-20T12:00Z", "--format", "json")
    assert done.returncode == 0, done.stderr
    [table] = [b for b in json.loads(done.stdout)["blocks"] if b["type"] == "table"]
    keys = [column["key"] for column in table["columns"]]
    return {row[0]: row[keys.index("credits")] for row in table["rows"]}


def rows(home: Program, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home.folder / "creditbot.db")) as connection:
        return connection.execute(question).fetchall()


def test_a_linked_identity_brings_its_usage_to_the_person(home: Program) -> None:
    assert home("people", "link", "sarah@company.com", "sarah-gh").returncode == 0
    assert home("people", "rename", "sarah-gh", "Sarah").returncode == 0
    assert home("people", "department", "Sarah", "Design").returncode == 0
    more = EVENTS.splitlines()[0].replace('"1"', '"3"').replace("sarah@company.com", "sarah-gh")
    (home.folder / "more.jsonl").write_text(more + "\n")
    assert home("import", "more.jsonl").returncode == 0
    assert credits_of(home, "by-user 2026-03") == {"Sarah": 4, "mike@company.com": 1}
    assert rows(
        home, "SELECT d.name FROM person p JOIN department d ON d.id = p.department_id"
    ) == [("Design",)]


def test_what_is_set_can_be_looked_at(home: Program) -> None:
    home("people", "department", "sarah@company.com", "Design")
    home("people", "link", "sarah@company.com", "sarah-gh")
    home("roles", "set", "slack:T1:U1", "lead")
    home("workspace", "bind", "slack:T1")
    home("import", "usage.jsonl")
    home("import", "--undo", "1")

    def told(*words: str) -> list[list[str]]:
        return [line.split() for line in home(*words).stdout.splitlines()]

    assert ["sarah@company.com", "Design", "sarah-gh,", "sarah@company.com"] in told(
        "people", "list"
    )
    assert ["slack:T1:U1", "lead"] in told("roles", "list")
    assert told("preferences", "list")[1][:2] == ["people_visibility", "everyone"]
    assert told("workspace", "list")[1][-1] == "slack:T1"
    newest, oldest = home("imports").stdout.splitlines()
    assert newest.startswith("   2  ")
    assert newest.endswith("  events  0 accepted, 2 duplicate, 0 rejected  usage.jsonl")
    assert oldest.endswith("  events  2 accepted, 0 duplicate, 0 rejected  undone  usage.jsonl")


def test_roles_and_the_wall_between_people_are_kept(home: Program) -> None:
    assert home("roles", "set", "slack:T1:U1", "admin").returncode == 0
    assert home("preferences", "set", "people_visibility", "leads").returncode == 0
    assert rows(home, "SELECT external_id, user_id, role FROM role") == [("T1", "U1", "admin")]
    assert rows(home, "SELECT name, value FROM preference") == [("people_visibility", "leads")]


def test_a_released_chat_may_be_bound_elsewhere(home: Program) -> None:
    assert home("workspace", "create", "other").returncode == 0
    for words in (["bind"], ["release"], ["bind", "--workspace", "other"]):
        done = home("workspace", words[0], "slack:T1", *words[1:])
        assert done.returncode == 0, done.stderr
    assert rows(home, "SELECT workspace_id FROM chat_link") == [(2,)]


def test_an_event_is_corrected_and_deleted_through_the_log(home: Program) -> None:
    done = home("usage", "correct", "events", "2", "model=gpt-4o", "person=sarah@company.com")
    assert done.returncode == 0, done.stderr
    assert credits_of(home, "by-user 2026-03") == {"sarah@company.com": 4}
    assert home("usage", "correct", "events", "2", "credits=0.5").returncode == 0
    assert home("usage", "delete", "events", "1", "--reason", "a test").returncode == 0
    assert credits_of(home, "by-user 2026-03") == {"sarah@company.com": 0.5}
    logged = rows(home, "SELECT event_id, rev, reason FROM usage_change ORDER BY 1, 2")
    assert logged == [
        ("1", 1, "a test"),
        ("2", 1, "corrected by hand"),
        ("2", 2, "corrected by hand"),
    ]
    assert home("verify").returncode == 0


def test_the_events_of_a_day_are_listed_with_their_ids(home: Program) -> None:
    listed = home("usage", "list", "events", "--day", "2026-03-15").stdout.splitlines()
    assert listed == [
        "1  10:02:11  sarah@company.com  GPT-4o  2 credits",
        "2  11:45:00  mike@company.com  o3 mini  1 credit",
    ]
    assert (
        "and more" in home("usage", "list", "events", "--day", "2026-03-15", "--limit", "1").stdout
    )
    assert "no usage" in home("usage", "list", "events", "--day", "2026-03-16").stdout


def test_every_change_stands_in_the_audit(home: Program) -> None:
    home("people", "rename", "sarah@company.com", "Sarah")
    home("usage", "delete", "events", "1")
    actions = rows(
        home, "SELECT action FROM audit WHERE action LIKE 'people%' OR action LIKE 'us%'"
    )
    assert actions == [("people.rename",), ("usage.delete",)]


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (["people", "link", "nobody", "x"], "nobody"),
        (["people", "link", "sarah@company.com", " "], "not an identity"),
        (["people", "department", "sarah@company.com", " "], "needs a name"),
        (["roles", "set", "slack:T1", "admin"], "slack:T1"),
        (["roles", "set", "slack:T1:U1", "king"], "king"),
        (["preferences", "set", "people_visibility", "bosses"], "bosses"),
        (["workspace", "release", "slack:T9"], "slack:T9"),
        (["workspace", "create", " "], '" " is no name'),
        (["workspace", "bind", "discord:abc"], "discord:abc"),
        (["workspace", "bind", "slack:C1"], "slack:C1"),
        (["models", "set", "GPT-4o", "0.0000001"], "0.0000001"),
        (["usage", "correct", "nowhere", "1", "model=gpt-4o"], "nowhere"),
        (["usage", "correct", "events", "1", "model"], "model"),
        (["usage", "correct", "events", "1", "colour=red"], "colour"),
        (["usage", "correct", "events", "1", "task=knitting"], "knitting"),
        (["usage", "correct", "events", "1", "credits=-1"], "-1"),
        (["usage", "correct", "events", "9", "credits=1"], "9"),
        (["usage", "delete", "events", "9"], "9"),
        (["usage", "list", "nowhere", "--day", "2026-03-15"], "nowhere"),
        (["usage", "list", "events", "--day", "march"], "march"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    home: Program, words: list[str], quoted: str
) -> None:
    before = rows(home, "SELECT count(*) FROM audit")
    done = home(*words)
    assert done.returncode == 2
    assert quoted in done.stderr
    assert "Traceback" not in done.stderr
    assert rows(home, "SELECT count(*) FROM audit") == before
