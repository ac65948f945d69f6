"""Importing at the terminal: what is printed, and which exit code a script sees."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console

from bot import importing
from bot.importing import run_import, run_undo, summary
from storage import tally
from storage.engine import open_engine, reading
from storage.evidence import read_evidence
from storage.imports import ImportPlan, import_file
from storage.tally import Shrunk
from storage.undo import NothingToUndo
from tests.databases import home

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
HEAD = "id,at,person,model,credits\n"
GOOD = "a,2026-03-15T10:02:11Z,alice@example.com,gpt-4o,2\n"


def _file(folder: Path, content: str, name: str = "usage.csv") -> Path:
    path = folder / name
    path.write_text(content)
    return path


def _run(
    engine: sa.Engine, *files: Path, json_output: bool = False, dry_run: bool = False
) -> tuple[int, str]:
    out = StringIO()
    code = run_import(
        engine,
        files,
        ImportPlan(dry_run=dry_run),
        json_output=json_output,
        now=NOW,
        console=Console(file=out, width=40),
    )
    return code, out.getvalue()


def test_a_good_file_exits_0_and_says_how_to_undo_it(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    code, text = _run(sqlite_engine, _file(tmp_path, HEAD + GOOD))
    assert code == 0
    assert "1 row read: 1 accepted, 0 duplicate, 0 conflicting, 0 rejected" in text
    assert "counts in credit" in text
    assert "undo with: creditbot import --undo 1" in text


def test_refused_rows_exit_1_and_name_the_first_twenty(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    bad = "".join(f"b{n},yesterday,bob,gpt-4o,1\n" for n in range(25))
    code, text = _run(sqlite_engine, _file(tmp_path, HEAD + GOOD + bad))
    assert code == 1
    assert '    line 3: at "yesterday" is not a time like 2026-03-15T10:02:11Z\n' in text
    assert text.count("is not a time") == 20
    assert "… and 5 more" in text


def test_an_unusable_file_exits_2_with_a_sentence_and_the_others_go_in(
    sqlite_engine: sa.Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = _file(tmp_path, "<html>", "page.csv"), _file(tmp_path, HEAD + GOOD)
    code, text = _run(sqlite_engine, bad, good)
    assert code == 2
    assert "1 accepted" in text
    assert "page.csv: This is not a CSV or JSON file" in capsys.readouterr().err


def test_a_database_that_is_not_there_exits_2_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/no/such/folder/creditbot.db")
    code, text = _run(engine, _file(tmp_path, HEAD + GOOD), _file(tmp_path, HEAD + GOOD, "b.csv"))
    assert (code, text) == (2, "")
    assert capsys.readouterr().err.count("unable to open database file") == 1


def test_json_is_one_object_of_the_documented_shape(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, HEAD + GOOD + GOOD + "b,2026-03-15T10:02:11Z,bob,gpt-4o,-1\n")
    code, text = _run(sqlite_engine, path, json_output=True)
    assert code == 1
    assert json.loads(text) == {
        "files": [
            {
                "file": str(path),
                "source": "events",
                "read": 3,
                "accepted": 1,
                "duplicate": 1,
                "conflicting": 0,
                "conflicts": [],
                "replaced": 0,
                "adjusted": 0,
                "rejected_total": 1,
                "rejected": [{"line": 4, "reason": "credits is below 0: negative usage"}],
            }
        ]
    }


def test_json_names_every_file_that_cannot_be_used(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    bad, good = _file(tmp_path, "", "empty.csv"), _file(tmp_path, HEAD + GOOD)
    code, text = _run(sqlite_engine, bad, good, json_output=True)
    first, second = json.loads(text)["files"]
    assert (code, second["accepted"]) == (2, 1)
    assert first == {"file": str(bad), "error": "The file is empty: empty input."}


def test_json_counts_refused_rows_that_it_does_not_name(
    sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "TOLD", 3)
    path = _file(tmp_path, HEAD + "b,yesterday,bob,gpt-4o,1\n" * 5)
    (told,) = json.loads(_run(sqlite_engine, path, json_output=True)[1])["files"]
    assert (len(told["rejected"]), told["rejected_total"]) == (3, 5)


def test_a_conflict_names_the_event_and_what_differs(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    other = GOOD.replace("gpt-4o", "o3-mini").replace(",2\n", ",3\n")
    path = _file(tmp_path, HEAD + GOOD + other * 22)
    code, text = _run(sqlite_engine, path)
    assert code == 0
    assert text.count("    event a differs in model, credits\n") == 20
    assert "  conflicting, the first stays:\n" in text
    assert "… and 2 more" in text
    (told,) = json.loads(_run(sqlite_engine, path, json_output=True)[1])["files"]
    assert told["conflicts"][0] == {"event_id": "a", "fields": ["model", "credits"]}


def test_a_dry_run_says_that_nothing_is_stored(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    path = _file(tmp_path, HEAD + GOOD)
    code, text = _run(sqlite_engine, path, dry_run=True)
    assert code == 0
    assert text.startswith(f"{path}: tried as events; nothing is stored\n")
    assert "known already count as accepted" in text
    assert "undo" not in text
    assert "1 accepted" in _run(sqlite_engine, path)[1]


def test_advice_knows_of_an_import_at_once_and_of_a_dry_run_never(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    file = _file(tmp_path, HEAD.strip() + ",task\n" + GOOD.strip() + ",coding\n")
    for dry_run, cells in ((True, 0), (False, 1)):
        _run(sqlite_engine, file, dry_run=dry_run)
        with reading(sqlite_engine) as connection:
            assert len(read_evidence(connection, home(sqlite_engine).id)) == cells


def test_a_reason_cannot_move_the_cursor(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    text = _run(sqlite_engine, _file(tmp_path, HEAD + "a,\u202e\u009b2J,bob,gpt-4o,1\n"))[1]
    assert "\u202e" not in text
    assert "\u009b" not in text


def test_an_import_is_undone_once(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    path = _file(tmp_path, HEAD + GOOD)
    _run(sqlite_engine, path)
    out = Console(file=StringIO())
    undo = partial(
        run_undo,
        sqlite_engine,
        workspace=None,
        batch_id=1,
        actor="terminal",
        now=NOW,
        console=out,
    )
    undo()
    with pytest.raises(NothingToUndo, match="no import 1 that could be undone"):
        undo()
    assert "1 accepted" in _run(sqlite_engine, path)[1]


def test_an_import_that_changed_nothing_offers_no_undo(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, HEAD + GOOD)
    assert "--undo 1" in _run(sqlite_engine, path)[1]
    assert "undo" not in _run(sqlite_engine, path)[1]


def test_an_undo_names_the_later_imports_that_left_the_same_rows_out(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    for name in ("a.csv", "b.csv"):
        _run(sqlite_engine, _file(tmp_path, HEAD + GOOD, name))
    other = GOOD.replace("a,", "z,").replace("-15T", "-16T")
    _run(sqlite_engine, _file(tmp_path, HEAD + other * 2, "c.csv"))
    out = Console(file=StringIO(), width=200)
    run_undo(sqlite_engine, workspace=None, batch_id=1, actor="me", now=NOW, console=out)
    assert isinstance(out.file, StringIO)
    [_, told] = out.file.getvalue().splitlines()
    assert told.startswith("Import 2 left out 1 row as known already; what is deleted")
    assert told.endswith("b.csv")


def test_every_remark_is_a_line_of_the_summary(tmp_path: Path) -> None:
    result = import_file(
        open_engine("sqlite://"),
        _file(tmp_path, HEAD),
        ImportPlan(dry_run=True),
        now=NOW,
    )
    assert "no rows" in "\n".join(summary(result))
    told = replace(
        result, read=9, unpriced=1_234, blank_people=2, removed=3, older=4, adjusted=4, merged=5
    )
    day = Shrunk("copilot:acme", date(2026, 3, 2), 200_000_000, 1_000_000)
    told = replace(told, blank_models=6, kept_gaps=True, shrunk=(day,) * 21)
    text = "\n".join(summary(replace(told, rejects_file=tmp_path / "usage.csv.rejected.csv")))
    for words in (
        "1,234 rows are unpriced",
        "2 rows name no person",
        "6 rows name no model",
        "3 earlier rows are gone from these days",
        "copilot:acme on 2026-03-02 went from 200 to 1 credit",
        "… and 1 more day with fewer credits",
        "no day was emptied",
        "5 completed",
    ):
        assert words in text
    assert "4 rows were left out: a later export" in text
    assert "usage.csv.rejected.csv" in text


def test_one_row_is_told_in_the_singular(tmp_path: Path) -> None:
    plan = ImportPlan(dry_run=True)
    result = import_file(open_engine("sqlite://"), _file(tmp_path, HEAD + GOOD), plan, now=NOW)
    one = replace(result, unpriced=1, blank_people=1, blank_models=1, removed=1, older=1)
    text = "\n".join(summary(one))
    for words in (
        "1 row read",
        "1 row is unpriced",
        "1 row names no person",
        "1 row names no model",
        "1 earlier row is gone",
        "1 row was left out",
    ):
        assert words in text


def test_a_big_file_shows_a_bar_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BIG_BYTES", 1)
    path, out = _file(tmp_path, HEAD + GOOD), StringIO()
    with importing._progress(path, Console(file=StringIO())) as progress:
        assert progress is None
    with importing._progress(path, Console(file=out, force_terminal=True)) as progress:
        assert progress is not None
        progress(10)
    assert "usage.csv" in out.getvalue()


def test_undoing_tells_what_was_restored(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    head = "date,username,product,sku,model,quantity,unit_type,organization\n"
    row = "2026-03-01,alice,copilot,copilot_ai_credit,GPT-5.2,{},ai-credits,acme\n"
    for quantity in (5, 7):
        _run(sqlite_engine, _file(tmp_path, head + row.format(quantity)))
    out = StringIO()
    console = Console(file=out, width=200)
    run_undo(sqlite_engine, workspace=None, batch_id=1, actor="me", now=NOW, console=console)
    run_undo(sqlite_engine, workspace=None, batch_id=2, actor="me", now=NOW, console=console)
    assert out.getvalue().splitlines() == [
        "Import 1 is undone. Deleted: 0, restored: 0, changed by others since and kept: 1.",
        "Import 2 is undone. Deleted: 1, restored: 0, changed by others since and kept: 0.",
    ]
