"""Malformed and hostile files, by the numbers of the table in docs: nothing is lost silently.

A test that matters: an import that drops rows without a word costs trust in every total.
"""

from __future__ import annotations

import codecs

import pytest

from storage.errors import UnusableFile
from storage.sources.base import SourceOptions
from tests.storage.sources.texts import GOOD, csv_of, events, notes, read, rejected

GITHUB = "date,username,product,sku,model,quantity,unit_type,gross_amount,organization"
ROW = "2026-09-01,alice,copilot,copilot_ai_credit,GPT-5.2,5,ai-credits,0.05,acme"


@pytest.mark.parametrize(
    ("number", "content", "words"),
    [
        (1, "", "empty"),
        (1, " \r\n\n ", "empty"),
        (3, "at,person,credits\n", '"model"'),
        (4, "at,model,person,Person\n", "twice"),
        (4, "at,model,user,email\n", "both mean person"),
        (5, "colour,size\nred,3\n", "Known formats: copilot, events, litellm"),
        (5, "colour,size\nred,3\n", "events needs at and model"),
        (5, "[]", "holds an empty list"),
        (5, "date,username,sku,quantity,unit_type\n", "Export the AI usage report instead"),
        (6, "at;person;model\n", '--delimiter ";"'),
        (6, "at\tperson\tmodel\n", '--delimiter "tab"'),
        (7, "<!DOCTYPE html><html>", '"<!DOCTYPE html><html"'),
        (7, b"%PDF-1.7\n\xff\x00", "a PDF"),
        (7, b"PK\x03\x04\xff\x00", "a ZIP"),
        (7, b"\x1f\x8b\x08\x00", "a gzip"),
        (10, b"at,model,pers\xe9on\n", "UTF-8"),
        (11, b"at,model\x00\n", "not a text file"),
        (13, 'at,"model\n', "never closes"),
        (35, "[1, 2]", "No JSON object"),
        (35, '{"at": ', "No JSON object"),
    ],
)
def test_an_unusable_file_is_refused_whole(number: int, content: str | bytes, words: str) -> None:
    with pytest.raises(UnusableFile) as caught:
        read(content)
    assert words in str(caught.value), number


@pytest.mark.parametrize(
    ("number", "row", "words"),
    [
        (11, "2026-03-15T10:02:11Z,al\x00ice,gpt-4o,2", "control character"),
        (11, "2026-03-15T10:02:11Z,al\x1bice,gpt-4o,2", "control character"),
        (12, "2026-03-15T10:02:11Z,alice,gpt-4o", "expected 4 cells, found 3"),
        (12, "2026-03-15T10:02:11Z,alice,gpt-4o,2,3", "expected 4 cells, found 5"),
        (12, '2026-03-15T10:02:11Z,a"li"ce,"gpt"-4o,2', "quote stands in the wrong place"),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,abc", 'credits "abc" is not a number'),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,NaN", "not a number"),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,Infinity", "not a number"),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,1e400", "absurdly large"),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,1e308", "absurdly large"),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,1_000", "not a number"),
        (16, "2026-03-15T10:02:11Z,alice,gpt-4o,٣", "not a number"),
        (18, '2026-03-15T10:02:11Z,alice,gpt-4o,"2,5"', "--decimal ,"),
        (18, '2026-03-15T10:02:11Z,alice,gpt-4o,"1,234.5"', "not a number"),
        (18, "2026-03-15T10:02:11Z,alice,gpt-4o,$2", "not a number"),
        (19, "2026-03-15T10:02:11Z,alice,gpt-4o,-1", "negative usage"),
        (20, "2026-03-15T10:02:11Z,alice,gpt-4o,1000000000001", "absurdly large"),
        (21, "2026-02-30T10:02:11Z,alice,gpt-4o,2", "does not exist"),
        (21, "0000-00-00T00:00:00Z,alice,gpt-4o,2", "does not exist"),
        (21, "31/9/26,alice,gpt-4o,2", "is not a time"),
        (22, "2026-03-15T10:02:11,alice,gpt-4o,2", "--tz"),
        (22, "2026-03-15,alice,gpt-4o,2", 'granularity "day"'),
        (25, "9999-12-31T23:59:59Z,alice,gpt-4o,2", "in the future"),
        (25, "1999-12-31T23:59:59Z,alice,gpt-4o,2", "before 2015"),
        (25, "12,alice,gpt-4o,2", "before 2015"),
    ],
)
def test_a_bad_row_is_refused_alone_with_its_line(number: int, row: str, words: str) -> None:
    items = read(csv_of(GOOD, row, GOOD))
    assert len(events(items)) == 2, number
    ((line, reason),) = rejected(items)
    assert line == 3
    assert words in reason


