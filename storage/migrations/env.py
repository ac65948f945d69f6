"""What alembic runs for each walk: the steps go through the connection they are handed.

There is no configuration file.  A new step is drafted from the difference between the models and
a migrated database, then read and made explicit by hand, and named in `storage.migrate`:

    with writing(open_engine(url)) as connection:
        alembic.command.revision(configuration(connection), "what changes", autogenerate=True)
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
