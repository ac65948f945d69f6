"""Alerts as they are kept, for tests of what is told of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from storage.alerts import Alert, NewAlert, alert_by_id, insert_alert
from storage.engine import reading, writing
from storage.events import MICRO
from tests.cast import NOW

MARCH = {"first": "2026-03-01", "end": "2026-04-01"}


def crossing(percent: int = 75, **changes: Any) -> NewAlert:  # noqa: ANN401  # its fields
    """75 % of the 20,000 credits of March, of budget 1."""
    facts = {
        "budget": 1,
        "limit": 20_000 * MICRO,
        "used": 15_230 * MICRO,
        "percents": [percent],
        **MARCH,
        **changes.pop("facts", {}),
    }
    usual: dict[str, Any] = {
        "workspace_id": 1,
        "dedupe_key": f"a|1|monthly:2026-03|r1|{percent}|e1",
        "kind": "threshold",
        "subject": "budget:1",
        "scope": "workspace",
        "period_key": "monthly:2026-03",
        "fired_at": NOW,
    }
    return NewAlert(**{**usual, **changes, "facts": facts})


def happening(kind: str, facts: dict[str, Any], **changes: Any) -> NewAlert:  # noqa: ANN401
    """An alert that is about no budget."""
    usual = {"subject": f"{kind}:1", "scope": "workspace", "dedupe_key": f"{kind}|1"}
    return NewAlert(
        **{"workspace_id": 1, "kind": kind, "facts": facts, "fired_at": NOW, **usual, **changes}
    )


def fire(engine: sa.Engine, new: NewAlert) -> int:
    """Keep an alert; its number."""
    with writing(engine) as connection:
        number = insert_alert(connection, new)
    assert number is not None
    return number


def kept(engine: sa.Engine, number: int) -> Alert:
    """An alert as it stands."""
    with reading(engine) as connection:
        found = alert_by_id(connection, 1, number)
    assert found is not None
    return found
