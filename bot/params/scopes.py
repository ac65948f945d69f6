"""Filters of questions that look at one department, project or person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NewType

from analytics.query import Filters
from bot.params.base import Param
from bot.params.names import FiltersType, NameType
from storage.reading import DIMENSIONS

ScopeFilter = NewType("ScopeFilter", Filters)
GroupFilter = NewType("GroupFilter", Filters)


class SomeFiltersType(FiltersType):
    """A few of the filters; of each one name."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def expand(self, name: str, default: str | None) -> Iterator[Param]:
        """One parameter a dimension."""
        del default
        for part in self.parts:
            yield Param(part, name, NameType(DIMENSIONS[part]), part=part)
