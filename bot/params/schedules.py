"""What a subscription is made of: a schedule of several words, a line, files, quiet hours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NewType

from analytics.errors import UserError
from analytics.report import FORMS
from analytics.schedule import Schedule, holds_schedule, schedule_words
from analytics.text import clean
from bot.context import Context
from bot.params.alerts import QuietHours, QuietHoursType
from bot.params.base import YES, Param, ParamType
from bot.params.usual import ChoiceType

When = NewType("When", Schedule)
StoredLine = NewType("StoredLine", str)
Forms = NewType("Forms", tuple[str, ...])
SkipEmpty = NewType("SkipEmpty", bool)
PeopleRows = NewType("PeopleRows", bool)
Catchup = NewType("Catchup", str)
Receiver = NewType("Receiver", str)
ChannelName = NewType("ChannelName", str)
NO = "no"
NONE = "none"
CATCHUPS = ("latest", "all", "none")
_BEGINNINGS = (
    "daily 09:00",
    "weekly mon 09:00",
    "weekly fri 16:00",
    "monthly 1 09:00",
    "monthly last 09:00",
    "every 3 days 10:00",
    "cron 0 9 * * mon-fri",
)
# A name in quotes inside a line that itself stands in quotes: project='Customer Portal'.
_NAME = re.compile(r"(^|[\s=])['‘’](.+?)['‘’](?=[\s,]|$)")


class ScheduleType(ParamType):
    """When it is due, of several words: `weekly mon 09:00 Europe/Berlin`."""

    words = "weekly mon 09:00"
    positional = True

    def __init__(self, *, required: bool) -> None:
        self.required = required

    def read(self, texts: Sequence[str], ctx: Context) -> When | None:
        """The schedule, None when it was left out; raises UserError."""
        del ctx
        return When(Schedule.parse(texts[0])) if texts else None

    def takes(self, words: Sequence[str]) -> int:
        """The words that belong to a schedule and its zone."""
        if taken := schedule_words(list(words)):
            return taken
        # A question before the schedule is quoted whole by whoever reads it.
        return len(words) if self.required and holds_schedule(words) else int(self.required)

    def is_placed(self, text: str) -> bool:
        """Whether it reads as a schedule; what does not, and may be left out, has its name."""
        return self.required or _is_schedule(text)

    def written(self, text: str) -> str:
        """Its words without quotes, where they are known by themselves."""
        return " ".join(text.split()) if _is_schedule(text) else super().written(text)

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Usual ones that begin so."""
        del ctx
        typed = " ".join(text.casefold().split())
        return [one for one in _BEGINNINGS if one.startswith(typed)]


def _is_schedule(text: str) -> bool:
    words = text.split()
    return bool(words) and schedule_words(words) == len(words)


class StoredLineType(ParamType):
    """Another line, in quotes or to the end of this one: `"by-department last 7d"`."""

    words = '"by-department last 7d"'
    positional = True
    nested = True

    def read(self, texts: Sequence[str], ctx: Context) -> StoredLine | None:
        """The line as it would be typed alone, None when it was left out."""
        del ctx
        return StoredLine(_NAME.sub(r'\1"\2"', texts[0])) if texts else None

    def takes(self, words: Sequence[str]) -> int:
        """All that is left."""
        return len(words)

    def written(self, text: str) -> str:
        """In quotes; names inside stand in single ones."""
        bare = " ".join(text.replace('"', "'").split())
        return f'"{bare}"' if bare else ""


class FlagType(ParamType):
    """A wish that is said by its name: `skip-empty`, and taken back by `skip-empty=no`."""

    words = f"{YES}|{NO}"
    flag = True

    def read(self, texts: Sequence[str], ctx: Context) -> bool | None:
        """Yes or no, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        typed = texts[0].casefold()
        if typed not in (YES, NO, "on", "off", "true", "false"):
            raise UserError(
                f"'{clean(texts[0], 40)}' is neither yes nor no.", hint="Write `yes` or `no`."
            )
        return typed in (YES, "on", "true")

    def complete(self, text: str, ctx: Context) -> list[str]:
        """Yes and no."""
        del ctx
        return [one for one in (YES, NO) if one.startswith(text.casefold())]

    def expand(self, name: str, default: str | None) -> Iterator[Param]:
        """One parameter, whose name is typed with a hyphen."""
        yield Param(name.replace("_", "-"), name, self, default)


class FormsType(ParamType):
    """Forms of files that go along: `pdf,csv`."""

    words = "pdf,csv"

    def read(self, texts: Sequence[str], ctx: Context) -> Forms | None:
        """The forms, each once, none for `none`, None when left out; raises UserError."""
        del ctx
        if not texts:
            return None
        typed = [one for one in re.split(r"[,\s]+", texts[0].casefold()) if one]
        for one in typed:
            if one not in FORMS and typed != [NONE]:
                raise UserError(
                    f"'{clean(one, 40)}' is no form of a file.",
                    hint=f"Choose some of {', '.join(FORMS)}: `attach=pdf,csv`; or `attach=none`.",
                )
        return Forms(tuple(dict.fromkeys(one for one in typed if one != NONE)))


class CatchupType(ChoiceType):
    """What is told after an outage: the latest missed period, all of them, none."""

    def __init__(self) -> None:
        super().__init__(CATCHUPS)

    def read(self, texts: Sequence[str], ctx: Context) -> str | None:  # type: ignore[override]  # may be left out
        """The policy, None when it was left out; raises UserError with the three."""
        return super().read(texts, ctx) if texts else None


class ReceiverType(ChoiceType):
    """Whoever gets it directly: only oneself."""

    def __init__(self) -> None:
        super().__init__(("me",))

    def read(self, texts: Sequence[str], ctx: Context) -> str | None:  # type: ignore[override]  # may be left out
        """`me`, None when it was left out; raises UserError that says how a channel is named."""
        if texts and texts[0].casefold() not in self.choices:
            raise UserError(
                f"'{clean(texts[0], 60)}' is not you: only `to=me` goes to a person.",
                hint="For a channel type it there, or name it: `in=#channel`.",
            )
        return super().read(texts, ctx) if texts else None


class ChannelNameType(ParamType):
    """A channel by its mention, id or known name; `here` is where it is typed."""

    words = "here|#channel"

    def read(self, texts: Sequence[str], ctx: Context) -> ChannelName | None:
        """What was typed; which channel that is finds whoever knows them."""
        del ctx
        return ChannelName(" ".join(texts[0].split())) if texts else None


class MaybeQuietHoursType(QuietHoursType):
    """Quiet hours that may be left out."""

    positional = False
    required = False

    def read(self, texts: Sequence[str], ctx: Context) -> QuietHours | None:  # type: ignore[override]  # may be left out
        """Minutes of the day from and to, (0, 0) for off, None when left out; raises UserError."""
        return super().read(texts, ctx) if texts else None
