"""What is computed from a night's evidence, remembered until the next one.

It is kept beside the catalogue, which a process keeps between questions while nothing in it
changes; a workspace without questions costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from storage.catalog import Catalog
from storage.reading import Reader

Value = TypeVar("Value")


class Nightly(Generic[Value]):
    """One value for each workspace's catalogue, as long as its key stays the same."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Catalog, tuple[Hashable, Value]] = WeakKeyDictionary()

    def of(self, reader: Reader, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The remembered value, or what `compute` gives now."""
        whole = (reader.workspace.id, key)
        known = self._kept.get(reader.catalog)
        if known is None or known[0] != whole:
            known = whole, compute()
            self._kept[reader.catalog] = known
        return known[1]
