"""Words of a line that name no parameter, and the parameter that each of them is for.

Invariant: every word is given to exactly one parameter, or named in a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analytics.errors import UserError
from bot.params import YES, Param


def placed(
    params: Sequence[Param], words: Sequence[str], *, hint: str
) -> Iterator[tuple[Param, str]]:
    """Led words (`by week`) with their parameter, then those with a place, then all others.

    Raises UserError for words that no parameter takes, with the hint.
    """
    rest = list(words)
    for param in params:
        if param.type.flag and param.name in rest:
            yield param, YES
            rest.remove(param.name)
        if param.lead and param.lead in rest[:-1]:
            at = rest.index(param.lead)
            # A name behind its lead goes to the end of the line, with or without quotes.
            end = len(rest) if param.type.wordy else at + 2
            yield param, " ".join(rest[at + 1 : end])
            del rest[at:end]
    yield from _unled(params, rest, hint)


def _unled(params: Sequence[Param], words: list[str], hint: str) -> Iterator[tuple[Param, str]]:
    """Words in the order of the parameters that have a place; the rest is for the loose one."""
    loose = next((param for param in params if param.type.loose), None)
    takers = [param for param in params if param.type.positional]
    rest = words
    if loose is None:
        rest = _quoted_where_clear(takers, rest)
    elif any(param.repeatable for param in takers):
        rest, text = _without_loose(loose, rest)
        if text:
            yield loose, text
    for param in takers:
        taken = _taken(param, rest)
        texts = rest[:taken] if param.repeatable else filter(None, [" ".join(rest[:taken])])
        yield from ((param, text) for text in texts)
        rest = rest[taken:]
    if not rest:
        return
    text = " ".join(rest)
    if loose is None:
        raise UserError(f"I don't understand '{text}'.", hint=hint)
    yield loose, text


def _taken(param: Param, words: Sequence[str]) -> int:
    """How many words a parameter with a place takes."""
    if not words:
        return 0
    taken = param.type.takes(words)
    return len(words) if taken and param.repeatable else taken


def _without_loose(loose: Param, words: list[str]) -> tuple[list[str], str]:
    """The words around those that the loose parameter claims, and these: the longest, the last.

    What has a place would take them, where it may be repeated.
    """
    for size in range(len(words), 0, -1):
        for at in range(len(words) - size, -1, -1):
            text = " ".join(words[at : at + size])
            if loose.type.claims(text):
                return [*words[:at], *words[at + size :]], text
    return words, ""


def _quoted_where_clear(takers: Sequence[Param], words: list[str]) -> list[str]:
    """Words with a name of several blanks made one where every other word has its place."""
    surplus = len(words) - len(takers)
    at = next((i for i, param in enumerate(takers) if param.type.wordy), None)
    if surplus <= 0 or at is None or any(param.repeatable for param in takers):
        return words
    end = at + surplus + 1
    return [*words[:at], " ".join(words[at:end]), *words[end:]]
