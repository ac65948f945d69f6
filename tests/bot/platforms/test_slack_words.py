"""What Slack makes of a typed line is undone before the registry reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.slack.words import mentioned, plain_line, with_mails

CASES = {
    "by-user last 7d": "by-user last 7d",
    "<@U0BOT> by-user last 7d": "by-user last 7d",
    "<@U0BOT|creditbot>  help": "help",
    "by-user <@U123|sarah>": "by-user person=slack:T1:U123",
    "by-user person=<@U123|sarah> last 7d": "by-user person=slack:T1:U123 last 7d",
    'by-user person="<@W123>"': 'by-user person="slack:T1:W123"',
    "by-user person=<mailto:bob@example.com|bob@example.com>": "by-user person=bob@example.com",
    "by-user person=<mailto:bob@example.com>": "by-user person=bob@example.com",
    "by-model model=<http://gpt-4.1|gpt-4.1>": "by-model model=gpt-4.1",
    "by-model project=<#C12|atlas>": "by-model project=atlas",
    "by-model <!here>": "by-model here",
    "by-model <!subteam^S1|@leads>": "by-model @leads",
    "by-model project=R&amp;D a&lt;b&gt;c": "by-model project=R&D a<b>c",
    "`by-model last 7d`": "by-model last 7d",
    "/credits by-model": "by-model",
    "": "",
    "<@U0BOT>": "",
}


@pytest.mark.parametrize(("typed", "line"), CASES.items())
def test_a_typed_line_becomes_plain(typed: str, line: str) -> None:
    assert plain_line(typed, team="T1", bot="U0BOT") == line


def test_mentions_become_mails_and_nothing_else_does() -> None:
    line = "by-user person=slack:T1:U1 person=slack:T1:U12 person=slack:T2:U1"
    assert mentioned(line, team="T1") == {"U1", "U12"}
    named = with_mails(line, {"U1": "a@x.io", "U12": "b@x.io"}, team="T1")
    assert named == "by-user person=a@x.io person=b@x.io person=slack:T2:U1"


@given(st.text('abc <@U|>&;="!#`', max_size=60))
def test_any_text_becomes_a_line_without_a_mention(typed: str) -> None:
    line = plain_line(typed, team="T1", bot="U0BOT")
    assert line == " ".join(line.split())
    assert "`" not in line
