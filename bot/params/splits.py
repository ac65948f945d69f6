"""What the rows of an answer are: `by person`."""

from __future__ import annotations

from collections.abc import Sequence

from bot.context import Context
from bot.params.usual import ChoiceType

PEOPLE = frozenset({"person", "people", "persons", "user", "users"})


class SplitType(ChoiceType):
    """One of a few things to split by, also as people say it: `by users`, `by models`."""

    lead = "by"

    def read(self, texts: Sequence[str], ctx: Context) -> str:
        """The chosen word; raises UserError with the allowed ones."""
        typed = texts[0].casefold()
        word = "person" if typed in PEOPLE else typed.removesuffix("s")
        return super().read([word if word in self.choices else texts[0]], ctx)
