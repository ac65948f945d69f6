"""Which answer a message shows: a chart that is late must not push away a newer answer."""

from __future__ import annotations

from collections import OrderedDict

from bot.platforms.slack.outlets import Outlet

REMEMBERED = 10_000  # answers that another one was put over; the oldest are forgotten


class Standing:
    """What was put over which answer last."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, str] = OrderedDict()

    def claim(self, outlet: Outlet) -> None:
        """An answer is on its way; it will take the place of the one that was clicked."""
        if not outlet.over:
            return
        self._newest[outlet.over] = outlet.token
        if len(self._newest) > REMEMBERED:
            self._newest.popitem(last=False)

    def is_gone(self, outlet: Outlet) -> bool:
        """Whether the place of an answer belongs to a newer one meanwhile."""
        claimed = self._newest.get(outlet.over, outlet.token)
        return claimed != outlet.token or outlet.token in self._newest
