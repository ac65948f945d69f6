"""Changes of a message that is there: each tells all of what is known when it is made."""

from __future__ import annotations

import sqlalchemy as sa

from storage.outbox import DELIVERY, DeliveryRow


def is_overtaken(connection: sa.Connection, edit: DeliveryRow) -> bool:
    """Whether a newer change of the same message is there, or may be: this one would undo it."""
    c = DELIVERY.c
    is_newer = sa.tuple_(c.created_at, c.id) > sa.tuple_(
        sa.literal(edit.created_at, c.created_at.type), sa.literal(edit.id)
    )
    may_be_there = sa.or_(
        c.state == "sent",
        sa.and_(c.state.in_(("ready", "sending", "ambiguous")), c.maybe_sent_at.is_not(None)),
    )
    newer = sa.exists().where(
        c.workspace_id == edit.workspace_id,
        c.parent_id == edit.parent_id,
        c.act == "edit",
        is_newer,
        may_be_there,
    )
    return bool(connection.execute(sa.select(newer)).scalar())
