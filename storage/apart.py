"""Many have their turn one after the other, and no one's trouble is another's.

What goes through all workspaces uses it: an odd row of one must not keep the others waiting, nor
may it go unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from storage.errors import StorageError


class Apart:
    """Keeps what goes wrong in single turns, and raises it when all had theirs.

    One failure is raised as it is, several bugs as an ExceptionGroup; a StorageError, as of a busy
    database, only where there is no bug.  `bugs` names the turns that ended in one.
    """

    def __init__(self) -> None:
        self.bugs: list[str] = []
        self._errors: list[Exception] = []

    @contextmanager
    def turn(self, name: object) -> Iterator[None]:
        """One's turn, which may fail by itself; `name` is added to what it raises."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised when all had their turn
            error.add_note(f"In the turn of {name}.")
            self._errors.append(error)
            if not isinstance(error, StorageError):
                self.bugs.append(str(name))

    def __enter__(self) -> Self:
        """Nothing is wrong yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Raise what was kept; what ends everything, as being cancelled does, goes first."""
        if error is not None or not self._errors:
            return
        bugs = [one for one in self._errors if not isinstance(one, StorageError)] or self._errors
        if len(bugs) > 1 and self.bugs:
            raise ExceptionGroup("Several turns failed.", bugs)
        raise bugs[0]
