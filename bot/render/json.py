"""A report for programs, in the shape the design promises to outlive any refactoring.

Invariant: every number is written with exactly its digits, never as a rounded float; key order is
the order of the contract; text is clean and otherwise as it came.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

from analytics.figures import UNITS, Chart, Figure
from analytics.report import (
    Actions,
    Block,
    Cell,
    Column,
    Fact,
    Facts,
    Node,
    Note,
    Period,
    Report,
    Row,
    Table,
    Tree,
    is_detail,
)
from analytics.text import clean
from bot.render.cells import MAX_CELL, cleaned, exact, prose
from bot.render.frame import MAX_HEADLINE, MAX_LINE

Value = str | int | Decimal | bool | None | list["Value"] | dict[str, "Value"]
Payload = dict[str, Value]
KEYS = {"per_prompt": "credits_per_prompt"}  # fields that columns call otherwise

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def render(report: Report) -> str:
    """The payload as one line of JSON."""
    return written(payload(report))


def payload(report: Report) -> Payload:
    """The report as plain values; numbers are int, or Decimal where they have decimals."""
    return {
        "line": cleaned(report.line, MAX_LINE),
        "title": clean(report.title, MAX_HEADLINE),
        "headline": clean(report.headline, MAX_HEADLINE),
        "period": _period(report.period) if report.period else None,
        "as_of": exact(report.as_of, "moment"),
        "blocks": [_marked(block) for block in report.blocks],
    }


def written(value: Value) -> str:
    """JSON text; the standard library cannot write a Decimal without going through a float."""
    match value:
        case Decimal():
            return f"{value:f}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
        case str() | int() | None:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        case _:
            assert_never(value)


def _period(period: Period) -> Value:
    return {
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "zone": period.zone,
        "label": clean(period.label),
        "partial": period.partial,
    }


def _marked(block: Block) -> Value:
    """A block, with a mark on what a post leaves to its thread."""
    return {**_block(block), "detail": True} if is_detail(block) else _block(block)


def _block(block: Block) -> Payload:
    match block:
        case Table():
            return _table(block)
        case Facts():
            return {"type": "facts", "facts": [_fact(fact) for fact in block.facts]}
        case Tree():
            nodes: list[Value] = [_node(node) for node in block.nodes]
            return {"type": "tree", "title": clean(block.title, MAX_CELL), "nodes": nodes}
        case Note():
            return {"type": "note", "role": block.role, "text": prose(block.text)}
        case Actions():
            return _actions(block)
        case Chart():
            return _figure(block)
        case _:
            assert_never(block)


def _table(table: Table) -> Payload:
    value: Payload = {
        "type": "table",
        "columns": [_column(column) for column in table.columns],
        "rows": [_row(row, table) for row in table.rows],
        "total": _row(table.total, table) if table.total is not None else None,
    }
    if table.groups:
        value["groups"] = [
            {
                "name": clean(group.name),
                "size": group.size,
                "subtotal": _row(group.subtotal, table),
            }
            for group in table.groups
        ]
    if table.others is not None:
        value["others"] = table.others
    return value


def _column(column: Column) -> Value:
    value: Payload = {"key": column.key, "title": clean(column.title), "unit": column.unit}
    return {**value, "currency": clean(column.currency)} if column.currency else value


def _row(row: Row, table: Table) -> Value:
    return [exact(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)]


def _fact(fact: Fact) -> Value:
    value: Payload = {
        "key": fact.key,
        "title": clean(fact.title),
        "value": exact(fact.value, fact.unit),
        "unit": fact.unit,
        "note": cleaned(fact.note),
    }
    return {**value, "currency": clean(fact.currency)} if fact.currency else value


def _node(node: Node) -> Value:
    return {
        "name": clean(node.name, MAX_CELL),
        "detail": cleaned(node.detail),
        "children": [_node(child) for child in node.children],
    }


def _actions(actions: Actions) -> Payload:
    return {
        "type": "actions",
        "buttons": [
            {
                "label": clean(button.label),
                "line": cleaned(button.line, MAX_LINE),
                "verb": button.verb,
            }
            for button in actions.buttons
        ],
    }


# ---- figures


def _figure(figure: Figure) -> Payload:
    """The words of a chart and everything that is drawn, by the names of its fields."""
    return {"type": "figure", "kind": figure.kind, **_drawn(figure)}


def _drawn(part: DataclassInstance) -> Payload:
    return {
        KEYS.get(name, name): _value(getattr(part, name), name)
        for name in (field.name for field in fields(part))
    }


def _value(value: object, name: str) -> Value:  # noqa: PLR0911  # a table: one line a type
    """A drawn value; its field's name says whether an integer is an amount."""
    match value:
        case tuple():
            return [_value(one, name) for one in value]
        case bool() | None:
            return value
        case int():
            return exact(value, UNITS.get(name, "count"))
        case float():
            return exact(value, "change")
        case str():
            return prose(value)
        case date():
            return value.isoformat()
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _drawn(value)
        case _:
            raise TypeError(f"{name} cannot be written as JSON")


def _credits(micro: Cell) -> Value:
    return exact(micro, "credits")