def test_2_a_header_alone_is_no_row() -> None:
    assert read(csv_of()) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_8_byte_order_mark_line_ends_and_blank_lines_keep_physical_lines(end: str) -> None:
    text = end.join(("", "at,model,credits", "", "2026-03-15T10:02:11Z,gpt-4o,2", "x,gpt-4o,2", ""))
    items = read(codecs.BOM_UTF8 + text.encode())
    assert [event.credits for event in events(items)] == [2_000_000]
    assert [line for line, _ in rejected(items)] == [5]


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "utf-8-sig"])
def test_9_an_encoding_with_a_mark_is_read(codec: str) -> None:
    assert events(read(csv_of(GOOD.replace("alice", "zoë")).encode(codec)))[0].person == (
        "zoë@example.com"
    )


def test_10_a_foreign_byte_refuses_its_line_and_names_the_way_out() -> None:
    content = csv_of(GOOD.replace("alice", "zoë"), GOOD).encode("cp1252")
    items = read(content)
    assert len(events(items)) == 1
    assert rejected(items)[0][0] == 2
    assert "--encoding" in rejected(items)[0][1]
    assert len(events(read(content, SourceOptions(encoding="cp1252")))) == 2


def test_10_an_encoding_that_is_none_is_told() -> None:
    for name in ("klingon", "hex", ""):
        options = SourceOptions(encoding=name or "\x00")
        with pytest.raises(UnusableFile, match="is not an encoding"):
            read(csv_of(GOOD), options)


def test_13_a_quote_that_never_closes_says_how_many_lines_it_swallowed() -> None:
    items = read(csv_of(GOOD, '2026-03-15T10:02:11Z,"alice,gpt-4o,2', GOOD, GOOD))
    assert len(events(items)) == 1
    assert rejected(items) == [
        (3, "a quote never closes: 2 more lines up to the end were swallowed")
    ]


def test_13_a_quote_that_closes_in_a_later_line_is_one_row() -> None:
    items = read(csv_of('2026-03-15T10:02:11Z,"Alice\nSmith",gpt-4o,2', "x,y,z,1"))
    assert events(items)[0].person == "Alice Smith"
    assert rejected(items)[0][0] == 4


@pytest.mark.parametrize("tail", ["2026-03-15T10:0", '2026-03-15T10:02:11Z,"ali'])
def test_14_a_last_line_that_was_cut_off_is_refused_and_named(tail: str) -> None:
    items = read(csv_of(GOOD) + tail)
    assert len(events(items)) == 1
    assert rejected(items)[0][0] == 3
    assert "cut off" in rejected(items)[0][1]


def test_15_a_header_in_the_middle_is_skipped_with_a_note() -> None:
    items = read(csv_of(GOOD, "At,PERSON,model,credits", GOOD))
    assert len(events(items)) == 2
    assert notes(items) == [(3, "the header again: skipped")]


def test_17_a_blank_quantity_is_never_0() -> None:
    items = read("\n".join((GITHUB, ROW.replace(",5,", ",,"))))
    assert rejected(items) == [(2, "quantity is blank")]


def test_18_a_decimal_comma_is_read_when_it_is_named() -> None:
    options = SourceOptions(decimal=",", delimiter=";")
    text = csv_of(GOOD.replace(",", ";") + ",5", header="at;person;model;credits")
    assert events(read(text, options))[0].credits == 2_500_000
    assert "not a number" in rejected(read(text.replace("2,5", "2.5"), options))[0][1]


