"""A line goes into a form and comes out as the same line, whatever its command."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.commands  # noqa: F401  # registers every command
from analytics.errors import UserError
from bot.params import ChoiceType, GrainType, NameType, RangeType
from bot.platforms.slack.envelopes import submission
from bot.platforms.slack.forms import FIRST_DAY, LAST_DAY, Memory, modal, rewritten
from bot.registry import COMMANDS, Call, Command, parse
from tests.doubles.slack_payloads import Payload, submit
from tests.doubles.slack_rules import complaints

NAMES = st.sampled_from(["GPT-4o", "Ada Lovelace", "x" * 60, "gpt 4", "R&D"])
TEXTS = {
    RangeType: st.sampled_from(["last 7d", "2026-03", "since monday"]),
    GrainType: st.sampled_from(["day", "weekly", "hour"]),
    NameType: NAMES,
}


def texts_for(param_type: object) -> st.SearchStrategy[str]:
    for kind, texts in TEXTS.items():
        if isinstance(param_type, kind):
            return texts
    if isinstance(param_type, ChoiceType):
        return st.sampled_from(param_type.choices)
    return st.sampled_from(["5", "12"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A line of any command that has something to edit."""
    editable = [known for known in COMMANDS.values() if known.params and known.name != "help"]
    command: Command = draw(st.sampled_from(editable))
    chosen = draw(st.sets(st.sampled_from(command.params), max_size=4))
    given_texts = {
        param.name: tuple(
            draw(
                st.lists(
                    texts_for(param.type),
                    min_size=1,
                    max_size=2 if param.repeatable else 1,
                    unique=True,
                )
            )
        )
        for param in chosen
    }
    return Call(command, given_texts).line


def untouched(view: dict[str, Any]) -> Payload:
    """The state of a form that is sent off as it was opened."""
    return {
        block["block_id"]: _state(block["element"])
        for block in view["blocks"]
        if block["type"] == "input"
    }


def _state(element: Payload) -> Payload:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": element.get("initial_value")}
    if kind == "datepicker":
        return {"type": kind, "selected_date": None}
    if kind.startswith("multi_"):
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    return {"type": kind, "selected_option": element.get("initial_option")}


@given(lines())
def test_an_untouched_form_gives_the_line_back(line: str) -> None:
    view = modal(Memory(line, "url", over="answer"))
    filled = submission(submit(view, untouched(view)))
    assert Memory.read(filled.memory).line == line
    again, before = parse(rewritten(line, filled.fields)), parse(line)
    defaults = {
        p.name: (p.default,) for p in before.command.params if isinstance(p.type, RangeType)
    }
    assert {**defaults, **again.given} == {**defaults, **before.given}


@given(lines())
def test_every_form_is_one_that_slack_opens(line: str) -> None:
    view = modal(Memory(line, "https://hooks.slack.com/actions/T1/1/x", over="answer"))
    request = {"trigger_id": "t", "view": view}
    assert list(complaints("request", "views.open", request)) == []


def test_names_that_no_menu_shows_stay_in_the_line() -> None:
    names = ["p0", "x" * 160, *(f"p{number}" for number in range(1, 12))]
    line = " ".join(["by-model last 7d", *(f"project={name}" for name in names)])
    view = modal(Memory(line, "url", over="answer"))
    state = untouched(view)
    state["project"]["selected_options"] = state["project"]["selected_options"][1:]
    assert rewritten(line, submission(submit(view, state)).fields) == line.replace(
        " project=p0", ""
    )
    assert list(complaints("request", "views.open", {"trigger_id": "t", "view": view})) == []


def test_emptied_fields_leave_the_line() -> None:
    line = 'by-model last 7d model="GPT-4o"'
    assert rewritten(line, {"range": (), "model": ()}) == "by-model"


def test_days_in_the_wrong_order_are_put_right() -> None:
    fields = {FIRST_DAY: ("2026-03-15",), LAST_DAY: ("2026-03-01",), "range": ("last 7d",)}
    assert rewritten("by-model last 7d", fields) == "by-model 2026-03-01..2026-03-15"


def test_what_makes_no_line_is_refused() -> None:
    with pytest.raises(UserError):
        rewritten("by-model", {"model": ("x" * 600,)})
