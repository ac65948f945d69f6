"""Commands are declared once, here; every surface, button and page of the docs reads this list.

Invariant: a line of text is the address of an answer.  `run(line)` gives a report, and
`run(report.line)` gives an equal one: Slack sends the line, Discord's options are turned into it,
a button carries it, a subscription stores it.
"""

from __future__ import annotations

import difflib
import inspect
import itertools
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from analytics.errors import UserError
from analytics.report import (
    Actions,
    Button,
    Form,
    Report,
    Theme,
)
from bot.calls import Answer, Call, Command
from bot.context import Context, NotAllowed, Role, check_inside, check_readers, outranks
from bot.params import PARAM_TYPES, Param, ParamType
from bot.placing import placed
from bot.preferences import preferred
from bot.walls import walled

__all__ = [
    "COMMANDS",
    "EXPORT_BUTTONS",
    "MAX_LINE",
    "OVERVIEW",
    "Call",
    "Command",
    "amend",
    "command",
    "complete",
    "exportable",
    "find_command",
    "parse",
    "permit",
    "run",
]

MAX_LINE = 500
MAX_WORDS = 30
MAX_NAME_WORDS = 3
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_PLAIN = re.compile(r"[^\s\"=]+")
_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "\u00a0": " ", "→": "->"}
)


COMMANDS: dict[str, Command] = {}
OVERVIEW = "overview"


def command(  # noqa: PLR0913  # a declaration, read as a form
    name: str,
    *,
    example: str,
    needs: Role = "member",
    shows_people: bool = False,
    aliases: tuple[str, ...] = (),
    defaults: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
    changes: bool = False,
    for_anyone: bool = False,
    native: str = "",
) -> Callable[[Answer], Answer]:
    """Register the decorated function as a command.

    Its parameters after the context are read from its type hints through `PARAM_TYPES`;
    `defaults` are texts, read as if the person had typed them; `words` say in help what a
    parameter takes where its type is too general.  The docstring is the help: its first line the
    summary.  A wrong declaration fails at import.
    """

    def add(answer: Answer) -> Answer:
        if name in COMMANDS:
            raise ValueError(f"two commands are called {name}")
        summary, _, details = (inspect.getdoc(answer) or "").partition("\n")
        COMMANDS[name] = Command(
            name=name,
            summary=summary.strip(),
            details=details.strip().replace(".  ", ". "),
            example=example,
            params=tuple(
                replace(param, shown=(words or {}).get(param.name, ""))
                for param in _params_of(answer, defaults or {})
            ),
            answer=answer,
            needs=needs,
            shows_people=shows_people,
            aliases=aliases,
            changes=changes,
            for_anyone=for_anyone,
            native=native,
        )
        return answer

    return add


def _params_of(answer: Answer, defaults: Mapping[str, str]) -> Iterator[Param]:
    hints = typing.get_type_hints(answer)
    names = list(inspect.signature(answer).parameters)[1:]
    unknown = set(defaults) - set(names)
    if unknown:
        raise ValueError(f"no parameter {', '.join(sorted(unknown))}")
    for name in names:
        kind: ParamType = PARAM_TYPES[hints[name]]
        yield from kind.expand(name, defaults.get(name))


def find_command(name: str) -> Command:
    """The command of that name or alias; raises UserError with the nearest one."""
    known = _known_command(name)
    if known is not None:
        return known
    raise _unknown(name.split() or [name])


def _inside(name: str) -> list[str]:
    """The commands whose names begin with a word of others: `digest list` for `digest`."""
    return [one for one in COMMANDS if one.startswith(f"{name.casefold().lstrip('/')} ")]


def _unknown(words: Sequence[str]) -> UserError:
    inside = _inside(words[0])
    there = f"There is {', '.join(f'`{one}`' for one in inside)}."
    if inside and len(words) == 1:
        return UserError(f"'{words[0]}' is only the beginning of a command.", hint=there)
    if inside:
        seconds = {one.split(" ")[1]: one for one in inside}
        close = difflib.get_close_matches(words[1].casefold(), seconds, 1)
        near = f"Did you mean `{seconds[close[0]]}`? " if close else ""
        typed = " ".join(words[:2])
        return UserError(f"I don't know the command '{typed}'.", hint=f"{near}{there}")
    return UserError(f"I don't know the command '{words[0]}'.", hint=_nearest_command(words))


def _known_command(name: str) -> Command | None:
    folded = name.casefold().lstrip("/")
    for known in COMMANDS.values():
        if folded == known.name or folded in known.aliases:
            return known
    return None