@pytest.mark.parametrize(
    ("number", "local", "outcome"),
    [
        (22, "2026-03-15T10:00:00", "2026-03-15T09:00:00Z"),
        (23, "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
        (23, "2026-03-29T02:30:00", None),
    ],
)
def test_a_local_time_is_read_in_the_named_zone(
    number: int, local: str, outcome: str | None
) -> None:
    items = read(csv_of(f"{local},alice,gpt-4o,2"), SourceOptions(zone="Europe/Berlin"))
    if outcome is None:
        assert "does not exist in Europe/Berlin" in rejected(items)[0][1], number
        return
    assert events(items)[0].ts == events(read(csv_of(f"{outcome},alice,gpt-4o,2")))[0].ts
    assert ("exists twice" in "".join(reason for _, reason in notes(items))) == (
        local.startswith("2026-10-25")
    )


def test_22_a_zone_that_does_not_exist_is_told() -> None:
    for name in ("Mars/Base", "../etc", ""):
        with pytest.raises(UnusableFile, match="is not a time zone"):
            read(csv_of(GOOD), SourceOptions(zone=name))


@pytest.mark.parametrize(
    ("number", "written", "plain"),
    [
        (24, "2026-03-15T10:02:11.1234567Z", 1773568931123456),
        (24, "2026-03-15T11:02:11+0100", 1773568931000000),
        (24, "2026-03-15t10:02:11z", 1773568931000000),
        (24, "2026-03-15T10:02:60Z", 1773568980000000),
        (25, "1773568931", 1773568931000000),
        (25, "1773568931.25", 1773568931250000),
        (25, "1773568931000", 1773568931000000),
        (25, "1773568931000001", 1773568931000001),
        (25, "1773568931000001999", 1773568931000001),
    ],
)
def test_every_usual_way_to_write_a_time_is_read(number: int, written: str, plain: int) -> None:
    assert events(read(csv_of(f"{written},alice,gpt-4o,2")))[0].ts == plain, number


def test_26_a_day_in_the_future_is_refused() -> None:
    tomorrow = ROW.replace("2026-09-01", "2026-11-25")
    assert "in the future" in rejected(read(f"{GITHUB}\n{tomorrow}"))[0][1]
    assert rejected(read("\n".join((GITHUB, tomorrow.replace("-25", "-24"))))) == []


def test_27_a_blank_person_or_model_is_kept_without_a_name() -> None:
    (event,) = events(read(csv_of("2026-03-15T10:02:11Z,,,2")))
    assert (event.person, event.model) == (None, "Unlabeled")


@pytest.mark.parametrize(
    ("raw", "person"),
    [
        ("default_user_id", None),
        ('""""""', None),
        ("  Alice@Example.COM ", "alice@example.com"),
        ("Deleted User", "Deleted User"),
    ],
)
def test_28_people_are_trimmed_and_placeholders_are_nobody(raw: str, person: str | None) -> None:
    assert events(read(csv_of(f"2026-03-15T10:02:11Z,{raw},gpt-4o,2")))[0].person == person


def test_29_an_unknown_unit_stays_a_unit_of_its_own() -> None:
    (event,) = events(read("\n".join((GITHUB, ROW.replace("ai-credits", "Moon Rocks")))))
    assert (event.unit, event.credits) == ("moon_rocks", 5_000_000)


def test_32_rows_without_an_id_get_the_same_key_in_every_reading() -> None:
    first = [event.event_id for event in events(read(csv_of(GOOD, GOOD, GOOD)))]
    assert len(set(first)) == 3
    assert [event.event_id for event in events(read(csv_of(GOOD, GOOD, GOOD)))] == first


@pytest.mark.parametrize(
    ("content", "kept", "words"),
    [
        ('[{"at": 1773568931, "model": "a"},]', 1, "an item is missing beside a comma"),
        ('[{"at": 1773568931, "model": "a"}, {"at": 17', 1, "seems cut off"),
        ('[{"at": 1773568931, "model": "a"}, 7]', 1, "item 2: not a JSON object"),
        ('[{"at": 1773568931, "model": "a"}][{}]', 1, "behind the end of the array"),
        ('[{"at": 1773568931, "model": "a"}', 1, "the array never ends"),
        ('{"at": 1773568931, "model": "a"}\n{"at": 1,}\n', 1, "not valid JSON"),
        ('{"at": 1773568931, "model": "a"}\n{} {}\n', 1, "not valid JSON"),
    ],
)
def test_35_broken_json_keeps_what_came_before_and_names_the_place(
    content: str, kept: int, words: str
) -> None:
    items = read(content)
    assert len(events(items)) == kept
    assert any(words in reason for _, reason in rejected(items))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('"prompts": "3"', "prompts is not a number"),
        ('"ok": "False"', "ok is neither true nor false"),
        ('"credits": true', "credits is not a number"),
        ('"tokens_in": 1.5', "not a whole number"),
        ('"credits": NaN', "NaN is not a number"),
        ('"credits": -Infinity', "-Infinity is not a number"),
        ('"credits": 1e400', "absurdly large"),
        (f'"credits": {"9" * 5000}', "too long"),
        ('"rating": 9', "not between 1 and 5"),
        ('"cost": 1, "currency": "dollars"', "is not an ISO code"),
        ('"granularity": "week"', "is none of exact, hour, day"),
        ('"person": ["alice"]', "person is not text"),
    ],
)
def test_36_a_json_value_of_the_wrong_kind_refuses_its_item(fields: str, words: str) -> None:
    items = read(
        f'{{"at": 1773568931, "model": "a", {fields}}}\n{{"at": 1773568931, "model": "b"}}'
    )
    assert [event.model for event in events(items)] == ["b"]
    assert words in rejected(items)[0][1]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('"model": "b"', "a key stands twice"),
        (f'"tags": {"[" * 64}{"]" * 64}', "nested deeper than 64"),
        (f'"tags": {"[" * 100_000}{"]" * 100_000}', "nested deeper than 64"),
        (f'"task": "{"x" * (1 << 20)}"', "longer than 1,048,576 bytes"),
    ],
)
@pytest.mark.parametrize("frame", ["{}\n{}", "[{}, {}]"])
def test_37_a_record_without_measure_is_refused(fields: str, words: str, frame: str) -> None:
    bad = f'{{"at": 1773568931, "model": "a", {fields}}}'
    items = read(frame.format('{"at": 1773568931, "model": "b"}', bad))
    assert [event.model for event in events(items)] == ["b"]
    assert words in rejected(items)[0][1]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('"Model": "b"', 'the names "model" and "Model" both mean model'),
        ('"user": "alice", "e-mail": "x", "email": "bob"', '"user" and "email" both mean person'),
        ('"specversion": "1.0", "data": {"user": "a", "person": "b"}', "both mean person"),
    ],
)
def test_37_two_names_of_one_field_refuse_the_item(fields: str, words: str) -> None:
    items = read(
        f'{{"at": 1773568931, "model": "a", {fields}}}\n{{"at": 1773568931, "model": "b"}}'
    )
    assert [event.model for event in events(items)] == ["b"]
    assert words in rejected(items)[0][1]


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (46, '=HYPERLINK("http://evil")'),
        (46, "@SUM(A1)"),
        (47, "<!channel>"),
        (47, "ab\u202ecd"),
    ],
)
def test_formulas_and_markup_in_names_stay_text(number: int, name: str) -> None:
    cell = '"' + name.replace('"', '""') + '"'
    (event,) = events(read(csv_of(f"2026-03-15T10:02:11Z,alice,{cell},2")))
    assert event.model == name, number


