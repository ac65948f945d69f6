"""Channels and deliveries of a real database, for tests of the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any

import sqlalchemy as sa

from storage.claims import DESTINATION, Claim, claim_lane, claim_render, mark_maybe_sent
from storage.engine import reading, writing
from storage.outbox import DELIVERY, DeliveryRow, NewDelivery, delivery_by_id, insert_deliveries
from tests.cast import NOW
from tests.databases import home

LEASE = timedelta(seconds=60)
BLOCKS = timedelta(minutes=10)
PAYLOAD: Mapping[str, object] = {"text": "12 credits"}
_numbers = count(1)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


@dataclass
class Mail:
    """The default workspace's channels and deliveries."""

    engine: sa.Engine

    @cached_property
    def workspace_id(self) -> int:
        """The workspace "default"."""
        return home(self.engine).id

    def channel(self, **changes: object) -> int:
        """A new Slack channel; its number."""
        with writing(self.engine) as connection:
            most = sa.select(sa.func.coalesce(sa.func.max(DESTINATION.c.id), 0))
            number = int(connection.execute(most).scalar_one()) + 1
            usual = {
                "workspace_id": self.workspace_id,
                "id": number,
                "platform": "slack",
                "external_id": "T1",
                "channel_id": f"C{number}",
                "is_direct": False,
                "name": f"channel-{number}",
                "state": "ok",
                "lane_until": at(-3600),
                "not_before": at(-3600),
                "served_at": at(-3600),
                "is_external": False,
                "people_rows": False,
                "breaks_through": True,
                "fail_streak": 0,
                "streak": 0,
                "streak_notified": False,
                "created_by": "slack:T1:U1",
                "created_at": at(-3600),
            }
            connection.execute(sa.insert(DESTINATION).values(**usual | changes))
        return number

    def due(self, channel: int, **changes: Any) -> str:  # noqa: ANN401  # fields of NewDelivery
        """A delivery that is due at NOW; its id."""
        new = replace(
            NewDelivery(
                workspace_id=self.workspace_id,
                dedupe_key=f"t|{next(_numbers)}",
                kind="digest",
                trigger="schedule",
                destination_id=channel,
                actor="slack:T1:U1",
                due_at=NOW,
                created_at=NOW,
            ),
            **changes,
        )
        with writing(self.engine) as connection:
            insert_deliveries(connection, [new])
        return new.id

    def ready(self, channel: int, **changes: Any) -> str:  # noqa: ANN401  # fields of NewDelivery
        """A delivery that only needs to be sent; its id."""
        return self.due(channel, **{"state": "ready", "payload": PAYLOAD} | changes)

    def file(self, channel: int, below: str, **changes: Any) -> str:  # noqa: ANN401  # fields of NewDelivery
        """A file that only needs to be sent below a message; its id."""
        of = {"act": "file", "parent_id": below, "part": 1, "state": "ready"}
        new = self.due(channel, **of | changes)
        made = {"payload": {}, "artifact": b"%PDF-1.4", "artifact_name": "digest.pdf"}
        with writing(self.engine) as connection:
            connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == new).values(**made))
        return new

    def claim(self, seconds: float = 0, *platforms: str) -> Claim | None:
        """The next delivery to send, so many seconds after NOW."""
        with writing(self.engine) as connection:
            return claim_lane(
                connection,
                at(seconds),
                lease=LEASE,
                platforms=platforms or ("slack", "discord"),
                blocks=BLOCKS,
            )

    def taken(self, seconds: float = 0) -> Claim:
        """The same where there must be one."""
        claim = self.claim(seconds)
        assert claim is not None
        return claim

    def claim_render(self, seconds: float = 0) -> Claim | None:
        """The next delivery to make, so many seconds after NOW."""
        with writing(self.engine) as connection:
            return claim_render(connection, at(seconds), lease=LEASE, platforms=("slack",))

    def mark(self, claim: Claim, seconds: float = 0) -> bool:
        """Keep that a request is about to leave."""
        with writing(self.engine) as connection:
            return mark_maybe_sent(connection, claim, at(seconds))

    def row(self, delivery_id: str) -> DeliveryRow:
        """How a delivery stands."""
        with reading(self.engine) as connection:
            found = delivery_by_id(connection, self.workspace_id, delivery_id)
        assert found is not None
        return found

    def rows(self) -> list[DeliveryRow]:
        """How all of them stand, oldest first."""
        with reading(self.engine) as connection:
            ids = connection.execute(sa.select(DELIVERY.c.id).order_by(DELIVERY.c.created_at))
            return [self.row(found) for found in ids.scalars()]
