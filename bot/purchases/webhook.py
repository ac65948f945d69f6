"""A provider of credits, asked by a signed request; see docs/purchases.md for the protocol.

Whatever comes back becomes one of seven outcomes with a reason.  Only an answer that follows the
protocol to the letter sells or declines anything: all else is unknown, and is asked again by the
same key.
"""

from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from analytics.numbers import exact_credits
from bot.addresses import Forbidden, check_url, is_public
from storage.events import MICRO
from storage.purchases import Purchase
from storage.text import tidy
from storage.timekeys import to_micros

TIMEOUT: Final = 5.0  # seconds for everything: resolving, connecting, the whole answer
MAX_ANSWER: Final = 64 << 10
MAX_WORDS, MAX_REFERENCE = 120, 120
MOST_WAIT: Final = 86_400.0
TIMESTAMP, SIGNATURE, KEY = "X-Creditbot-Timestamp", "X-Creditbot-Signature", "Idempotency-Key"
VERSION = "v1"
Kind = Literal["accepted", "pending", "declined", "refused", "unreached", "unknown", "mismatch"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request came to.

    accepted, pending, declined: what the provider says of the key.  refused, unreached: this
    request sold nothing, of earlier ones nothing is known.  unknown: it may be sold.  mismatch:
    something else was sold.
    """

    kind: Kind
    reason: str = ""
    reference: str = ""
    retry_after: float | None = None


class Webhook:
    """Asks providers; `trusted` is an address that is asked instead of any other, as it stands."""

    def __init__(self, secret: str, *, trusted: str = "", timeout: float = TIMEOUT) -> None:
        self._secret = secret
        self._trusted = trusted
        self._timeout = timeout

    async def ask(self, purchase: Purchase, *, workspace: str, unit: str, now: datetime) -> Outcome:
        """Ask once for a purchase; never raises."""
        url = self._trusted or purchase.url or ""
        body = body_of(purchase, workspace=workspace, unit=unit)
        headers = signed_headers(self._secret, body, purchase.idempotency_key, now)
        try:
            if not self._trusted:
                check_url(url)
            async with (
                self._session() as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return await _outcome(answer, purchase, unit)
        except Forbidden as error:
            return Outcome("unreached", str(error))
        except aiohttp.ClientConnectorError as error:
            # The resolver's own refusal arrives wrapped, as does a port that nobody listens on.
            return Outcome("unreached", f"could not be reached: {_cause(error)}")
        except TimeoutError:
            return Outcome("unknown", "no answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome("unknown", f"no answer: {_cause(error)}")

    def _session(self) -> aiohttp.ClientSession:
        """A session of its own for each request: no connection is used twice, no cookie kept."""
        resolver = None if self._trusted else PublicResolver()
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, force_close=True),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            auto_decompress=False,  # a small answer may inflate to anything
            cookie_jar=aiohttp.DummyCookieJar(),
        )


# ---- what is sent


def body_of(purchase: Purchase, *, workspace: str, unit: str) -> bytes:
    """The body of a request, equal for every try of a purchase but for `attempt`."""
    said = {
        "type": "credits.purchase",
        "key": purchase.idempotency_key,
        "workspace": workspace,
        "credits": f"{exact_credits(purchase.credits):f}",
        "unit": unit,
        "attempt": purchase.attempts,
    }
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode()


def signed_headers(secret: str, body: bytes, key: str, now: datetime) -> Mapping[str, str]:
    """The headers of a request."""
    timestamp = str(to_micros(now) // 1_000_000)
    return {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "creditbot",
        KEY: key,
        TIMESTAMP: timestamp,
        SIGNATURE: f"{VERSION}={signature(secret, timestamp, body)}",
    }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of timestamp, a dot and the raw body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


# ---- where it may go


class PublicResolver(AbstractResolver):
    """Finds the addresses of a name, and refuses one that has any private address.

    The connection goes to exactly these, so a second answer of the name's owner changes nothing.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses; raises OSError."""
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise OSError(None, "its name leads to a private address")
        return found

    async def close(self) -> None:
        """Nothing is held."""


# ---- what comes back


async def _outcome(answer: aiohttp.ClientResponse, purchase: Purchase, unit: str) -> Outcome:
    status = answer.status
    if 300 <= status < 400:
        return Outcome("refused", f"it redirects (status {status}), which is not followed")
    if status in (408, 425, 429):
        wait = _retry_after(answer)
        return Outcome("unreached", f"it is busy (status {status})", retry_after=wait)
    if status >= 500:
        wait = _retry_after(answer)
        return Outcome("unknown", f"it failed (status {status})", retry_after=wait)
    said = _parsed(await _limited(answer))
    if status >= 400:
        judged = Outcome("unknown") if said is None else _judged(said, purchase, unit)
        is_clear = judged.kind == "declined"
        words = f"it refused the request (status {status})"
        return judged if is_clear else Outcome("refused", words)
    if said is None:
        return Outcome("unknown", "its answer is not the JSON that was agreed")
    return _judged(said, purchase, unit)


async def _limited(answer: aiohttp.ClientResponse) -> bytes | None:
    """The body; None where it is larger than allowed, or compressed."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return None
    read = bytearray()
    async for chunk in answer.content.iter_any():
        read += chunk
        if len(read) > MAX_ANSWER:
            return None
    return bytes(read)


def _parsed(body: bytes | None) -> dict[str, Any] | None:
    """The object that a body holds; None for anything else, and for one with a name twice."""
    try:
        said = json.loads(
            body or b"",
            parse_float=Decimal,
            parse_constant=_refuse,
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return said if isinstance(said, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _judged(said: Mapping[str, Any], purchase: Purchase, unit: str) -> Outcome:
    """What an object means; one about another purchase says nothing of this."""
    if said.get("key") != purchase.idempotency_key:
        return Outcome("unknown", "it answers about another key")
    reference = _words(said.get("reference"), MAX_REFERENCE)
    match said.get("status"):
        case "pending":
            return Outcome("pending", _words(said.get("reason")), reference)
        case "declined":
            return Outcome("declined", _words(said.get("reason")) or "it gave no reason", reference)
        case "accepted" if not reference:
            return Outcome("unknown", "it accepted without a reference")
        case "accepted":
            return _sold(said, purchase, unit, reference)
        case _:
            return Outcome("unknown", "its status is none that was agreed")


def _sold(said: Mapping[str, Any], purchase: Purchase, unit: str, reference: str) -> Outcome:
    """Accepted, if what was sold is what was asked for."""
    amount = _micro(said.get("credits"))
    if amount is None or not isinstance(said.get("unit"), str):
        return Outcome("unknown", "it accepted without saying how many credits", reference)
    if amount != purchase.credits:
        asked, sold = (f"{exact_credits(one):,f}" for one in (purchase.credits, amount))
        return Outcome("mismatch", f"it sold {sold} where {asked} were asked", reference)
    if said["unit"] != unit:
        words = f"it sold '{_words(said['unit'], 20)}' where '{unit}' was asked"
        return Outcome("mismatch", words, reference)
    return Outcome("accepted", "", reference)


def _micro(value: object) -> int | None:
    """Micro-credits of a JSON number or a decimal text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        amount = Decimal(value) * MICRO
    except (ArithmeticError, ValueError):
        return None
    if not amount.is_finite() or abs(amount) > 10**18 or amount != int(amount):
        return None
    return int(amount)


def _words(text: object, limit: int = MAX_WORDS) -> str:
    return tidy(text, limit) if isinstance(text, str) else ""


def _retry_after(answer: aiohttp.ClientResponse) -> float | None:
    """Seconds; a date is as good as nothing here."""
    text = answer.headers.get("Retry-After", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        return None
    return min(float(text), MOST_WAIT)


def _cause(error: Exception) -> str:
    """Why, in words without an address."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    words = inner.strerror if isinstance(inner, OSError) else ""
    return tidy(words or type(inner).__name__, MAX_WORDS)
