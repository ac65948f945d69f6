"""What every test may use: databases, how hypothesis works here, what runs where and when."""

from __future__ import annotations

import gc
import os

import pytest
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


def pytest_configure(config: pytest.Config) -> None:
    """Have `tmp_path` lie where files are quick, and a file's tests run in one process.

    So what a module prepares, and a picture that many tests look at, is made once.
    """
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", quick_folder())
    if config.getoption("dist", "no") == "load":  # what `-n` chooses by itself
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: services that start and stop leave theirs idle."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files of long tests, or the last of them would run alone; order is else random."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later search for garbage: 8 % of a run."""
    gc.freeze()
