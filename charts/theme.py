"""The two themes.  A colour belongs to a role or a model family for ever, never to a rank.

Family colours keep their distance for people with any colour vision and stand out from the
background; a test measures both before a colour may change or a family may get its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

ThemeName = Literal["light", "dark"]
Format = Literal["png", "svg", "pdf"]
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by role; `families` by model family, with "Other" for every other one.

    `heat` goes from nothing to most; `series` are for lines that stand side by side.
    """

    name: str
    bg: str
    panel: str
    ink: str
    ink2: str
    muted: str
    grid: str
    border: str
    accent: str
    accent_soft: str
    ok: str
    warn: str
    crit: str
    families: dict[str, str]
    tiers: dict[str, str]
    series: tuple[str, ...]
    heat: tuple[str, ...]

    @property
    def colours(self) -> tuple[str, ...]:
        """Every colour of the theme but the heat map's, which are many and close."""
        roles = (self.bg, self.panel, self.ink, self.ink2, self.muted, self.grid, self.border)
        marks = (self.accent, self.accent_soft, self.ok, self.warn, self.crit)
        split = (*self.families.values(), *self.tiers.values(), *self.series)
        return tuple(dict.fromkeys((*roles, *marks, *split)))

    def family(self, name: str) -> str:
        """The colour of a model family."""
        return self.families.get(name, self.families[OTHER])

    def tier(self, name: str) -> str:
        """The colour of a multiplier tier; one hue, and grey for models without a multiplier."""
        return self.tiers.get(name, self.families[OTHER])

    def warmth(self, fraction: float) -> str:
        """The colour of the heat map between nothing (0) and its largest value (1)."""
        place = min(max(fraction, 0), 1) * (len(self.heat) - 1)
        low = min(int(place), len(self.heat) - 2)
        ends = (bytes.fromhex(self.heat[low + step].removeprefix("#")) for step in (0, 1))
        mixed = (round(a + (b - a) * (place - low)) for a, b in zip(*ends, strict=True))
        return "#" + bytes(mixed).hex().upper()

    def written_on(self, area: str) -> str:
        """White or ink, whichever contrasts more with an area of a colour."""
        white, ink = (abs(_log_light(area) - _log_light(text)) for text in (WHITE, INK))
        return WHITE if white > ink else INK


WHITE, INK = "#FFFFFF", "#12161C"


def _log_light(colour: str) -> float:
    """The logarithm of a luminance as WCAG 2 compares them."""
    parts = (part / 255 for part in bytes.fromhex(colour.removeprefix("#")))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return log(0.05 + sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))


LIGHT = Theme(
    name="light",
    bg="#FFFFFF",
    panel="#F6F7F9",
    ink="#12161C",
    ink2="#3F4854",
    muted="#667080",
    grid="#E4E7EC",
    border="#D5DAE1",
    accent="#2F5BD8",
    accent_soft="#A9BFF7",
    ok="#1A8754",
    warn="#A86400",
    crit="#9B1C31",
    families={
        "ChatGPT": "#0F7F66",
        "Claude": "#E2752F",
        "Gemini": "#5B8BFA",
        "Llama": "#7A35B5",
        "DeepSeek": "#14275A",
        "Mistral": "#7D4A00",
        OTHER: "#8C96A3",
    },
    tiers={"premium": "#172B78", "standard": "#4169E1", "economy": "#93ADF6"},
    series=("#2F5BD8", "#C2780A", "#9E2E5B", "#12161C"),
    heat=("#F3F6FE", "#D5E0FC", "#A9C0F8", "#7497EE", "#436BD9", "#2747A6", "#162C6E"),
)
DARK = Theme(
    name="dark",
    bg="#1B1F26",
    panel="#232831",
    ink="#F2F4F7",
    ink2="#CBD1DA",
    muted="#98A2B0",
    grid="#313843",
    border="#3A424E",
    accent="#7EA2FF",
    accent_soft="#41588F",
    ok="#3FBF8A",
    warn="#F6B73C",
    crit="#FF6B6B",
    families={
        "ChatGPT": "#17A085",
        "Claude": "#EE8448",
        "Gemini": "#8DB0FF",
        "Llama": "#A05FEA",
        "DeepSeek": "#4A6AA5",
        "Mistral": "#F3DB98",
        OTHER: "#AAB4C2",
    },
    tiers={"premium": "#C3D3FF", "standard": "#6F93F5", "economy": "#3A57A8"},
    series=("#7EA2FF", "#F5AB3D", "#D8557D", "#F2F4F7"),
    heat=("#222A3A", "#263A68", "#2F509A", "#3F6BCB", "#6590EE", "#9DBBFB", "#DCE7FF"),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}
