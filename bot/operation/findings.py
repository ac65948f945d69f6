"""A line of the check-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["ok  ", "note", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up."""

    mark: Mark
    subject: str
    words: str

    @property
    def is_wrong(self) -> bool:
        """Whether somebody must mend it."""
        return self.mark == "FAIL"
