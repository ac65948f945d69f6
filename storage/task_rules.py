"""The rules that give events without a task one: kept in their order, tried, applied again.

Order of what decides: the tag of the source, then these rules, then "uncategorised".  A changed
rule holds for new events; `reapply` brings it to what is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import locks
from storage.catalog import mark_changed
from storage.numbering import next_id
from storage.task_match import (
    BOUNDS,
    NAMED,
    Fields,
    InvalidRule,
    Rule,
    check_conditions,
    compiled,
    list_rules,
)
from storage.task_runs import DryRun, Reapplied, dry_run, reapply

__all__ = [
    "BOUNDS",
    "NAMED",
    "DryRun",
    "Fields",
    "InvalidRule",
    "Reapplied",
    "Rule",
    "add_rule",
    "check_conditions",
    "compiled",
    "dry_run",
    "list_rules",
    "move_rule",
    "reapply",
    "remove_rule",
]
_RULE = SQLModel.metadata.tables["task_rule"]


def add_rule(
    connection: sa.Connection,
    workspace_id: int,
    *,
    task_id: int,
    conditions: Mapping[str, Sequence[str]],
    position: int | None = None,
    now: datetime,
) -> Rule:
    """Add a rule for new events, at a position (from 1) or at the end.  Raises InvalidRule."""
    checked = check_conditions(conditions)
    number = next_id(connection, _RULE, workspace_id)
    row = {
        "workspace_id": workspace_id,
        "id": number,
        "position": 0,
        "task_id": task_id,
        "conditions": {name: list(given) for name, given in checked.items()},
        "created_at": now,
    }
    connection.execute(sa.insert(_RULE).values(**row))
    order = [rule.id for rule in list_rules(connection, workspace_id) if rule.id != number]
    order.insert(len(order) if position is None else max(position - 1, 0), number)
    return _arranged(connection, workspace_id, order)[order.index(number)]


def move_rule(
    connection: sa.Connection, workspace_id: int, rule_id: int, *, position: int
) -> Rule | None:
    """Give a rule another position (from 1); None when there is no such rule."""
    locks.hold(connection, workspace_id)
    order = [rule.id for rule in list_rules(connection, workspace_id)]
    if rule_id not in order:
        return None
    order.remove(rule_id)
    order.insert(max(position - 1, 0), rule_id)
    return _arranged(connection, workspace_id, order)[order.index(rule_id)]


def remove_rule(connection: sa.Connection, workspace_id: int, rule_id: int) -> Rule | None:
    """Remove a rule, and give it back; None when there is no such rule."""
    locks.hold(connection, workspace_id)
    known = list_rules(connection, workspace_id)
    gone = next((rule for rule in known if rule.id == rule_id), None)
    if gone is None:
        return None
    connection.execute(sa.delete(_RULE).where(_one(workspace_id, rule_id)))
    _arranged(connection, workspace_id, [rule.id for rule in known if rule is not gone])
    return gone


def _arranged(connection: sa.Connection, workspace_id: int, order: Sequence[int]) -> list[Rule]:
    """The rules numbered anew in an order; every process is told."""
    for position, rule_id in enumerate(order, 1):
        moved = sa.update(_RULE).where(_one(workspace_id, rule_id), _RULE.c.position != position)
        connection.execute(moved.values(position=position))
    mark_changed(connection, workspace_id)
    return list_rules(connection, workspace_id)


def _one(workspace_id: int, rule_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_RULE.c.workspace_id == workspace_id, _RULE.c.id == rule_id)
