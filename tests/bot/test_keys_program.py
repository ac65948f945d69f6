"""`creditbot keys`: a key is shown once, listed without its secret, and revoked."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.bot.program import Program


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    program = Program(tmp_path, monkeypatch, capsys)
    assert program("migrate").returncode == 0
    return program


def audit(home: Program) -> list[str]:
    with closing(sqlite3.connect(home.folder / "creditbot.db")) as connection:
        rows = connection.execute("SELECT action, object FROM audit ORDER BY seq").fetchall()
    return [" ".join(row) for row in rows]


def test_a_key_is_shown_when_it_is_made_and_never_again(home: Program) -> None:
    done = home("keys", "create", "gateway", "--scope", "export")
    secret, told, _ = done.stdout.splitlines()
    key = secret.split("_")[1]
    assert (done.returncode, told) == (
        0,
        f"Key {key} of gateway opens export of workspace default.",
    )
    listed = home("keys", "list").stdout
    assert f"{key}  gateway  export" in listed
    assert secret not in listed
    assert audit(home) == [f"keys.create {key} gateway export"]


def test_a_revoked_key_is_listed_as_such_and_revoked_once(home: Program) -> None:
    key = home("keys", "create", "gateway").stdout.split("_")[1]
    assert home("keys", "revoke", key).stdout == f"Key {key} of gateway is revoked.\n"
    again = home("keys", "revoke", key)
    assert (again.returncode, again.stdout) == (2, "")
    assert "no live key" in again.stderr
    assert audit(home)[1:] == [f"keys.revoke {key} gateway"]
    assert re.search(r"–\s+20\d\d-\d\d-\d\d", home("keys", "list").stdout)


def test_a_whole_key_is_not_repeated_in_a_mistake(home: Program) -> None:
    secret = home("keys", "create", "gateway").stdout.split()[0]
    assert secret not in home("keys", "revoke", secret).stderr


def test_a_workspace_without_keys_says_so_and_a_blank_name_is_none(home: Program) -> None:
    assert home("keys", "list").stdout == "There is no key yet.\n"
    done = home("keys", "create", " ")
    assert (done.returncode, "is no name" in done.stderr) == (2, True)
