"""Numbers for people: one way to write each kind, on every surface and in every picture."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from storage.events import MICRO, NANO

LEAST_WHOLE = 10 * MICRO  # credits from here on are written without decimals
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


def credits_text(micro: int) -> str:
    """`4,900`, `8.5`, `0.03`: no decimals from 10 on, one below, more only below a tenth."""
    value = Decimal(micro) / MICRO
    size = abs(value)
    if value < 0:
        return f"−{credits_text(-micro)}"
    if size * MICRO >= LEAST_WHOLE or value == value.to_integral_value():
        return f"{value:,.0f}"
    places = 1 if size >= Decimal("0.1") else 2 if size >= Decimal("0.01") else 6
    text = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):,f}"
    return text.rstrip("0").rstrip(".") if places == 6 else text


def as_written(
    parts: Sequence[int], total: int | None = None, *, others: int | None = None
) -> list[int]:
    """Micro-credits of parts as they are to be written below their total, so that they add up.

    Whole credits by largest remainder; what has decimals stays.  The row of `others`, by its place,
    takes what is missing where that hardly changes it, so a row is the same in every table.
    """
    whole = sum(parts) if total is None else total
    written = {
        place: round_half_even(part, MICRO)
        for place, part in enumerate(parts)
        if abs(part) >= LEAST_WHOLE
    }
    if abs(whole) < LEAST_WHOLE:
        return list(parts)
    small = sum(part for place, part in enumerate(parts) if place not in written)
    room = round_half_even(round_half_even(whole, MICRO) * MICRO - small, MICRO)
    missing = room - sum(written.values())
    if others in written and _takes(parts[others], written[others] + missing):
        written[others] += missing
    else:
        _spread(written, parts, missing)
    return [written[at] * MICRO if at in written else part for at, part in enumerate(parts)]


def _takes(exact: int, written: int) -> bool:
    """Whether others may be written so: within a credit or a hundredth of what they are."""
    return abs(written * MICRO - exact) <= max(MICRO, abs(exact) // 100)


def _spread(written: dict[int, int], parts: Sequence[int], missing: int) -> None:
    """Move the rows that were rounded away most by one; ties go up for the larger, then first."""
    sign = 1 if missing > 0 else -1

    def away(at: int) -> int:
        return sign * (parts[at] - written[at] * MICRO)

    ordered = sorted(written, key=lambda at: (-away(at), -sign * parts[at], sign * at))
    for at in ordered[: abs(missing)]:
        written[at] += sign if away(at) > 0 else 0


def round_half_even(part: int, whole: int) -> int:
    """Integer division, rounded half to even; exact for any size."""
    floor, rest = divmod(part, whole)
    return floor + (2 * rest > whole or (2 * rest == whole and floor % 2))


def exact_credits(micro: int) -> Decimal:
    """Credits with at most six decimals, for programs."""
    return (Decimal(micro) / MICRO).normalize() + 0


def ratio_text(micro: int) -> str:
    """Credits per prompt: as credits, but `1.0` below 10, so that a column of them lines up."""
    text = credits_text(micro)
    return f"{text}.0" if abs(micro) < 10 * MICRO and "." not in text else text


def axis_text(micro: int) -> str:
    """Credits beside an axis: `250`, `1.5k`, `20M`, `0.05`."""
    value = Decimal(micro) / MICRO
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if abs(value) >= size:
            return f"{(value / size).normalize():f}{unit}"
    return f"{value.normalize():f}"


def count_text(value: int) -> str:
    """`2,450`."""
    return f"{value:,}"


def counted(value: int, thing: str) -> str:
    """`1 prompt`, `2,450 prompts`."""
    return f"{value:,} {thing}" + ("" if value == 1 else "s")


def counted_credits(micro: int) -> str:
    """`1 credit`, `2,450 credits`, `0.3 credits`."""
    text = credits_text(micro)
    return f"{text} credit" + ("" if text == "1" else "s")


def cost_text(nano: int, currency: str) -> str:
    """`$12.40`, `CHF 3.10`; four decimals below a cent."""
    value = Decimal(nano) / NANO
    places = 2 if abs(value) >= Decimal("0.01") or not value else 4
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{symbol}{value:,.{places}f}"


def multiplier_text(millionths: int) -> str:
    """`2x`, `0.3x`, `2.5x`."""
    return f"{(Decimal(millionths) / MICRO).normalize():f}x"


def duration_text(ms: float) -> str:
    """`0.8 s` from 100 ms on, `85 ms` below."""
    return f"{ms / 1000:,.1f} s" if ms >= 100 else f"{ms:.0f} ms"


def step_text(step: float) -> str:
    """`+0.7`, `−0.5`, `0.0`: a difference with its sign, none where it rounds to nothing."""
    size = f"{abs(step):.1f}"
    return size if size == "0.0" else f"{'−' if step < 0 else '+'}{size}"


def factor_text(factor: float) -> str:
    """`×1.3`, `×0.04`: one decimal, below a tenth two; what is not nothing never reads as ×0."""
    if 0 < factor < 0.005:
        return "<×0.01"
    return f"×{factor:,.2f}" if 0 < factor < 0.095 else f"×{factor:,.1f}"


def rate_text(fraction: float) -> str:
    """`96.1%`; 100% and 0% only where nothing is missing, so 99.96 is `>99.9%`.

    Below nothing with a true minus sign: a part of a change may go the other way.
    """
    if fraction < 0:
        return f"−{rate_text(-fraction)}"
    if 0.999 < fraction < 1:
        return ">99.9%"
    if 0 < fraction < 0.001:
        return "<0.1%"
    return f"{fraction:.1%}" if 0 < fraction < 1 else f"{fraction:.0%}"


def change_of(now: int, before: int | None) -> float | str | None:
    """The fraction of change; "new" without a previous value, None when it is not known."""
    if before is None:
        return None
    if before == 0:
        return "new" if now else None
    return now / before - 1


def change_text(change: float | str | None) -> str:
    """`▲ 8%`, `▼ 11%`, `0%`, `▲ ×12` from tenfold on, `new`, `–` when unknown."""
    if change is None:
        return "–"
    if isinstance(change, str):
        return change
    if change >= 9:
        return f"▲ ×{change + 1:,.0f}"
    if abs(change) < 0.005:
        return "0%"
    return f"{'▲' if change > 0 else '▼'} {abs(change):.0%}"


def shares(parts: Sequence[int], whole: int = 100) -> list[int]:
    """Whole per cents by largest remainder: they add up to `whole`, or are all 0 for nothing.

    Ties go to the larger part, then to the first.
    """
    total = sum(parts)
    if total <= 0:
        return [0] * len(parts)
    floors = [part * whole // total for part in parts]
    by_remainder = sorted(
        range(len(parts)), key=lambda i: (-(parts[i] * whole % total), -parts[i], i)
    )
    for index in by_remainder[: whole - sum(floors)]:
        floors[index] += 1
    return floors


def nested_shares(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Shares of the members of groups: groups add up to 100, members to their group."""
    wholes = shares([sum(members) for members in groups])
    return [shares(members, whole) for members, whole in zip(groups, wholes, strict=True)]
