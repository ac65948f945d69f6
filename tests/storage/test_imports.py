"""Importing files: repeatable, whole slices only, and nothing lost without a word.

A test that matters: a file imported twice, late, or half must leave the same truth.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import imports
from storage.changes import reprice
from storage.engine import reading
from storage.errors import StorageError, UnusableFile
from storage.imports import ImportPlan, ImportStopped, import_file
from storage.ledger import Ledger
from storage.records import BLOCKED, EVENT
from storage.sources.base import SourceOptions
from storage.sources.ordinals import Ordinals
from storage.tally import FileResult, Shrunk
from storage.timekeys import date_of
from storage.undo import undo_batch
from storage.verify import verify
from tests.databases import home

FIXTURES = Path(__file__).parents[1] / "data" / "sources"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEAD = "date,username,product,sku,model,quantity,unit_type,gross_amount,organization"
PLAN = ImportPlan()
_examples = count()
FIRST, LATER = 1_790_000_000, 1_790_086_400


def _row(day: int, quantity: float, *, person: str = "alice", account: str = "acme") -> str:
    return (
        f"2026-09-{day:02},{person},copilot,copilot_ai_credit,GPT-5.2,{quantity},ai-credits,,"
        f"{account}"
    )


def _file(folder: Path, rows: Sequence[str], *, at: int = FIRST, head: str = HEAD) -> Path:
    path = folder / f"usage-{at}-{len(list(folder.iterdir()))}.csv"
    path.write_text("\n".join((head, *rows)) + "\n")
    os.utime(path, (at, at))
    return path


def _import(engine: sa.Engine, path: Path, plan: ImportPlan = PLAN) -> FileResult:
    return import_file(engine, path, plan, now=NOW)


def _undo(engine: sa.Engine, result: FileResult) -> None:
    undo_batch(engine, home(engine), result.batch_id or 0, actor="test", now=NOW)


def _ledger(engine: sa.Engine) -> list[tuple[object, ...]]:
    wanted = "SELECT source_id, event_id, day, prompts, credits FROM usage_event ORDER BY 1, 2"
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(wanted))]


def _credits_by_day(engine: sa.Engine) -> dict[int, Decimal]:
    wanted = "SELECT day, SUM(credits) FROM usage_event GROUP BY day"
    with reading(engine) as connection:
        found = connection.execute(sa.text(wanted)).all()
    return {day: Decimal(int(total)) / 10**6 for day, total in found}


def _credits(engine: sa.Engine) -> dict[int, Decimal]:
    """Credits by day of September."""
    return {date_of(day).day: total for day, total in _credits_by_day(engine).items()}


def _scalar(engine: sa.Engine, query: str) -> object:
    with reading(engine) as connection:
        return connection.execute(sa.text(query)).scalar()


def test_every_kind_of_file_imported_twice_changes_nothing(engine: sa.Engine) -> None:
    files = sorted(FIXTURES.iterdir())
    for path in files:
        first = _import(engine, path)
        assert first.rejected_count == 0, path.name
        assert first.read == first.accepted + first.left_out, path.name
    before = _ledger(engine)
    for path in files:
        again = _import(engine, path)
        assert again.read == again.duplicate + again.left_out, path.name
    assert _ledger(engine) == before


def test_30_31_a_known_key_is_a_duplicate_and_other_content_is_a_conflict(
    engine: sa.Engine, tmp_path: Path
) -> None:
    rows = ["a,1790000000,x,2", "a,1790000000,x,2", "a,1790000000,x,3", "b,1790000000,x,1"]
    result = _import(engine, _file(tmp_path, rows, head="id,at,model,credits"))
    assert (result.accepted, result.duplicate, result.conflicting) == (2, 1, 1)
    assert _scalar(engine, "SELECT SUM(credits) FROM usage_event") == 3_000_000
    assert _scalar(engine, "SELECT COUNT(*) FROM rejected_item WHERE kind = 'conflict'") == 1


def test_32_overlapping_exports_count_each_day_once(engine: sa.Engine, tmp_path: Path) -> None:
    _import(engine, _file(tmp_path, [_row(1, 5), _row(2, 7), _row(2, 1, person="bob")]))
    later = _file(tmp_path, [_row(2, 9), _row(3, 4)], at=LATER)
    result = _import(engine, later)
    assert (result.accepted, result.replaced, result.removed) == (1, 1, 1)
    assert _credits(engine) == {1: 5, 2: 9, 3: 4}


def test_33_an_older_export_leaves_the_days_of_a_newer_one(
    engine: sa.Engine, tmp_path: Path
) -> None:
    _import(engine, _file(tmp_path, [_row(2, 9), _row(3, 4)], at=LATER))
    result = _import(engine, _file(tmp_path, [_row(1, 5), _row(2, 7)]))
    assert (result.accepted, result.older, result.left_out) == (1, 1, 1)
    assert _import(engine, _file(tmp_path, [_row(3, 1)])).older == 1
    assert _credits(engine) == {1: 5, 2: 9, 3: 4}


def test_33_an_export_that_was_undone_does_not_stand_in_the_way(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    _undo(sqlite_engine, _import(sqlite_engine, _file(tmp_path, [_row(2, 9)], at=LATER)))
    _import(sqlite_engine, _file(tmp_path, [_row(2, 7)]))
    assert _credits(sqlite_engine) == {2: 7}


def test_33_undoing_a_newer_export_brings_back_the_word_of_the_older_one(
    engine: sa.Engine, tmp_path: Path
) -> None:
    _import(engine, _file(tmp_path, [_row(2, 10)]))
    newer = _import(engine, _file(tmp_path, [_row(2, 20)], at=LATER))
    _undo(engine, newer)
    assert _import(engine, _file(tmp_path, [_row(2, 3)], at=FIRST - 86_400)).older == 1
    assert _credits(engine) == {2: 10}


def test_33_an_older_export_that_waited_for_a_newer_one_is_left_out(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer, older = _file(tmp_path, [_row(2, 20)], at=LATER), _file(tmp_path, [_row(2, 3)])
    replace = Ledger.replace_slices

    def overtaken(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(Ledger, "replace_slices", replace)
        _import(engine, newer)
        return replace(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Ledger, "replace_slices", overtaken)
    assert _import(engine, older).older == 1
    assert _credits(engine) == {2: 20}


def test_a_day_that_shrinks_is_told_with_what_it_was(engine: sa.Engine, tmp_path: Path) -> None:
    people = ["alice", "bob"]
    first = [_row(day, 100, person=person) for day in (2, 3, 4) for person in people]
    _import(engine, _file(tmp_path, first))
    later = [_row(2, 1), _row(3, 99), _row(3, 99.5, person="bob"), _row(4, 200), _row(5, 1)]
    result = _import(engine, _file(tmp_path, later, at=LATER))
    assert result.shrunk == (Shrunk("copilot:acme", date(2026, 9, 2), 200_000_000, 1_000_000),)
    assert _import(engine, _file(tmp_path, later, at=LATER)).shrunk == ()


COMPLETE = ImportPlan(complete_range=True)


def test_days_without_rows_are_emptied_only_where_the_range_is_complete(
    engine: sa.Engine, tmp_path: Path
) -> None:
    days = [_row(day, 10, account=account) for day in (1, 2, 3) for account in ("acme", "other")]
    _import(engine, _file(tmp_path, [*days, _row(4, 10)]))
    later = _file(tmp_path, [_row(1, 10), _row(3, 10)], at=LATER)
    assert _import(engine, later).removed == 0
    result = _import(engine, later, COMPLETE)
    assert (result.removed, result.shrunk[0].after) == (1, 0)
    assert _credits(engine) == {1: 20, 2: 10, 3: 20, 4: 10}
    assert _import(engine, _file(tmp_path, [_row(2, 7)])).older == 1
    _undo(engine, result)
    assert _credits(engine) == {1: 20, 2: 20, 3: 20, 4: 10}


def test_a_complete_range_with_a_refused_row_empties_nothing_and_says_so(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    _import(sqlite_engine, _file(tmp_path, [_row(day, 10) for day in (1, 2, 3)]))
    holed = _file(tmp_path, [_row(1, 10), _row(2, -1), _row(3, 10)], at=LATER)
    result = _import(sqlite_engine, holed, COMPLETE)
    assert (result.kept_gaps, result.removed) == (True, 0)
    assert _credits(sqlite_engine) == {1: 10, 2: 10, 3: 10}


def test_single_events_cannot_say_that_a_day_had_no_usage(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, ["a,1790000000,x,2"], head="id,at,model,credits")
    with pytest.raises(UnusableFile, match="cannot say that a day had no usage"):
        _import(sqlite_engine, path, COMPLETE)


def test_rows_that_name_no_model_are_counted(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    rows = ["1790000000,,1", "1790000000,\u200b,1", "1790000000,x,1"]
    result = _import(sqlite_engine, _file(tmp_path, rows, head="at,model,credits"))
    assert (result.blank_models, result.blank_people) == (2, 3)


SUMS = "at,granularity,person,model,prompts"


def _prompts(engine: sa.Engine) -> object:
    return _scalar(engine, "SELECT SUM(prompts) FROM usage_event")


@pytest.mark.parametrize("bucket", ["2026-03-14,day", "2026-03-14T10:00:00Z,hour"])
def test_a_sum_without_an_id_replaces_what_an_earlier_export_said_of_its_bucket(
    engine: sa.Engine, tmp_path: Path, bucket: str
) -> None:
    rows = [f"{bucket},alice,gpt-4o,{n}" for n in (41, 2)]
    first = _file(tmp_path, rows, head=SUMS)
    assert _import(engine, first).accepted == 2
    assert _import(engine, first).duplicate == 2
    rows[0] = f"{bucket},alice,gpt-4o,50"
    assert _import(engine, _file(tmp_path, rows, head=SUMS, at=LATER)).replaced == 2
    assert _prompts(engine) == 52
    assert _import(engine, first).duplicate == 2
    assert _prompts(engine) == 52


def test_34_files_at_the_same_time_leave_one_of_them_never_a_mixture(
    engine: sa.Engine, tmp_path: Path
) -> None:
    paths = [
        _file(tmp_path, [_row(day, n, person=f"p{p}") for day in (1, 2) for p in range(9)])
        for n in (1, 10, 100)
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda path: _import(engine, path), paths))
    assert len(_ledger(engine)) == 18
    assert set(_credits(engine).values()) <= {Decimal(9 * n) for n in (1, 10, 100)}


def test_48_an_interrupted_import_leaves_whole_slices_and_says_so(
    sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    rows = [_row(day, 1, person=f"p{p}") for p in range(8) for day in range(1, 9)]
    replace, calls = Ledger.replace_slices, iter(range(9))

    def interrupted(*args: object, **kwargs: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return replace(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Ledger, "replace_slices", interrupted)
    with pytest.raises(ImportStopped, match="32 rows before that are stored as import 1"):
        _import(sqlite_engine, _file(tmp_path, rows))
    assert _credits(sqlite_engine) == dict.fromkeys(range(1, 5), 8)


def test_49_a_full_disk_keeps_whole_transactions_and_names_the_import(
    sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 100)
    rows = [f"{n},1790000000,x,1" for n in range(2000)]
    path = _file(tmp_path, rows, head="id,at,model,credits")

    transactions = count()

    def full(connection: sa.Connection) -> None:
        if next(transactions) > 8:
            connection.exec_driver_sql("PRAGMA max_page_count=1")  # no larger than it is now

    sa.event.listen(sqlite_engine, "begin", full)
    with pytest.raises(ImportStopped, match=r"full.*stored as import 1") as caught:
        _import(sqlite_engine, path)
    sa.event.remove(sqlite_engine, "begin", full)
    stored = len(_ledger(sqlite_engine))
    assert f"{stored:,} rows before" in str(caught.value)
    assert stored % 100 == 0


def test_an_import_that_stops_leaves_no_reader_to_the_collector(
    sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, close = [], Ordinals.close

    def closing(ordinals: Ordinals) -> None:
        closed.append(ordinals)
        close(ordinals)

    def full(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(Ordinals, "close", closing)
    monkeypatch.setattr(imports, "BATCH", 1)
    monkeypatch.setattr(Ledger, "write", full)
    path = _file(tmp_path, [f"{n},1790000000,x,1" for n in range(9)], head="id,at,model,credits")
    with pytest.raises(ImportStopped) as caught:
        _import(sqlite_engine, path)
    assert caught.value.__traceback__  # it holds the frames of the reader
    assert len(closed) == 1


def test_an_unusable_file_leaves_no_trace(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    for content in ("", "colour,size\nred,3\n", "<html>"):
        path = tmp_path / "usage.csv"
        path.write_text(content)
        with pytest.raises(UnusableFile):
            _import(sqlite_engine, path)
    assert _scalar(sqlite_engine, "SELECT COUNT(*) FROM import_batch") == 0


@pytest.mark.parametrize("name", ["missing.csv", ".", "x" * 300])
def test_a_path_that_is_no_file_is_told(
    sqlite_engine: sa.Engine, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UnusableFile, match=r"no file|a folder|cannot be read"):
        _import(sqlite_engine, tmp_path / name)


def test_a_header_alone_leaves_no_batch(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    result = _import(sqlite_engine, _file(tmp_path, []))
    assert (result.read, result.batch_id) == (0, None)


def test_an_import_interrupted_before_its_first_row_stored_nothing(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(ImportStopped, match="Nothing was stored"):
        import_file(sqlite_engine, _file(tmp_path, [_row(1, 5)]), PLAN, now=NOW, progress=interrupt)


def test_a_rejects_file_that_cannot_be_written_stops_the_import_first(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, [_row(1, 5), _row(2, -1)])
    path.with_name(f"{path.name}.rejected.csv").mkdir()
    with pytest.raises(UnusableFile, match="cannot be written"):
        _import(sqlite_engine, path, ImportPlan(rejects=True))
    assert _ledger(sqlite_engine) == []


def test_an_unknown_workspace_is_told_before_anything_is_read(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="no workspace"):
        _import(sqlite_engine, _file(tmp_path, [_row(1, 5)]), ImportPlan(workspace="nowhere"))


def test_the_batch_remembers_what_came_and_what_was_refused(
    engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, [_row(1, 5), _row(2, -1), _row(31, 1)])
    result = _import(engine, path)
    assert result.rejected == (
        (3, "quantity is below 0: negative usage"),
        (4, 'date "2026-09-31" does not exist'),
    )
    assert (result.batch_id, result.first) == (1, datetime(2026, 9, 1, tzinfo=UTC))
    wanted = "SELECT line FROM rejected_item WHERE kind = 'rejected' ORDER BY line"
    with reading(engine) as connection:
        assert connection.execute(sa.text(wanted)).scalars().all() == [3, 4]
    assert _scalar(engine, "SELECT finished_at IS NOT NULL FROM import_batch")


def test_refused_items_that_share_a_line_are_all_kept(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "usage.json"
    path.write_text('[{"at": 1790000000, "model": "a"}, {"at": 1}, {"at": 2}, 3]')
    assert _import(sqlite_engine, path).rejected_count == 3
    assert _scalar(sqlite_engine, "SELECT COUNT(*) FROM rejected_item") == 3


def test_refused_rows_can_be_mended_and_imported_again(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, [_row(1, 5), _row(2, -1), _row(3, 2) + ",more"])
    result = _import(sqlite_engine, path, ImportPlan(rejects=True))
    assert result.rejects_file is not None
    text = result.rejects_file.read_text()
    assert [line.split(",")[0] for line in text.splitlines()] == [
        "reason",
        "quantity is below 0: negative usage",
        '"expected 9 cells',
    ]
    result.rejects_file.write_text(text.replace("-1", "1").replace(",more", ""))
    assert _import(sqlite_engine, result.rejects_file).accepted == 2


def test_no_rejects_file_is_left_where_nothing_was_refused(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    path = _file(tmp_path, [_row(1, 5)])
    assert _import(sqlite_engine, path, ImportPlan(rejects=True)).rejects_file is None
    assert not list(tmp_path.glob("*.rejected.csv"))


def test_a_dry_run_counts_and_stores_nothing(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    path = _file(tmp_path, [_row(1, 5), _row(2, -1)])
    result = _import(sqlite_engine, path, ImportPlan(dry_run=True))
    assert (result.read, result.accepted, result.rejected_count) == (2, 1, 1)
    assert result.batch_id is None
    assert _scalar(sqlite_engine, "SELECT COUNT(*) FROM import_batch") == 0


def test_the_first_unit_becomes_the_credit_and_the_next_stays_unpriced(
    sqlite_engine: sa.Engine,
) -> None:
    first = _import(sqlite_engine, FIXTURES / "copilot_g1.csv")
    second = _import(sqlite_engine, FIXTURES / "copilot_g3.csv")
    assert (first.new_unit, first.unpriced) == ("premium_request", 0)
    assert (second.new_unit, second.unpriced, second.blank_people) == (None, 2, 0)
    assert first.blank_people == 1


def test_a_call_that_a_budget_blocked_costs_nothing_also_at_later_prices(
    sqlite_engine: sa.Engine,
) -> None:
    _import(sqlite_engine, FIXTURES / "litellm.json")
    reprice(
        sqlite_engine,
        home(sqlite_engine),
        first_day=20_000,
        last_day=21_000,
        actor="test",
        reason="new prices",
        now=NOW,
    )
    wanted = sa.select(EVENT.c.prompts, EVENT.c.ok_n, EVENT.c.credits)
    with reading(sqlite_engine) as connection:
        rows = connection.execute(wanted.where(EVENT.c.flags.op("&")(BLOCKED) != 0)).all()
    assert [tuple(row) for row in rows] == [(1, 0, 0)]


def test_progress_reaches_the_end_of_the_file(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    path = _file(tmp_path, [_row(1, 5)])
    seen: list[int] = []
    import_file(sqlite_engine, path, PLAN, now=NOW, progress=seen.append)
    assert seen[-1] == path.stat().st_size


@settings(max_examples=12)
@given(
    order=st.permutations([(d, p, o) for d in (1, 2) for p in "ab" for o in ("x", "y")]),
    size=st.integers(1, 9),
)
def test_any_order_of_rows_and_any_batch_give_the_same_ledger(
    order: list[tuple[int, str, str]], size: int, sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    rows = [_row(day, day + 0.5, person=person, account=account) for day, person, account in order]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "BATCH", size)
        result = _import(sqlite_engine, _file(tmp_path, rows))
    assert result.accepted + result.duplicate == 8
    assert _credits(sqlite_engine) == {1: 6, 2: 10}
    assert list(verify(sqlite_engine, home(sqlite_engine))) == []


@settings(max_examples=12)
@given(calls=st.lists(st.sampled_from("abcd"), min_size=1, max_size=8), size=st.integers(1, 9))
def test_calls_without_ids_are_kept_apart_and_known_again(
    calls: list[str], size: int, sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    second = 1_790_000_000 + next(_examples)
    path = _file(tmp_path, [f"{second},{name},1" for name in calls], head="at,model,credits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "BATCH", size)
        assert _import(sqlite_engine, path).accepted == len(calls)
        assert _import(sqlite_engine, path).duplicate == len(calls)


def test_a_local_time_needs_a_zone_that_is_named(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    path = _file(tmp_path, ["2026-03-15 10:00:00,x"], head="at,model")
    assert _import(sqlite_engine, path).rejected_count == 1
    plan = ImportPlan(options=SourceOptions(zone="Europe/Berlin"))
    assert _import(sqlite_engine, path, plan).first == datetime(2026, 3, 15, 9, tzinfo=UTC)