def _chosen(words: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """The command that the first words name, the longest name first, and the words after it."""
    for size in range(min(MAX_NAME_WORDS, len(words)), 1, -1):
        known = _known_command(" ".join(words[:size]))
        if known is not None:
            return known, words[size:]
    known = _known_command(words[0])
    if known is None:
        raise _unknown(words)
    return known, words[1:]


def _nearest_command(words: Sequence[str]) -> str:
    """The name most like the first words: the longest one, or the beginning of some."""
    for size in range(min(MAX_NAME_WORDS, len(words)), 0, -1):
        typed = " ".join(words[:size]).casefold()
        known = [*COMMANDS, *(one.split(" ")[0] for one in COMMANDS)] if size == 1 else COMMANDS
        close = difflib.get_close_matches(typed, known, 1, 0.5 if size == 1 else 0.8)
        if close:
            return f"Did you mean `{close[0]}`? `help` lists every command."
    return "`help` lists every command; for example `by-model last 30d`."


def parse(line: str) -> Call:
    """The call that a typed line means; raises UserError that quotes what is not understood."""
    words = _words(line)
    if not words:
        return Call(COMMANDS[OVERVIEW], {})
    chosen, rest = _chosen(words)
    if any(param.type.verbatim for param in chosen.params):
        return Call(chosen, dict(_verbatim(chosen.params, rest)))
    given: dict[str, tuple[str, ...]] = {}
    loose: list[str] = []
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals or not _PLAIN.fullmatch(name):
            closed = word.removesuffix(",") if word.endswith('",') else word
            text, person = closed.replace('"', ""), chosen.param("person")
            if person is not None and text.startswith("@") and text != "@":
                _add(given, person, text[1:])
            else:
                loose.append(text)
            continue
        param = chosen.param(name.casefold())
        if param is None:
            raise UserError(
                f"`{chosen.name}` has no option '{name}'.", hint=_nearest_option(name, chosen)
            )
        if not value.strip('"'):
            raise UserError(
                f"'{name}=' is empty.", hint=f"Write `{param.usage.strip('[]')}`, or leave it out."
            )
        _add(given, param, value.strip('"'))
    for param, text in placed(chosen.params, loose, hint=_how_to_type(chosen)):
        if param.type.loose and not param.type.claims(text):
            _expect_quotes(rest, loose)
        _add(given, param, text)
    return Call(chosen, given)


def _how_to_type(chosen: Command) -> str:
    """What follows a command, and the commands that begin as it does."""
    inside = _inside(chosen.name)
    listed = f" There is {', '.join(f'`{one}`' for one in inside)}." if inside else ""
    return f"Type `{chosen.usage}`.{listed}"


def _expect_quotes(words: Sequence[str], loose: Sequence[str]) -> None:
    """Raise UserError for a name of several blanks without quotes: `person=Anna Schmidt`."""
    for option, word in itertools.pairwise(words):
        name, equals, value = option.partition("=")
        if equals and '"' not in value and word in loose:
            raise UserError(
                f"I don't understand '{word}' after '{option}'.",
                hint=f'A name with blanks stands in quotes: `{name}="{value} {word}"`.',
            )


def _verbatim(
    params: Sequence[Param], words: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """One word for each parameter before the last, which takes the rest as it was typed."""
    *heads, last = params
    for param, word in zip(heads, words, strict=False):
        yield param.name, (word.removeprefix(f"{param.name}=").replace('"', ""),)
    if rest := words[len(heads) :]:
        yield last.name, (" ".join(rest),)


def _words(line: str) -> list[str]:
    text = line.translate(_QUOTES).strip()
    if len(text) > MAX_LINE:
        raise UserError(
            f"This line has {len(text)} characters.", hint=f"A line may have up to {MAX_LINE}."
        )
    if text.count('"') % 2:
        raise UserError(f"A quote is left open in '{text}'.", hint='Close it, or leave the " out.')
    words = _WORD.findall(text)
    if len(words) > MAX_WORDS:
        raise UserError(
            f"This line has {len(words)} words.", hint=f"A line may have up to {MAX_WORDS}."
        )
    return words


def _add(given: dict[str, tuple[str, ...]], param: Param, text: str) -> None:
    already = given.get(param.name, ())
    if already and not param.repeatable:
        raise UserError(
            f"'{param.name}' is given twice: '{already[0]}' and '{text}'.", hint="Keep one of them."
        )
    given[param.name] = (*already, text)


def _nearest_option(name: str, chosen: Command) -> str:
    names = [param.name for param in chosen.params]
    if any(param.type.nested for param in chosen.params):
        return f"It knows {', '.join(f'`{one}=`' for one in names)}; a line stands in quotes."
    close = difflib.get_close_matches(name.casefold(), names, 1)
    if close:
        return f"Did you mean `{close[0]}=`?"
    known = ", ".join(f"`{known}=`" for known in names)
    return f"It knows {known}." if known else f"Type just `{chosen.name}`."


def exportable(line: str) -> Call:
    """The call of a line whose answer may become a file; raises UserError for what may not."""
    call = parse(line)
    if call.command.changes:
        raise UserError(
            f"`{call.command.name}` changes something, so it is not exported.",
            hint="Export what it changed, for example `export csv by-model`.",
        )
    if any(param.type.verbatim for param in call.command.params):
        raise UserError(
            f"`{call.line}` is an export itself.", hint="Say the form once: `export csv by-model`."
        )
    return call


def amend(line: str, changes: Mapping[str, Sequence[str]]) -> str:
    """The line with other values for some parameters; an empty sequence takes one out.

    Parameters that the command does not have are left out silently: a form asks the same
    questions of every command.
    """
    call = parse(line)
    known = {param.name for param in call.command.params}
    given = {**call.given, **{k: tuple(v) for k, v in changes.items() if k in known}}
    return Call(call.command, given).line


def run(line: str, ctx: Context) -> Report:
    """Answer a line; the only way in.  Raises UserError for a mistake or a missing right."""
    call = _as_preferred(parse(line), ctx)
    permit(call.command, ctx)
    call = _pinned(call, ctx)
    values: dict[str, object] = {}
    for param in call.command.params:
        texts = call.given.get(param.name) or ((param.default,) if param.default else ())
        if param.type.required and not texts:
            raise UserError(
                f"`{call.command.name}` needs {_wanted(param)}.",
                hint=f"Type `{call.command.usage}`, for example `{call.command.example}`.",
            )
        param.read_into(values, texts, ctx)
    allowed = walled(values, ctx, shows_people=call.lists_people)
    report = call.command.answer(ctx, **allowed)
    framed = (*report.blocks, *_frame(call, report))
    theme = typing.cast("Theme", ctx.chosen("theme"))
    return replace(report, blocks=framed, line=call.line, as_of=ctx.now, theme=theme)


def _wanted(param: Param) -> str:
    """`credits`, `stars: 1-5`: what is missing, by its name where its values are no word."""
    is_word = param.words.islower() and param.words.replace("-", "").isalpha()
    return param.words if is_word else f"{param.name}: {param.words}"


def _as_preferred(call: Call, ctx: Context) -> Call:
    """The call with what its asker prefers where it says nothing; its line then says it."""
    if call.command.changes:
        return call  # what is changed is what the line says, whatever its asker usually looks at
    given = dict(call.given)
    for name, text in preferred(call.command.params, call.given, ctx):
        given[name] = (*given.get(name, ()), text)
    return replace(call, given=given)


def _pinned(call: Call, ctx: Context) -> Call:
    """The call with the very days of a period that was named by its place in time.

    Buttons below a post must ask about its period also when they are pressed a week later.
    """
    given = dict(call.given)
    for param in call.command.params:
        texts = given.get(param.name) or ((param.default,) if param.default else ())
        pinned = tuple(param.type.pinned(texts, ctx))
        if pinned != texts:
            given[param.name] = pinned
    return replace(call, given=given)


# Other ranges that are one click away from any question with a range.
RANGE_BUTTONS = (
    ("7d", "last 7d", "last 7 days"),
    ("30d", "last 30d", "last 30 days"),
    ("Month", "this month", "this month"),
)


EXPORT_BUTTONS: tuple[tuple[str, Form], ...] = (
    ("Export CSV", "csv"),
    ("PDF", "pdf"),
    ("JSON", "json"),
    ("PNG", "png"),
)


def _frame(call: Call, report: Report) -> Iterator[Actions]:
    """The buttons under every answer about a period: other ranges, form; files, sharing."""
    if report.period is None or report.own_buttons:
        return
    line = call.line
    if call.command.param("range") is not None:
        others = [
            Button(label, amend(line, {"range": [words]}))
            for label, words, period in RANGE_BUTTONS
            if period != report.period.label
        ]
        yield Actions((*others, Button("More…", line, "edit")))
    forms = [one for one in EXPORT_BUTTONS if one[1] != "png" or report.figure is not None]
    files = [Button(label, line, form) for label, form in forms]
    yield Actions((*files, Button("Share to channel", line, "share")))


def permit(chosen: Command, ctx: Context) -> None:
    """Let the asker pass or raise UserError naming who may; checked at every click again."""
    if not chosen.for_anyone:
        check_inside(ctx.asker.identity.place)
    if chosen.changes and not ctx.may_change:
        raise UserError(f"`{chosen.name}` changes something.", hint="Type it yourself, in chat.")
    if not outranks(ctx.asker.role, chosen.needs):
        who = "leads and admins" if chosen.needs == "lead" else f"{chosen.needs}s"
        raise NotAllowed(f"`{chosen.name}` is for {who}.", hint="Ask an admin of this workspace.")
    if chosen.changes and outranks(chosen.needs, "lead"):
        check_readers(ctx.asker.identity.place, f"`{chosen.name}`")


def complete(chosen: Command, name: str, text: str, ctx: Context) -> list[str]:
    """Up to 25 completions of what is typed for a parameter, best first."""
    param = chosen.param(name)
    return param.type.complete(text, ctx)[:25] if param else []
