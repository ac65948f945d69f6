"""Foreign files as tests write them: text in, items of a source out."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from storage.events import UsageEvent
from storage.sources.base import Adjusted, Item, Rejected, SourceOptions
from storage.sources.registry import choose
from storage.sources.sample import take_sample

FIXTURES = Path(__file__).parents[2] / "data" / "sources"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLAIN = SourceOptions()


def read(
    content: str | bytes, options: SourceOptions = PLAIN, *, source: str = "auto"
) -> list[Item]:
    """The items of a file, as an import would read it."""
    file = BytesIO(content.encode() if isinstance(content, str) else content)
    chosen = choose(source, take_sample(file, options))
    return list(chosen.read(file, options, now=NOW))


def fixture(name: str) -> list[Item]:
    """The items of one of our sample files."""
    return read((FIXTURES / name).read_bytes())


def events(items: list[Item]) -> list[UsageEvent]:
    """The events among items, also those that came with a note."""
    found = [item.event if isinstance(item, Adjusted) else item for item in items]
    return [item for item in found if isinstance(item, UsageEvent)]


def rejected(items: list[Item]) -> list[tuple[int, str]]:
    """Line and reason of what was refused."""
    return [(item.line, item.reason) for item in items if isinstance(item, Rejected)]


def notes(items: list[Item]) -> list[tuple[int, str]]:
    """Line and reason of what was adjusted."""
    return [(item.line, item.reason) for item in items if isinstance(item, Adjusted)]


def csv_of(*rows: str, header: str = "at,person,model,credits") -> str:
    """A CSV of our own format."""
    return "\n".join((header, *rows)) + "\n"


GOOD = "2026-03-15T10:02:11Z,alice@example.com,gpt-4o,2"
