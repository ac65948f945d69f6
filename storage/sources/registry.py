"""Which sources there are, and which one a file belongs to.

A source is found by its module alone: a new file in this package with a `SOURCE` is offered.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import storage.sources
from storage.errors import UnusableFile
from storage.sources.base import Fit, Sample, Source
from storage.sources.names import quoted

AUTO = "auto"


@cache
def sources() -> tuple[Source, ...]:
    """Every source by name."""
    package = storage.sources
    modules = (
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
    )
    found: list[Source] = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return tuple(sorted(found, key=lambda source: source.name))


def choose(name: str, sample: Sample) -> Source:
    """The source that a file is read with: the named one, or with "auto" the one that fits.

    Raises UnusableFile for a name that does not exist, a file of another format than the named
    one (it is told which), and a file that fits none (the nearest is told).
    """
    fits = {source.name: (source, source.fit(sample)) for source in sources()}
    if name != AUTO and name not in fits:
        raise UnusableFile(
            f"There is no source {quoted(name)}.", hint=f"Known are {', '.join(fits)}."
        )
    fitting = [(fit.matched, source) for source, fit in fits.values() if not fit.lacking]
    best = max(fitting, key=lambda found: found[0])[1] if fitting else None
    if best is not None and name in (AUTO, best.name):
        return best
    if best is not None:
        raise UnusableFile(
            f"This looks like {best.title}, not like {fits[name][0].title}.",
            hint=f"Use --source {best.name} or leave --source out.",
        )
    if name != AUTO:
        message, hint = _lack(*fits[name])
        raise UnusableFile(message, hint=hint)
    raise _unknown(list(fits.values()), sample)


def _unknown(fits: list[tuple[Source, Fit]], sample: Sample) -> UnusableFile:
    known = ", ".join(source.name for source, _ in fits)
    nearest, fit = max(fits, key=lambda found: _nearness(found[1]))
    if not fit.matched:
        names = quoted(", ".join(sample.header or sorted(sample.names)))
        advice = " ".join(fit.hint for _, fit in fits if fit.hint)
        return UnusableFile(
            f"The columns {names} are none of a known format.",
            hint=f"Known formats: {known}. {advice}",
        )
    message, hint = _lack(nearest, fit)
    return UnusableFile(
        f"The format is not known. {message}", hint=f"{hint} Known formats: {known}.".strip()
    )


def _nearness(fit: Fit) -> float:
    return fit.matched / (fit.matched + len(fit.lacking) or 1)


def _lack(source: Source, fit: Fit) -> tuple[str, str]:
    names = ", ".join(f'"{name}"' for name in fit.lacking)
    word = "column" if len(fit.lacking) == 1 else "columns"
    return f"The {word} {names} of {source.title} is missing.", fit.hint
