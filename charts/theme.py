"""The two themes.  A colour belongs to a role or a model family for ever, never to a rank.

Family colours keep their distance for people with any colour vision and stand out from the
background; a test measures both before a colour may change or a family may get its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark"]
Format = Literal["png", "svg", "pdf"]
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by role; `families` by model family, with "Other" for every other one."""

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
    families: dict[str, str]

    @property
    def colours(self) -> tuple[str, ...]:
        """Every colour of the theme."""
        roles = (self.bg, self.panel, self.ink, self.ink2, self.muted, self.grid, self.border)
        return (*roles, self.accent, self.accent_soft, *self.families.values())

    def family(self, name: str) -> str:
        """The colour of a model family."""
        return self.families.get(name, self.families[OTHER])


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
    families={
        "ChatGPT": "#0F7F66",
        "Claude": "#E2752F",
        "Gemini": "#5B8BFA",
        "Llama": "#7A35B5",
        "DeepSeek": "#14275A",
        "Mistral": "#7D4A00",
        OTHER: "#8C96A3",
    },
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
    families={
        "ChatGPT": "#17A085",
        "Claude": "#EE8448",
        "Gemini": "#8DB0FF",
        "Llama": "#A05FEA",
        "DeepSeek": "#4A6AA5",
        "Mistral": "#F3DB98",
        OTHER: "#AAB4C2",
    },
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}
