"""What a policy of buying is made of: its trigger, its amounts, who approves, the provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from analytics.errors import UserError
from analytics.text import clean
from bot.addresses import Forbidden, check_url
from bot.context import Context
from bot.params.amounts import AmountType, parse_amount
from bot.params.base import ParamType
from bot.params.numbers import whole
from bot.params.usual import ChoiceType

NamedAmount = NewType("NamedAmount", int)  # micro-credits
ApprovalBy = NewType("ApprovalBy", str)
Approvers = NewType("Approvers", str)
ProviderUrl = NewType("ProviderUrl", str)
MAX_URL = 400
MAX_TRIGGER = 100
LEFT = "left"
NOBODY = ("off", "none", "dry-run")


@dataclass(frozen=True, slots=True)
class Trigger:
    """When to buy: at per cent used, or with fewer micro-credits left; one of them is None."""

    percent: int | None
    left: int | None


class TriggerType(ParamType):
    """Per cent of the budget or plan (`100%`), or the credits that are left (`2000`)."""

    words = "100%|2000"

    def read(self, texts: Sequence[str], ctx: Context) -> Trigger | None:
        """The trigger, None when it was left out; raises UserError."""
        del ctx
        if not texts:
            return None
        text = texts[0].strip()
        if not text.endswith("%"):
            if whole(text, range(1, MAX_TRIGGER + 1)) is not None:
                raise UserError(
                    f"'{text}' may be a share used or credits left.",
                    hint=f"Write `trigger={text}%` or `trigger={text}{LEFT}`.",
                )
            try:
                return Trigger(None, parse_amount(text.casefold().removesuffix(LEFT)))
            except UserError:
                raise self._unknown(text) from None
        percent = whole(text.removesuffix("%").strip(), range(1, MAX_TRIGGER + 1))
        if percent is None:
            raise self._unknown(text)
        return Trigger(percent, None)

    @staticmethod
    def _unknown(text: str) -> UserError:
        return UserError(
            f"'{clean(text, 40)}' is no trigger.",
            hint="Buy at a share used, `trigger=90%` (1% to 100%), or when fewer credits are left, "
            "`trigger=2000`.",
        )


class NamedAmountType(AmountType):
    """Credits that are always named: `pack=5000`."""

    positional = False
    required = False

    def read(self, texts: Sequence[str], ctx: Context) -> NamedAmount | None:  # type: ignore[override]  # may be left out
        """Micro-credits, None when left out; raises UserError."""
        return NamedAmount(super().read(texts, ctx)) if texts else None


class MaybeChoiceType(ChoiceType):
    """One of a few words, or nothing."""

    def read(self, texts: Sequence[str], ctx: Context) -> str | None:  # type: ignore[override]  # may be left out
        """The choice, None when it was left out; raises UserError."""
        return super().read(texts, ctx) if texts else None


class ApprovalType(MaybeChoiceType):
    """Whether somebody must say yes to a purchase."""

    def __init__(self) -> None:
        super().__init__(("admin", "automatic"))


class ApproversType(MaybeChoiceType):
    """Who may say yes."""

    def __init__(self) -> None:
        super().__init__(("owners", "admins"))


class ProviderUrlType(ParamType):
    """The address of a provider, or `dry-run` for none; a `?` or `=` in it is no option."""

    words = "https://…|dry-run"
    verbatim = True
    required = True

    def read(self, texts: Sequence[str], ctx: Context) -> ProviderUrl:
        """The address, "" for none; raises UserError for one that nothing may be sent to."""
        del ctx
        text = texts[0].strip().strip("<>\"'`")
        if text.casefold() in NOBODY:
            return ProviderUrl("")
        if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
            raise UserError(
                f"'{clean(text, 40)}' is no address.",
                hint=f"Write https://…, at most {MAX_URL} plain characters.",
            )
        try:
            check_url(text)
        except Forbidden as error:
            raise UserError(
                f"'{clean(text, 60)}' cannot be used: {error}.",
                hint="It must be https:// and a host of the public internet, without a password.",
            ) from None
        return ProviderUrl(text)
