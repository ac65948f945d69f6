"""The program at a terminal: what people type, what they read, how it exits."""

from __future__ import annotations

import json
import shutil
import sqlite3
from importlib import metadata
from pathlib import Path

import pytest

from storage.engine import PRAGMAS
from tests.bot.program import Program, creditbot

EVENTS = """\
{"id": "1", "at": "2026-03-15T10:02:11Z", "person": "sarah@company.com", "model": "gpt-4o"}
{"id": "2", "at": "2026-03-15T11:45:00+01:00", "person": "mike@company.com", "model": "o3-mini"}
"""
BAD_EVENTS = EVENTS + '{"id": "3", "at": "yesterday", "model": "gpt-4o"}\n{"id": "4", "at'


@pytest.fixture
def program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """The program in a folder without a database."""
    return Program(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `creditbot migrate` makes."""
    folder = tmp_path_factory.mktemp("migrated")
    done = creditbot(folder, "migrate")
    assert done.returncode == 0, done.stderr
    return folder / "creditbot.db"


@pytest.fixture
def home(ours: Path, program: Program) -> Program:
    """The program over a migrated database."""
    shutil.copy(ours, program.folder)
    return program


@pytest.mark.parametrize("events", ["-5", "0", "many"])
def test_a_demo_of_no_prompts_is_a_mistake_that_is_named(program: Program, events: str) -> None:
    done = program("demo", "--events", events)
    assert done.returncode == 2
    assert "'--events'" in done.stderr
    assert not list(program.folder.glob("demo/*"))


def test_usage_goes_in_and_answers_come_out(home: Program) -> None:
    (home.folder / "usage.jsonl").write_text(EVENTS)
    done = home("import", "usage.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    [file] = json.loads(done.stdout)["files"]
    assert (file["read"], file["accepted"], file["rejected"]) == (2, 2, [])

    line = ["ask", "by-user 2026-03", "--at", "2026-03-20T12:00Z", "--format", "json"]
    answer = json.loads(home(*line).stdout)
    [table] = [block for block in answer["blocks"] if block["type"] == "table"]
    keys = [column["key"] for column in table["columns"]]
    rows = [dict(zip(keys, row, strict=True)) for row in table["rows"]]
    assert {(row["person"], row["credits"]) for row in rows} == {
        ("sarah@company.com", 2),
        ("mike@company.com", 1),
    }
    assert home("verify").returncode == 0
    assert home("import", "--undo", "1").returncode == 0
    assert "No usage" in home("ask", "by-user 2026-03").stdout


def test_a_line_needs_no_quotes(home: Program) -> None:
    at = ["--at", "2026-03-20T12:00Z", "--format", "json"]
    quoted, bare = home("ask", "by-user last 30d", *at), home("ask", "by-user", "last", "30d", *at)
    assert bare.returncode == 0, bare.stderr
    assert bare.stdout == quoted.stdout


def test_a_mistake_is_json_where_json_was_wanted(home: Program) -> None:
    done = home("ask", "by-usr", "--format", "json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert list(told) == ["error", "hint"]
    assert "by-usr" in told["error"]
    assert told["error"] in done.stderr


def test_bad_rows_are_named_and_good_ones_stay(home: Program) -> None:
    (home.folder / "usage.jsonl").write_text(BAD_EVENTS)
    done = home("import", "usage.jsonl")
    assert done.returncode == 1
    assert "2 accepted" in done.stdout
    assert "line 3" in done.stdout
    assert "yesterday" in done.stdout
    assert "line 4" in done.stdout


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (["ask", "by-usr"], "by-usr"),
        (["ask", "by-user lst week"], "lst week"),
        (["ask", "by-user", "--at", "noon"], "noon"),
        (["ask", "by-user", "--as", "nobody@company.com"], "nobody@company.com"),
        (["ask", "by-user", "--workspace", "nowhere"], "nowhere"),
        (["ask", "help", "--format", "png"], "no chart"),
        (["ask", "me", "--format", "csv"], "no table"),
        (["ask", "by-user", "--format", "docx"], "docx"),
        (["import", "missing.csv"], "missing.csv"),
        (["import", "--undo", "99"], "99"),
        (["import", "--undo", "9" * 20], "9" * 20),
        (["workspace", "bind", "teams:1"], "teams:1"),
        (["workspace", "create", "x", "--tz", "Europa/Berlin"], "Europa/Berlin"),
        (["models", "set", "GPT-4o", "lots"], "lots"),
        (["models", "set", "GPT-4o", "-1"], "'-1' is not a number"),
        (["models", "set", "GPT-4o", "3", "--from", "garbage"], "'garbage' is not a time"),
        (["models", "set", "no such model", "2x"], "no such model"),
        (["sources", "factor", "nowhere", "0.1"], "nowhere"),
        (["verify", "--from", "march"], "march"),
        (["verify", "--from", "2026-03-02", "--to", "2026-03-01"], "2026-03-02 is later than"),
        (["rebuild", "--from", "2026-03-02", "--to", "2026-03-01"], "2026-03-02 is later than"),
        (["models", "reprice", "--from", "2026-03-02", "--to", "2026-03-01"], "is later than"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(home: Program, words: list[str], quoted: str) -> None:
    done = home(*words)
    assert done.returncode == 2
    assert quoted in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "not a database URL"),
        ("sqlite:////nowhere/at/all/x.db", "cannot be used"),
        ("sqlite:///notes.txt", "cannot be used"),
        ("sqlite:///empty.db", "creditbot migrate"),
        ("postgresql://nobody@127.0.0.1:1/x", "does not answer"),
    ],
)
def test_a_database_that_cannot_be_used_is_explained(
    program: Program, url: str, words: str
) -> None:
    (program.folder / "notes.txt").write_text(
        "a shopping list, long enough to be no database\n" * 40
    )
    done = program("ask", "by-user", CREDITBOT_DATABASE_URL=url)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_locked_database_is_busy_and_nothing_is_half_written(
    home: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine.PRAGMAS", (*PRAGMAS, "busy_timeout=50"))
    (home.folder / "usage.jsonl").write_text(EVENTS)
    holder = sqlite3.connect(home.folder / "creditbot.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    done = home("import", "usage.jsonl")
    holder.execute("ROLLBACK")
    holder.close()
    assert done.returncode in (2, 3)
    assert "busy" in done.stderr
    assert "No usage" in home("ask", "by-user 2026-03").stdout


def test_doctor_names_the_setting_that_is_wrong(home: Program) -> None:
    good = home("doctor")
    assert good.returncode == 0
    bad = home("doctor", CREDITBOT_SLACK_BOT_TOKEN="nonsense")  # noqa: S106  # no token
    assert bad.returncode == 1
    assert "CREDITBOT_SLACK_BOT_TOKEN" in bad.stdout
    assert "CREDITBOT_SLACK_APP_TOKEN" in bad.stdout
    assert "nonsense" not in bad.stdout


def test_a_price_changes_from_a_day_on_and_reprice_changes_the_past(home: Program) -> None:
    (home.folder / "usage.jsonl").write_text(EVENTS)
    home("import", "usage.jsonl")
    assert home("models", "set", "GPT-4o", "5x", "--from", "2026-03-01").returncode == 0
    ask = ["ask", "by-model 2026-03 model=gpt-4o", "--format", "csv"]
    assert ",2," in home(*ask).stdout
    done = home("models", "reprice")
    assert "1 usage event has new credits" in done.stdout
    assert ",5," in home(*ask).stdout
    assert home("verify").returncode == 0


def test_a_file_is_written_as_a_line_or_a_format_asks(home: Program) -> None:
    (home.folder / "usage.jsonl").write_text(EVENTS)
    home("import", "usage.jsonl")
    printed = home("ask", "export csv by-model 2026-03")
    assert "family,model" in printed.stdout
    done = home("ask", "by-model 2026-03", "--format", "pdf", "--output", "answer.pdf")
    assert done.returncode == 0
    assert (home.folder / "answer.pdf").read_bytes().startswith(b"%PDF")


def test_the_version_is_told(program: Program) -> None:
    done = program("--version")
    assert (done.returncode, done.stdout) == (0, f"creditbot {metadata.version('creditbot')}\n")


@pytest.mark.parametrize(
    "group",
    ["", "workspace", "models", "sources", "people", "roles", "preferences", "usage", "keys"],
)
def test_no_summary_in_a_help_text_is_cut(program: Program, group: str) -> None:
    lines = (
        program(*group.split(), "--help", COLUMNS="80")
        .stdout.partition("Commands:")[2]
        .splitlines()
    )
    assert [line for line in lines if line.endswith("...")] == []


def test_help_loads_no_drawing_library(tmp_path: Path) -> None:
    done = creditbot(tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "matplotlib" not in done.stderr
    assert "pandas" not in done.stderr
