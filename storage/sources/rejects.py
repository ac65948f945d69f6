"""Refused CSV rows beside their file, each with its reason, to be mended and imported again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

from storage.errors import UnusableFile
from storage.sources.base import Rejected


class RejectsFile:
    """`FILE.rejected.csv`: a column `reason` in front of the file's own, rows as they stood.

    Without a header line to put on top (`head`) nothing is written; a file without a row is
    removed again.  Raises UnusableFile when the place cannot be written.
    """

    def __init__(self, path: Path, head: str | None, *, delimiter: str) -> None:
        self._delimiter = delimiter
        self._path = path.with_name(f"{path.name}.rejected.csv")
        self._file = None if head is None else self._opened(head)
        self._is_empty = True

    @property
    def written(self) -> Path | None:
        """The file, if there is a row in it."""
        return None if self._is_empty else self._path

    def add(self, item: Rejected) -> None:
        """Write one refused row."""
        if self._file is None or not item.text:
            return
        self._is_empty = False
        # The reason stands first, so that it stays in its column whatever is wrong with the row.
        csv.writer(self._file, delimiter=self._delimiter, lineterminator="").writerow([item.reason])
        self._file.write(f"{self._delimiter}{item.text}\n")

    def close(self) -> None:
        """Finish the file."""
        if self._file is None:
            return
        self._file.close()
        if self._is_empty:
            self._path.unlink()

    def _opened(self, head: str) -> TextIO:
        # Opened before anything is stored: a row that was refused must not be refused silently.
        try:
            file = self._path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UnusableFile(
                f'"{self._path.name}" cannot be written: {error.strerror}.',
                hint="Import without --rejects, or from a folder that may be written.",
            ) from None
        file.write(f"reason{self._delimiter}{head}\n")
        return file