def test_48_a_line_without_end_is_refused_and_the_next_one_read() -> None:
    items = read(csv_of(GOOD, "x" * 10_000_000, GOOD))
    assert len(events(items)) == 2
    assert rejected(items) == [(3, "the line is longer than 1,048,576 bytes")]


def test_50_usage_of_another_organisation_goes_to_its_own_account() -> None:
    items = read("\n".join((GITHUB, ROW, ROW.replace("acme", "other"))))
    assert [event.account for event in events(items)] == ["acme", "other"]


CUT = "the last line has no end: it may be cut off"


def test_14_a_last_line_without_an_end_is_kept_and_told() -> None:
    items = read(csv_of(GOOD, GOOD).removesuffix("\n"))
    assert len(events(items)) == 2
    assert notes(items) == [(3, CUT)]


def test_14_a_row_over_two_lines_without_an_end_is_told_by_its_first() -> None:
    text = csv_of('1773568931,alice,"gpt\n4o"', header="at,person,model").removesuffix("\n")
    assert notes(read(text)) == [(2, CUT)]


def test_14_a_last_line_without_an_end_keeps_its_other_notes() -> None:
    items = read(csv_of("1773568931,a,1.5", header="at,model,cost").removesuffix("\n"))
    assert notes(items) == [(2, f"cost without a currency was left out; {CUT}")]
    assert notes(read(f"{GITHUB}\n{ROW}")) == [(2, CUT)]
    assert notes(read(f"{GITHUB}\n{ROW}\n")) == []


def test_a_file_of_another_format_is_named() -> None:
    with pytest.raises(UnusableFile) as caught:
        read(f"{GITHUB}\n{ROW}", source="events")
    assert "This looks like a GitHub Copilot CSV" in str(caught.value)
    assert "--source copilot" in str(caught.value)


def test_a_named_source_says_what_the_file_lacks() -> None:
    with pytest.raises(UnusableFile, match='columns "litellm_call_id", "model_group" of a LiteLLM'):
        read("colour,size\n", source="litellm")


def test_a_source_that_does_not_exist_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnusableFile, match="Known are copilot, events, litellm"):
        read(csv_of(GOOD), source="copylot")


@pytest.mark.parametrize("wanted", ["", "ab", '"', "\n", "x"])
def test_a_delimiter_is_one_character_that_is_no_letter(wanted: str) -> None:
    with pytest.raises(UnusableFile, match="is not a delimiter"):
        read(csv_of(GOOD), SourceOptions(delimiter=wanted))
