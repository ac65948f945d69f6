"""Generated files and the documents around them say what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.commands.guide import families
from bot.pages import PAGES
from bot.registry import COMMANDS, parse
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_files_are_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_setting_stands_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"#CREDITBOT_{name.upper()}=" in example


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_line_in_the_documents_parses(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for line in re.findall(r"`/credits ?([^`]*)`", text):
        assert parse(line).command.name in COMMANDS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_command_stands_once_in_a_family() -> None:
    named = [known.name for _, commands in families() for known in commands]
    assert sorted(named) == sorted(COMMANDS)


def test_every_command_has_a_real_answer_in_the_page() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        answer = section.partition("```text\n")[2].partition("\n```")[0]
        assert len(answer) > 20, name
        assert "failed" not in answer.splitlines()[0], name


def test_no_lock_file_holds_an_address() -> None:
    for lock in (ROOT / "locks").glob("*.txt"):
        assert "://" not in lock.read_text(encoding="utf-8")
