"""What storage refuses, in words a person can act on.

StorageError
  DatabaseBusy         another process holds the write lock; nothing was written
  TooSlow              a question took longer than it may
  DatabaseUnusable     read-only, full, unreachable or not a database; nothing was written
  SchemaOutdated       `creditbot migrate` is needed first
  UnusableFile         an import file of which nothing can be read; nothing was stored
"""

from __future__ import annotations


class StorageError(Exception):
    """A failure outside the program: one sentence that says what, one that helps."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Both sentences."""
        return f"{self.message} {self.hint}".strip()


class DatabaseBusy(StorageError):  # noqa: N818  # the state is the name
    """Another process holds the write lock."""


class TooSlow(StorageError):  # noqa: N818
    """A question took longer than it may; it was stopped."""


class DatabaseUnusable(StorageError):  # noqa: N818
    """The database cannot be opened, read or written at all."""


class SchemaOutdated(StorageError):  # noqa: N818
    """The tables are older than the program."""


class UnusableFile(StorageError):  # noqa: N818
    """An import file of which nothing can be used."""
