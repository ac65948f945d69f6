"""What Slack refuses: its own types as JSON Schemas, and the limits that no schema says.

The schemas come from @slack/types and @slack/web-api (`generate/slack`); the limits are those of
docs.slack.dev/reference/block-kit, with the cautious one of two figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

Body = Mapping[str, Any]
SCHEMAS = Path(__file__).parent / "schemas" / "slack.json"
MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_TEXT, NOTIFICATION = 12_000, 4_000
TABLE_ROWS, TABLE_COLUMNS, TABLE_TEXT = 101, 20, 10_000
CHARTS, CATEGORIES = 2, 20
# (type of an element, member) -> most characters, or most entries of a list
LENGTHS = {
    ("section", "text"): 3000,
    ("section", "fields"): 10,
    ("header", "text"): 150,
    ("context", "elements"): 10,
    ("actions", "elements"): 25,
    ("image", "alt_text"): 2000,
    ("button", "text"): 75,
    ("button", "value"): 2000,
    ("input", "label"): 2000,
    ("input", "hint"): 2000,
    ("plain_text_input", "initial_value"): 3000,
    ("static_select", "options"): 100,
    ("multi_static_select", "options"): 100,
    ("data_visualization", "title"): 50,
    ("modal", "title"): 24,
    ("modal", "submit"): 24,
    ("modal", "close"): 24,
    ("modal", "private_metadata"): 3000,
    ("modal", "callback_id"): 255,
}


@cache
def _schemas() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMAS.read_text())
    return loaded


@cache
def _validator(kind: Literal["request", "reply"], method: str) -> Draft7Validator | None:
    if kind == "reply":
        found = _schemas()["replies"].get(method)
        return Draft7Validator(found) if found else None
    definitions = _schemas()["requests"]["definitions"]
    if method not in definitions["Requests"]["properties"]:
        return None
    place = f"#/definitions/Requests/properties/{method}"
    return Draft7Validator({"$ref": place, "definitions": definitions})


def complaints(kind: Literal["request", "reply"], method: str, body: Body) -> Iterator[str]:
    """What is wrong with a request of the bot or a reply of the double."""
    validator = _validator(kind, method)
    if validator is None:
        yield f"{method} {kind}: Slack has no such method"
        return
    error = best_match(validator.iter_errors(body))
    if error is not None:
        yield f"{method} {kind} {error.json_path}: {error.message[:300]}"
    elif kind == "request":
        yield from (f"{method}: {complaint}" for complaint in _beyond(body))


def _beyond(body: Body) -> Iterator[str]:
    view = body.get("view")
    if view:
        yield from _blocks(view["blocks"], most=VIEW_BLOCKS)
        yield from _lengths(view)
    if "text" in body:
        yield from _message(body)


def _message(body: Body) -> Iterator[str]:
    text, blocks = body["text"], body.get("blocks", [])
    if not text or len(text) > NOTIFICATION:
        yield f"a text of {len(text)} characters"
    if body.get("link_names") or body.get("unfurl_links") or body.get("unfurl_media"):
        yield "links or names would be expanded"
    yield from _blocks(blocks, most=MESSAGE_BLOCKS)
    total = len(text) + sum(_text_size(block) for block in blocks)
    if total > MESSAGE_TEXT:
        yield f"{total} characters of text"
    yield from _tables([b for b in blocks if b["type"] in ("table", "data_table")])
    charts = [b for b in blocks if b["type"] == "data_visualization"]
    if len(charts) > CHARTS:
        yield f"{len(charts)} charts"
    for chart in charts:
        if len(chart["chart"].get("axis_config", {}).get("categories", ())) > CATEGORIES:
            yield "a chart with too many categories"


def _tables(tables: list[Body]) -> Iterator[str]:
    if len(tables) > 1:
        yield f"{len(tables)} tables in one message"
    for table in tables:
        rows = table["rows"]
        if len(rows) > TABLE_ROWS or {len(row) for row in rows} - {len(rows[0])}:
            yield "a table with too many rows, or rows of different length"
        if len(rows[0]) > TABLE_COLUMNS:
            yield "a table with too many columns"
        if sum(len(cell.get("text", "")) for row in rows for cell in row) > TABLE_TEXT:
            yield "a table with too much text"
        if any(cell["type"] == "raw_text" and not cell["text"] for row in rows for cell in row):
            yield "a table with an empty cell"


def _blocks(blocks: list[Body], *, most: int) -> Iterator[str]:
    if len(blocks) > most:
        yield f"{len(blocks)} blocks"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) > len(set(ids)):
        yield f"block ids twice: {ids}"
    for block in blocks:
        yield from _lengths(block)


def _lengths(part: Any) -> Iterator[str]:  # noqa: ANN401  # any part of a JSON document
    """Limits of a block and of everything in it."""
    if isinstance(part, list):
        for inner in part:
            yield from _lengths(inner)
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        most = LENGTHS.get((str(part.get("type")), key))
        size = value.get("text", "") if isinstance(value, dict) else value
        if most is not None and len(size) > most:
            yield f"{part['type']}.{key} has {len(size)}, at most {most}"
        yield from _lengths(value)
    if part.get("type") == "actions":
        ids = [element["action_id"] for element in part["elements"]]
        if len(ids) > len(set(ids)):
            yield f"action ids twice: {ids}"
    yield from _options(part)


def _options(part: Body) -> Iterator[str]:
    options = part.get("options")
    if not isinstance(options, list):
        return
    for option in options:
        if len(option["text"]["text"]) > 75 or len(option["value"]) > 150:
            yield f"an option that is too long: {option['value'][:40]}"
    chosen = [part["initial_option"]] if "initial_option" in part else part.get("initial_options")
    if chosen is not None and any(option not in options for option in chosen):
        yield "an initial option that is none of the options"


def _text_size(part: Any) -> int:  # noqa: ANN401  # any part of a JSON document
    if isinstance(part, list):
        return sum(map(_text_size, part))
    if not isinstance(part, dict):
        return 0
    own = sum(len(value) for key, value in part.items() if key == "text" and isinstance(value, str))
    return own + sum(map(_text_size, part.values()))
