"""What sends, put together from the settings: the senders of each platform, and the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from bot.asking import Asking
from bot.chat import Sender
from bot.counters import Counters
from bot.delivery.composing import Composer
from bot.delivery.sending import Courier
from bot.delivery.transactions import Transactions
from bot.delivery.worker import Deliveries
from bot.drawing import Drawing
from bot.due import after_a_pause, at_start, prompt
from bot.settings import Settings


def senders_of(settings: Settings) -> dict[str, Sender]:
    """What sends unasked: to each platform that has a token, with or without its gateway.

    A platform whose library is missing has none; that is told where the platform itself is made.
    """
    seconds = settings.timing().deadline / 2
    senders: dict[str, Sender] = {}
    with suppress(ImportError):
        if settings.slack_bot_token:
            from bot.platforms.slack.sending import SlackSender  # noqa: PLC0415  # only if used

            senders["slack"] = SlackSender(settings, http_seconds=seconds)
    with suppress(ImportError):
        if settings.discord_token:
            from bot.platforms.discord.sending import DiscordSender  # noqa: PLC0415  # as above

            senders["discord"] = DiscordSender(settings, http_seconds=seconds)
    return senders


def deliveries_of(  # noqa: PLR0913  # its parts, each by name
    settings: Settings,
    transactions: Transactions,
    senders: Mapping[str, Sender],
    *,
    drawing: Drawing,
    asking: Asking,
    owners: Sequence[str],
    counters: Counters,
    ahead: Callable[[], timedelta] = timedelta,
    is_sure: Callable[[], bool] = lambda: True,
) -> Deliveries:
    """The worker of this process, with what makes and what sends.

    What `ahead` says of our clock stands with the courier, `is_sure` with what ends messages.
    """
    timing = settings.timing()
    composer = Composer(
        transactions, asking, senders, timing=timing, drawing=drawing, owners=owners
    )
    courier = Courier(
        transactions,
        senders,
        timing=timing,
        on_unknown=settings.delivery_unknown,
        owners=owners,
        counters=counters,
        asking=asking,
        ahead=ahead,
    )
    return Deliveries(
        transactions,
        composer,
        courier,
        senders,
        timing=timing,
        jobs=tuple(prompt(owners, is_sure).values()),
        first=at_start(is_sure),
        returned=after_a_pause(is_sure),
    )
