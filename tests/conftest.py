"""What every test may use: databases, and how hypothesis works here."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

from tests.databases import (
    empty_engine,
    engine,
    filled,
    migrated,
    postgres,
    postgres_engine,
    quick_folder,
    sqlite_engine,
    sqlite_template,
)

__all__ = [
    "empty_engine",
    "engine",
    "filled",
    "migrated",
    "postgres",
    "postgres_engine",
    "sqlite_engine",
    "sqlite_template",
]

settings.register_profile(
    "creditbot",
    deadline=None,
    database=None,
    max_examples=40,
    # A change is judged by the same examples each time; `make fuzz` looks for new ones.
    derandomize=True,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    # A database may be shared by the examples of one test, as it is by people.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("fuzz", settings.get_profile("creditbot"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "creditbot"))


def pytest_configure() -> None:
    """Have `tmp_path` lie where files are quick; whoever names a place keeps it."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", quick_folder())
