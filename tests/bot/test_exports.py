"""Answers as files: what each form holds, who may have one, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.figures import BudgetFigure, DashboardFigure
from analytics.report import Actions, Column, Export, Fact, Facts, Note, Report, Table
from analytics.roi import NO_RETURN
from bot.briefing import gather_briefing
from bot.context import Identity
from bot.desk import Desk
from bot.exports import Draft, File, unlimited
from bot.registry import COMMANDS, command, exportable, parse
from bot.render import csv
from bot.render.pdf import Briefing, briefing, one_page
from charts import Document
from charts.document import Opening, Picture, PrintedTable, Sentences, Tiles
from storage.engine import reading, writing
from storage.preferences import set_preference
from storage.workspaces import bind_chat
from tests.analytics.world import World, column, table_of, total_of
from tests.cast import BOB, NOW, event

OWNER = Identity("terminal", "", "")
MEMBER = Identity("slack", "T1", "U1")


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """A desk with usage of two people, talked to by a Slack team."""
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    World(sqlite_engine).write([event(), event(model="claude-3-haiku", person=BOB)])
    found = Desk(sqlite_engine, now=lambda: NOW)
    yield found
    found.close()


def draft(desk: Desk, line: str, form: str, who: Identity = OWNER) -> Draft:
    found = desk.draft(line, form, who)  # type: ignore[arg-type]  # parametrized
    assert isinstance(found, Draft), found
    return found


def refused(desk: Desk, line: str, form: str, who: Identity = OWNER) -> str:
    found = desk.draft(line, form, who)  # type: ignore[arg-type]  # parametrized
    assert isinstance(found, Report)
    assert not found.line
    return found.headline


def test_a_typed_export_names_its_file(sqlite_engine: sa.Engine) -> None:
    report = World(sqlite_engine).ask('export PDF by-model last 7d model="GPT-4o"')
    assert report.export == Export("pdf", "by-model last 7d model=GPT-4o")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("export csv by-user last 7d limit=5", "export csv by-user last 7d limit=5"),
        ('export json by-user person="Sarah Lee"', 'export json by-user person="Sarah Lee"'),
        ("export form=png by-model", "export png by-model"),
    ],
)
def test_the_rest_of_an_export_is_another_line(typed: str, line: str) -> None:
    assert parse(typed).line == line


@pytest.mark.parametrize(
    ("typed", "quoted"),
    [
        ("export", "needs"),
        ("export by-model last 30d", "I can't export 'by-model'"),
        ("export csv", "needs line: LINE"),
        ("export csv by-modle", "by-modle"),
        ("export csv export pdf by-model", "an export itself"),
    ],
)
def test_a_mistake_in_an_export_is_told(sqlite_engine: sa.Engine, typed: str, quoted: str) -> None:
    with pytest.raises(UserError, match=quoted):
        World(sqlite_engine).ask(typed)


def test_what_changes_something_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.registry.COMMANDS", dict(COMMANDS))

    @command("alter", example="alter", changes=True)
    def alter() -> Report:
        """Change something."""
        raise AssertionError

    with pytest.raises(UserError, match="changes something"):
        exportable("alter")


def test_json_is_the_contract_and_csv_has_every_row(desk: Desk) -> None:
    payload = draft(desk, "by-model today", "json").what
    assert isinstance(payload, bytes)
    assert json.loads(payload)["line"] == "by-model today limit=all"
    table = draft(desk, "by-model today", "csv").what
    assert isinstance(table, bytes)
    assert table.count(b"\r\n") == 3


def test_paper_and_picture_show_what_the_answer_shows(desk: Desk) -> None:
    paper = draft(desk, "by-model today", "pdf")
    assert isinstance(paper.what, Document)
    assert len(paper.what.pages) == 1
    picture = draft(desk, "by-model today", "png")
    assert picture.alt.startswith("Bar chart by model")
    assert picture.name == "creditbot-by-model-2026-03-30-to-2026-03-30.png"


@pytest.mark.parametrize(("form", "quoted"), [("csv", "no table"), ("png", "no picture")])
def test_a_form_that_an_answer_has_not_is_told(desk: Desk, form: str, quoted: str) -> None:
    assert quoted in refused(desk, "overview", form)


@pytest.mark.parametrize("form", ["csv", "json", "pdf", "png"])
def test_walls_hold_for_every_form(desk: Desk, form: str) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    assert "for admins here" in refused(desk, "by-user today", form, MEMBER)


def test_rows_of_people_that_leave_are_in_the_audit(desk: Desk) -> None:
    draft(desk, "by-user today", "pdf", MEMBER)
    with reading(desk.engine) as connection:
        row = connection.execute(sa.text("SELECT action, object, after FROM audit")).one()
    assert tuple(row) == ("export", "pdf", "by-user today")


def test_a_file_above_the_limit_is_refused_with_both_sizes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv, "render", lambda _: bytes(3 << 20))
    made = asyncio.run(desk.export("by-model today", "csv", OWNER, largest=1 << 20))
    assert isinstance(made, Report)
    assert "3.0 MB" in made.headline
    assert "1.0 MB" in made.headline


def test_without_a_drawing_process_the_file_is_drawn_here(desk: Desk) -> None:
    made = asyncio.run(desk.export("by-model today", "pdf", OWNER))
    assert isinstance(made, File)
    assert made.content.startswith(b"%PDF")


@pytest.mark.parametrize("line", ["by-model today", "overview"])
def test_an_answer_about_a_period_offers_every_form(desk: Desk, line: str) -> None:
    report = desk.report(line, OWNER)
    rows = [block for block in report.blocks if isinstance(block, Actions)]
    verbs = {button.verb for row in rows for button in row.buttons}
    assert {"csv", "json", "pdf", "share"} <= verbs
    assert ("png" in verbs) == (report.figure is not None)


def titles(found: Draft) -> list[str]:
    assert isinstance(found.what, Document)
    return [page.title for page in found.what.pages]


@pytest.mark.parametrize("line", ["report 2026-03", "digest monthly 2026-03"])
def test_the_monthly_report_is_a_briefing_of_four_pages(desk: Desk, line: str) -> None:
    desk.now = desk._asking.now = lambda: NOW + timedelta(days=3)
    found = draft(desk, line, "pdf")
    assert titles(found)[1:] == ["Where credits go", "Who and when", "Performance and next steps"]
    assert isinstance(found.what, Document)
    opening = found.what.pages[0].parts[0]
    assert isinstance(opening, Opening)
    assert opening.kicker == "Monthly executive briefing · March 2026"


def test_a_digest_of_some_people_has_no_parts_of_all(desk: Desk) -> None:
    with reading(desk.engine) as connection:
        ctx = desk._asking.context(connection, OWNER)
        call = parse("digest monthly 2026-02 department=Platform")
        whole = gather_briefing(call, desk.report("digest monthly 2026-02", OWNER), ctx)
    assert set(whole.parts).isdisjoint({"advice", "value", "budget"})


def test_every_part_of_a_briefing_is_about_the_same_days_and_filters(desk: Desk) -> None:
    with reading(desk.engine) as connection:
        ctx = desk._asking.context(connection, OWNER)
        report = desk.report("report 2026-03", OWNER)
        call = parse("by-model 2026-03 department=Platform")
        whole = gather_briefing(call, report, ctx)
    assert {"models", "tiers", "people", "days", "hours", "speed"} <= set(whole.parts)
    for name in ("models", "people", "days"):
        assert "2026-03-01..2026-03-30 " in f"{whole.parts[name].line} "
        assert "department=Platform" in whole.parts[name].line


def test_a_briefing_leaves_out_rows_that_are_not_for_its_asker(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "people_visibility", "admins")
    found = draft(desk, "report 2026-03", "pdf", MEMBER)
    assert "bob" not in repr(found.what)
    assert "Where credits go" in titles(found)


def test_what_is_too_long_for_a_tile_stands_in_a_line_and_a_dashboard_has_its_own() -> None:
    facts = Facts(
        (
            Fact("used", "Used", 15_230_000_000, "credits", "76% of 20,000"),
            Fact("hours", "Busiest hours", "10 AM-12 PM and 2-4 PM"),
        )
    )
    parts = one_page(Report("t", "h", (facts,))).pages[0].parts
    assert [type(part) for part in parts] == [Opening, Tiles, Sentences]
    assert parts[2] == Sentences("", ("Busiest hours: 10 AM-12 PM and 2-4 PM",), points=True)
    figure = DashboardFigure("t", "", "", "", (), None, ())
    kinds = [type(part) for part in one_page(Report("t", "h", (facts, figure))).pages[0].parts]
    assert kinds == [Opening, Picture]


def test_a_past_month_adds_its_days_up_and_repeats_no_headline(desk: Desk) -> None:
    report = replace(desk.report("by-model 2026-03", OWNER), headline="Verdict")
    whole = Briefing(report, {"days": desk.report("timeline 2026-03 by day", OWNER)})
    parts = briefing(whole).pages[0].parts
    (picture,) = [part for part in parts if isinstance(part, Picture)]
    assert isinstance(picture.figure, BudgetFigure)
    assert picture.figure.used[-1] == 2_500_000
    assert "Verdict" not in picture.figure.title


def test_the_return_in_a_briefing_says_what_was_assumed(desk: Desk) -> None:
    assert "Return" not in repr(draft(desk, "report 2026-03", "pdf").what)
    for line in ("roi set price 0.04 USD", "roi set rate 60 USD", "roi set minutes 4"):
        desk.report(line, OWNER)
    found = draft(desk, "report 2026-03", "pdf")
    assert isinstance(found.what, Document)
    parts = [part for part in found.what.pages[0].parts if isinstance(part, Sentences)]
    (told,) = [part for part in parts if part.title == "Return"]
    assert any(text.startswith("Assumed by an admin") for text in told.texts)


def test_a_table_has_everybody_however_many_they_are(sqlite_engine: sa.Engine) -> None:
    world, people = World(sqlite_engine), 1_200
    world.write([event(person=f"person{number}@example.com") for number in range(people)])
    report = world.ask(unlimited(parse("by-user today"), "csv"))
    assert len(table_of(report).rows) >= people
    assert sum(cell for cell in column(table_of(report), "prompts") if isinstance(cell, int)) == (
        total_of(table_of(report), "prompts")
    )


def test_the_briefing_of_a_month_tells_its_budgets_and_what_paid(desk: Desk) -> None:
    limits = Table(
        (
            Column("scope", "Budget of"),
            Column("used_rate", "Of it", "rate"),
            Column("remaining", "Left", "credits"),
        ),
        (("Sales", 0.5, 50_000_000), *((f"Team {n}", 1.5, -n * 1_000_000) for n in range(1, 6))),
    )
    month = desk.report("digest monthly 2026-02", OWNER)
    grants = Table(
        tuple(Column(key, key) for key in ("grant", "kind", "valid"))
        + tuple(Column(key, key, "credits") for key in ("given", "used", "remaining")),
        (("Team Plan", "Plan", "monthly", 9_000_000, 8_000_000, 1_000_000),),
    )
    report = replace(month, blocks=(*month.blocks, limits, grants, Note(NO_RETURN)))
    parts = briefing(Briefing(report)).pages[0].parts
    (table,) = [part for part in parts if isinstance(part, PrintedTable)]
    assert [line.cells[0] for line in table.lines] == ["Team 5", "Team 4", "Team 3", "Team 2"]
    assert table.title == "Budgets, 2 more in the CSV"
    told = {part.title: part.texts for part in parts if isinstance(part, Sentences)}
    assert told["Plan and packs"] == ("Team Plan, monthly: 8 of 9 used, 1 left.",)
    assert told["Return"][0].startswith("No return is told")


def test_a_headline_stands_on_a_page_once_and_a_test_says_so(desk: Desk) -> None:
    report = desk.report("digest daily 2026-03-29", OWNER)
    shown = DashboardFigure("4 credits", "29 Mar", "", "", (), None, ())
    paper = one_page(replace(report, headline="4 credits", blocks=(shown,)).as_test)
    (picture,) = [part for part in paper.pages[0].parts if isinstance(part, Picture)]
    assert picture.figure.title == "At a glance"
    assert paper.footer.startswith("TEST, counts for nothing · ")
