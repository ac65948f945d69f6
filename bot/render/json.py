"""A report for programs, in the shape the design promises to outlive any refactoring.

Invariant: every number is written with exactly its digits, never as a rounded float; key order is
the order of the contract; text is clean and otherwise as it came.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import assert_never

from analytics.report import (
    Actions,
    Block,
    Cell,
    Column,
    Fact,
    Facts,
    ModelBar,
    ModelFigure,
    Node,
    Note,
    Period,
    PersonBar,
    PersonFigure,
    Report,
    Row,
    Table,
    TimelineFigure,
    Tree,
)
from analytics.text import clean
from bot.render.cells import MAX_CELL, cleaned, exact, prose
from bot.render.frame import MAX_HEADLINE, MAX_LINE

Value = str | int | Decimal | bool | None | list["Value"] | dict[str, "Value"]
Payload = dict[str, Value]


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
        "blocks": [_block(block) for block in report.blocks],
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


def _block(block: Block) -> Value:
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
        case ModelFigure() | PersonFigure() | TimelineFigure():
            return _figure(block)
        case _:
            assert_never(block)


def _table(table: Table) -> Value:
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


def _actions(actions: Actions) -> Value:
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


def _figure(figure: ModelFigure | PersonFigure | TimelineFigure) -> Value:
    words: Payload = {
        "type": "figure",
        "kind": figure.kind,
        "title": clean(figure.title, MAX_HEADLINE),
        "subtitle": prose(figure.subtitle),
        "footer": prose(figure.footer),
        "alt": prose(figure.alt),
    }
    return {**words, **_drawn_values(figure)}


def _drawn_values(figure: ModelFigure | PersonFigure | TimelineFigure) -> Payload:
    match figure:
        case ModelFigure():
            return _families(figure)
        case PersonFigure():
            others = figure.others
            return {
                "people": [_person(person) for person in figure.people],
                "others": _person(others) if others else None,
            }
        case TimelineFigure():
            return _buckets(figure)
        case _:
            assert_never(figure)


def _families(figure: ModelFigure) -> Payload:
    return {
        "families": [
            {
                "name": clean(family.name),
                "credits": _credits(family.credits),
                "share": family.share,
                "models": [_model(model) for model in family.models],
            }
            for family in figure.families
        ]
    }


def _model(model: ModelBar) -> Value:
    return {
        "name": clean(model.name),
        "credits": _credits(model.credits),
        "multiplier": exact(model.multiplier, "multiplier"),
        "priced": model.priced,
    }


def _person(person: PersonBar) -> Value:
    return {
        "name": clean(person.name),
        "credits": _credits(person.credits),
        "previous": _credits(person.previous),
        "change": exact(person.change, "change"),
        "credits_per_prompt": _credits(person.per_prompt),
    }


def _buckets(figure: TimelineFigure) -> Payload:
    return {
        "grain": figure.grain,
        "bars": [
            {
                "start": bar.start.isoformat(),
                "label": clean(bar.label),
                "credits": _credits(bar.credits),
                "average": _credits(bar.average),
                "partial": bar.partial,
            }
            for bar in figure.bars
        ],
        "peak": figure.peak,
        "average_label": prose(figure.average_label),
    }


def _credits(micro: Cell) -> Value:
    return exact(micro, "credits")
