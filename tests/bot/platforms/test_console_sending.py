"""Channels in a terminal behave like those of a platform."""

from __future__ import annotations

import pytest

from bot.chat import Address, SendError
from bot.platforms.console import ConsoleSender
from tests.bot.platforms.sending_cast import PDF, REFERENCE, SINCE, VALUES, composed, outgoing

HERE = Address("demo", "finance")


async def test_a_message_is_written_with_numbered_buttons_that_carry_something() -> None:
    lines: list[str] = []
    sender = ConsoleSender(lines.append)
    key = await sender.send(outgoing(HERE, composed(sender)))
    assert "[1] Who used most" in lines[0]
    assert "Not stored" not in lines[0]
    assert REFERENCE not in lines[0]
    assert sender.posts[key].buttons == tuple(VALUES.values())


async def test_a_change_takes_the_place_of_a_message() -> None:
    lines: list[str] = []
    sender = ConsoleSender(lines.append)
    root = await sender.send(outgoing(HERE, composed(sender)))
    changed = sender.noted(composed(sender), "resolved 14:02")
    assert await sender.send(outgoing(HERE, changed, "edit", parent=root)) == root
    assert "resolved 14:02" in sender.posts[root].text
    assert "now says" in lines[1]
    with pytest.raises(SendError, match="message_not_found"):
        await sender.send(outgoing(HERE, changed, "edit", parent="404"))


async def test_a_file_lies_under_its_message_and_all_is_found_again() -> None:
    sender = ConsoleSender(lambda _: None)
    told = outgoing(HERE, composed(sender))
    root = await sender.send(told)
    file = outgoing(HERE, {}, "file", parent=root, reference="third", attachment=PDF)
    assert await sender.find(file, since=SINCE) is None
    key = await sender.send(file)
    assert sender.posts[key].content == PDF.content
    assert await sender.find(told, since=SINCE) == root
    assert await sender.find(file, since=SINCE) == key


async def test_a_terminal_takes_everything() -> None:
    sender = ConsoleSender(lambda _: None)
    await sender.probe("demo")
    found = await sender.standing(HERE, person="ada")
    assert (found.can_post, found.can_read_history, found.is_member) == (True, True, True)
    assert sender.plainer(composed(sender)) is None
    await sender.close()
