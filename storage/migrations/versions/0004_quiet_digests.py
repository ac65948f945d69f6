"""A subscription's own quiet hours, beside those of its channel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_quiet_digests"
down_revision = "0003_unasked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; no subscription has quiet hours of its own yet.

    They may be empty: a process of the release before, which knows none of them, goes on writing.
    """
    for name in ("quiet_start", "quiet_end"):
        op.add_column("subscription", sa.Column(name, sa.SmallInteger(), nullable=True))
