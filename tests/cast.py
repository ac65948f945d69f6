"""The people, the place and the moment that tests play in.

**Alice** is admin of a workspace, **Bob** a member of it, **Charlie** admin of another workspace
who must never see or change anything here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from storage.events import UsageEvent
from storage.timekeys import to_micros

ZONE = "Europe/Berlin"
NOW = datetime(2026, 3, 30, 14, 5, tzinfo=ZoneInfo(ZONE))
ALICE = "alice@example.com"
BOB = "bob@example.com"
CHARLIE = "charlie@elsewhere.example"

_numbers = count(1)


def event(**changes: Any) -> UsageEvent:  # noqa: ANN401  # the fields of a usage event, any of them
    """One prompt of Alice to GPT-4o, five minutes before NOW; every call has its own id."""
    usual = UsageEvent(
        event_id=f"event-{next(_numbers)}",
        ts=to_micros(NOW) - 300_000_000,
        model="gpt-4o",
        person=ALICE,
        department="Platform",
        project="Atlas",
        task="coding",
        provider="openai",
        ok=True,
        tokens_in=1200,
        tokens_out=300,
        latency_ms=1500,
    )
    return replace(usual, **changes)
