"""What alembic runs for each walk: the steps go through the connection they are handed.

There is no configuration file; a new step is written with the models beside it:
`python -m storage.migrate "what changes"`.
"""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import storage.models
import storage.rollups  # noqa: F401  # both declare the tables that steps are compared with

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_type=True,
    compare_server_default=True,
    render_as_batch=True,  # SQLite changes a column by building the table anew
)
with context.begin_transaction():
    context.run_migrations()
