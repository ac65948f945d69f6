"""What other products' pictures in reports were found to do wrong, tried on ours.

One test a complaint; the docstring names where people complained.  A picture is whole and in its
message, or it is not there and its message says so; nothing that goes wrong with it stops the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest

from bot import drawing
from bot.chat import NO_PICTURE, Attachment, SendError
from bot.drawing import Drawing
from bot.platforms.discord.sending import MAX_FILE
from tests.bot.broken_pens import PENS
from tests.bot.delivery.company import Pen
from tests.bot.delivery.delivering import BUSY, Post
from tests.bot.delivery.town import Town, town
from tests.bot.platforms import test_discord_sending as on_discord
from tests.bot.platforms import test_slack_sending as on_slack
from tests.bot.platforms.sending_cast import PICTURE, composed, outgoing
from tests.doubles.discord import text_of

__all__ = ["town"]  # fixtures
DAY = "2026-03-31T09:00"


def has_no_picture(town: Town, post: Post) -> bool:
    """Whether the text stands alone, and says so."""
    (request,) = (told for _, told in town.office.platform.requests if told.act == "post")
    says_so = "Figure not available." in str(post.payload["notes"])
    return says_so and not post.payload["pictured"] and request.attachment is None


@pytest.mark.parametrize("pen", [None, Pen(None), Pen(RuntimeError("font")), Pen(hangs=True)])
async def test_a_chart_that_fails_does_not_stop_the_text(town: Town, pen: Drawing | None) -> None:
    """grafana#20883, #9592, superset PR#43784: no picture, no message."""
    town.office.drawing = pen
    town.office.timing = replace(town.office.timing, picture=0.01)
    town.subscribe()
    (one,) = await town.at(DAY)
    assert has_no_picture(town, one)


@pytest.mark.parametrize("process", PENS)
async def test_what_is_not_a_whole_picture_is_never_posted(
    town: Town, monkeypatch: pytest.MonkeyPatch, process: Callable[[Connection], None]
) -> None:
    """superset#17245, #33602, superset PR#42273: blank, half, or its drawer was gone."""
    monkeypatch.setattr(drawing, "_serve", process)
    monkeypatch.setattr(drawing, "REST_SECONDS", 0.05)
    town.subscribe()
    with closing(Drawing()) as town.office.drawing:
        (one,) = await town.at(DAY)
    assert has_no_picture(town, one)


async def test_a_picture_that_was_drawn_is_not_drawn_again(town: Town) -> None:
    """superset#21653: a second try brought another picture than the first."""
    pen = Pen()
    town.office.drawing = pen
    town.subscribe()
    town.office.platform.script.extend([BUSY, BUSY])
    await town.at(DAY, *[60.0] * 4)
    sent = [one.attachment for _, one in town.office.platform.requests if one.act == "post"]
    assert len(sent) == 3
    assert (len(pen.themes), len(set(map(repr, sent)))) == (1, 1)


async def test_a_picture_that_the_platform_refuses_is_left_out_and_told(town: Town) -> None:
    """grafana#54742: the alert came without its screenshot, and nothing said why."""
    town.subscribe()
    town.office.platform.script.append(SendError("payload", "40005", status=413))
    (one,) = await town.at(DAY)
    (first, _), (second, _) = [
        (told.attachment, told) for _, told in town.office.platform.requests if told.act == "post"
    ]
    assert first is not None
    assert second is None
    assert one.payload["note"] == NO_PICTURE


async def test_a_picture_that_slack_does_not_take_is_told_in_its_message() -> None:
    """grafana#33501: messages came without images, and the log had no word of it."""
    async with on_slack.sending() as (slack, sender):
        slack.faults["files.getUploadURLExternal"].append("file_upload_size_restricted")
        payload = composed(sender, pictured=True)
        await sender.send(outgoing(on_slack.HERE, payload, attachment=PICTURE))
    (message,) = slack.messages
    assert NO_PICTURE in json.dumps(message["blocks"])
    assert "image" not in [block["type"] for block in message["blocks"]]


async def test_a_picture_is_uploaded_before_the_message_that_shows_it() -> None:
    """grafana#42788: everything was set up, and no upload was so much as tried."""
    async with on_slack.sending() as (slack, sender):
        payload = composed(sender, pictured=True)
        await sender.send(outgoing(on_slack.HERE, payload, attachment=PICTURE))
        (upload,) = slack.called("files.getUploadURLExternal")
    (message,) = slack.messages
    assert int(upload["length"]) == len(PICTURE.content)
    assert [block["type"] for block in message["blocks"]].count("image") == 1


@pytest.mark.parametrize(("more", "shown"), [(0, True), (1, False)])
async def test_a_picture_too_large_for_discord_is_left_out_and_told(
    more: int,
    shown: bool,  # noqa: FBT001  # a table
) -> None:
    """The largest that a server without boosts takes is 10 MB; above, all would be refused."""
    picture = Attachment("chart.png", b"\x89PNG".ljust(MAX_FILE + more, b"\0"))
    async with on_discord.sending() as (discord, sender):
        payload = composed(sender, pictured=True)
        await sender.send(outgoing(on_discord.here(discord), payload, attachment=picture))
        (call,) = discord.calls
    assert bool(call.files) is shown
    assert (NO_PICTURE in text_of(discord.posts[0])) is not shown
