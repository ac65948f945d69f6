"""What alerts keep of the moment they tell of: their posts are changed later, their numbers not.

A crossing is frozen when it is routed; what was kept back tells of the moment it leaves, and is
frozen then.  Only the state and the buttons of a post may differ afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from analytics.alert_facts import as_number, moment_key
from analytics.alert_standing import Crossed, crossed_of, freeze, read_standing
from analytics.query import Query
from analytics.scopes import Scope
from analytics.timerange import parse_range
from storage import locks
from storage.alerts import Alert, alert_by_id
from storage.budgets import THRESHOLDS, budget_history, list_budgets
from storage.budgets import Scope as ScopeKind
from storage.marks import Threshold, thresholds_of
from storage.reading import Reader
from storage.routes import keep_facts

BUDGETS = ("threshold", "projected")
SCOPES: tuple[ScopeKind, ...] = ("workspace", "department", "project", "person")


def scope_of_alert(alert: Alert) -> Scope:
    """Whose alert it is."""
    known = alert.scope if alert.scope in SCOPES else "workspace"
    return Scope(known, alert.target_id if known != "workspace" else 0)


def thresholds_then(facts: Mapping[str, Any], reader: Reader) -> tuple[Threshold, ...]:
    """The thresholds of an alert's budget when it fired; as they are now where that is not kept."""
    if kept := thresholds_of(facts.get("thresholds")):
        return kept
    place, wanted = (reader.connection, reader.workspace.id), as_number(facts.get("budget"))
    found = next((one for one in list_budgets(*place) if one.id == wanted), None)
    return THRESHOLDS if found is None else found.thresholds


def frozen_facts(alert: Alert, reader: Reader) -> dict[str, Any] | None:
    """The facts with how the budget stood when it fired; None for what needs no freezing."""
    crossed = _crossed(alert, reader)
    if crossed is None or "standing" in alert.facts:
        return None
    standing = read_standing(_query(reader, alert.fired_at), crossed)
    return {**alert.facts, **_set_at(alert, reader), "standing": freeze(standing)}


def _set_at(alert: Alert, reader: Reader) -> dict[str, str]:
    """When the limit that an alert is about was set; nothing of the plan's."""
    place, number = (reader.connection, reader.workspace.id), as_number(alert.facts.get("budget"))
    known = budget_history(*place, number) if number else []
    ours = (one.at for one in known if one.revision == alert.facts.get("revision"))
    at = next(ours, None)
    return {} if at is None else {"set_at": at.isoformat()}


def frozen_now(alert: Alert, reader: Reader, now: datetime) -> dict[str, Any] | None:
    """The facts with how the budget stands at `now`, for a post that tells of then.

    None for what tells nothing of then, and where that is kept already.
    """
    crossed, kept = _crossed(alert, reader), alert.facts.get("told")
    told = dict(kept) if isinstance(kept, Mapping) else {}
    if crossed is None or moment_key(now) in told:
        return None
    standing = read_standing(_query(reader, now), crossed, is_frozen=False)
    return {**alert.facts, "told": {**told, moment_key(now): freeze(standing)}}


def freeze_moment(reader: Reader, alert_id: int, moment: datetime) -> None:
    """Keep how the budget of an alert stands, before a post tells of that moment.

    Whoever comes first decides, for every destination: the workspace's row is held.
    """
    connection, place = reader.connection, reader.workspace.id
    locks.hold(connection, place)
    alert = alert_by_id(connection, place, alert_id)
    facts = frozen_now(alert, reader, moment) if alert else None
    if alert is not None and facts is not None:
        keep_facts(connection, alert, facts)


def _crossed(alert: Alert, reader: Reader) -> Crossed | None:
    """The crossing that a budget's alert is about; None for any other alert."""
    if alert.kind not in BUDGETS:
        return None
    known = thresholds_then(alert.facts, reader)
    return crossed_of(scope_of_alert(alert), alert.period_key or "", alert.facts, known)


def _query(reader: Reader, moment: datetime) -> Query:
    return Query(reader, moment, parse_range("this month", reader.clock.local_date(moment)))
