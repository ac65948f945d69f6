"""Who works at the pretended company and which models they use.

Everything here is invented: the people, what they ask, the prices.  Only the models are those of
the shipped catalogue, so that multipliers and families are real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAIL_HOST = "acme.example"
UNKNOWN_MODEL = "orion-2-preview"
DAY_MODEL = "composer-1"
SPIKE_MODEL = "claude-opus-4.8"
YOUR_NAME, YOUR_HANDLE = "Anna Schmidt", "anna.schmidt"  # whom the person at the terminal plays
SPIKE_MAIL = f"youssef.haddad@{MAIL_HOST}"
# Part of the response time that passes before the first token, where a provider tells it.
FIRST_TOKEN = {"openai": 0.22, "anthropic": 0.28, "google": 0.35, "mistral": 0.3}
ERRORS = ("rate_limited", "timeout", "context_length_exceeded", "content_filter")


@dataclass(frozen=True, slots=True)
class Team:
    """A department: how much each of its people asks, for which projects and tasks."""

    name: str
    activity: float
    projects: tuple[str, ...]
    tasks: tuple[str, ...]
    people: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A person with the mail that usage names."""

    name: str
    mail: str
    team: Team

    @property
    def handle(self) -> str:
        """How the chat calls them."""
        return self.mail.partition("@")[0]

    weight: float


@dataclass(frozen=True, slots=True)
class Engine:
    """A model in use: popularity, median seconds, dollars per million tokens out.

    `dollars` is None where the provider reports no cost.
    """

    slug: str
    provider: str
    weight: float
    seconds: float
    dollars: float | None


TEAMS = (
    Team(
        "Engineering",
        1.6,
        ("Checkout rewrite", "Mobile app", "Platform", "Search"),
        ("Coding", "Code review", "Debugging", "Documentation"),
        (
            ("Anna Schmidt", "anna.schmidt"),
            ("Luca Moretti", "luca.moretti"),
            ("Priya Raman", "priya.raman"),
            ("李娜", "li.na"),
            ("Chidi Okafor", "chidi.okafor"),
            ("Jonas Weber", "jonas.weber"),
            ("Katarzyna Nowak", "katarzyna.nowak"),
            ("Mateus Oliveira", "mateus.oliveira"),
            ("김민준", "minjun.kim"),
            ("Sofia Lindqvist", "sofia.lindqvist"),
            ("Tomáš Dvořák", "tomas.dvorak"),
            ("Emily Carter", "emily.carter"),
        ),
    ),
    Team(
        "Data Science",
        1.5,
        ("Forecasting", "Search", "Platform"),
        ("Data analysis", "Coding", "Research", "Summaries"),
        (
            ("يوسف الحداد", "youssef.haddad"),
            ("अनन्या शर्मा", "ananya.sharma"),
            ("Ingrid Solberg", "ingrid.solberg"),
            ("Nguyễn Thị Mai", "mai.nguyen"),
            ("David Cohen", "david.cohen"),
        ),
    ),
    Team(
        "Product",
        0.8,
        ("Mobile app", "Checkout rewrite", "Onboarding"),
        ("Writing", "Research", "Summaries", "Brainstorming"),
        (
            ("Charlotte Dubois", "charlotte.dubois"),
            ("Oliver Hughes", "oliver.hughes"),
            ("Fatma Yılmaz", "fatma.yilmaz"),
            ("Marta Kowalczyk", "marta.kowalczyk"),
        ),
    ),
    Team(
        "Design",
        0.6,
        ("Brand refresh", "Mobile app"),
        ("Brainstorming", "Images", "Writing"),
        (
            ("박서연", "seoyeon.park"),
            ("Elena Petrova", "elena.petrova"),
            ("Noah Jansen", "noah.jansen"),
        ),
    ),
    Team(
        "Marketing",
        0.8,
        ("Spring campaign", "Brand refresh", "Website"),
        ("Writing", "Translation", "Brainstorming", "Images"),
        (
            ("Chloé Bernard", "chloe.bernard"),
            ("Lukas Brandt", "lukas.brandt"),
            ("Aisha Bello", "aisha.bello"),
            ("María José García", "mariajose.garcia"),
            ("Liam O'Connor", "liam.oconnor"),
        ),
    ),
    Team(
        "Sales",
        0.6,
        ("Website", "Partner programme"),
        ("Writing", "Summaries", "Research"),
        (
            ("Giulia Ferrari", "giulia.ferrari"),
            ("Ștefan Ionescu", "stefan.ionescu"),
            ("Zanele Dlamini", "zanele.dlamini"),
            ("Robert Fischer", "robert.fischer"),
        ),
    ),
    Team(
        "Customer Support",
        1.0,
        ("Help centre", "Onboarding"),
        ("Answering customers", "Summaries", "Translation"),
        (
            ("王伟", "wang.wei"),
            ("Hanna Virtanen", "hanna.virtanen"),
            ("ليلى منصور", "layla.mansour"),
            ("Björn Þórsson", "bjorn.thorsson"),
            ("Camila Rojas", "camila.rojas"),
        ),
    ),
    Team(
        "Finance",
        0.4,
        ("Year-end close", "Forecasting"),
        ("Data analysis", "Summaries"),
        (
            ("Grace Mwangi", "grace.mwangi"),
            ("Heinrich-Maximilian von Hohenberg-Lindenau", "heinrich.hohenberg"),
        ),
    ),
)

ENGINES = (
    Engine("gpt-5.4", "openai", 16, 2.6, 12),
    Engine("claude-sonnet-5", "anthropic", 15, 2.9, 15),
    Engine("gpt-5.4-mini", "openai", 11, 1.2, 2),
    Engine("claude-opus-4.8", "anthropic", 9, 4.4, 25),
    Engine("gemini-3.5-flash", "google", 8, 1.1, 3),
    Engine("claude-haiku-4.5", "anthropic", 7, 0.9, 5),
    Engine("gpt-5.5", "openai", 6, 3.8, 20),
    Engine("gemini-3.1-pro", "google", 5, 3.2, 12),
    Engine("gpt-4o", "openai", 5, 1.8, 10),
    Engine("gpt-5.3-codex", "openai", 4, 3.5, 14),
    Engine(DAY_MODEL, "cursor", 4, 2.0, None),
    Engine("deepseek-v3.2", "deepseek", 3, 2.4, 0.4),
    Engine("claude-sonnet-4.6", "anthropic", 3, 2.8, 15),
    Engine("gpt-5.4-nano", "openai", 3, 0.7, 0.4),
    Engine("mistral-medium-3.5", "mistral", 2, 1.9, None),
    Engine("gemini-2.5-flash", "google", 2, 1.0, 2.5),
    Engine("gpt-4o-mini", "openai", 2, 0.9, 0.6),
    Engine("qwen3-coder-plus", "alibaba", 1.5, 2.1, 5),
    Engine("llama-4-maverick", "meta", 1.5, 1.4, 0.9),
    Engine("claude-opus-4.1", "anthropic", 1.2, 5.2, 75),
    Engine("grok-4", "xai", 1.2, 3.6, 15),
    Engine("codestral", "mistral", 1, 0.9, None),
    Engine("gpt-5.5-pro", "openai", 0.9, 14.0, 90),
    Engine("gemini-3.1-flash-lite", "google", 0.9, 0.6, 0.4),
    Engine("kimi-k2.6", "moonshotai", 0.8, 2.7, 2.5),
    Engine("grok-code-fast-1", "xai", 0.8, 1.2, 1.5),
    Engine("claude-fable-5", "anthropic", 0.8, 6.5, 60),
    Engine("deepseek-r1", "deepseek", 0.7, 8.5, 2.2),
    Engine("mistral-small-4", "mistral", 0.7, 0.8, None),
    Engine("o3", "openai", 0.6, 9.0, 8),
    Engine("glm-5", "zai", 0.6, 2.5, 2),
    Engine("qwen3.7-max", "alibaba", 0.5, 3.0, 6),
    Engine("command-a", "cohere", 0.5, 1.7, 10),
    Engine("llama-3.3-70b", "meta", 0.5, 1.3, 0.8),
    Engine("nova-pro", "amazon", 0.5, 1.6, 3.2),
    Engine("claude-3.7-sonnet", "anthropic", 0.4, 3.0, 15),
    Engine("minimax-m3", "minimax", 0.4, 1.8, 1.2),
    Engine("gpt-4.1", "openai", 0.4, 1.9, 8),
    Engine("mistral-nemo", "mistral", 0.3, 0.6, None),
    Engine("nova-lite", "amazon", 0.3, 0.7, 0.2),
)


def members(count: int) -> Sequence[Member]:
    """The first `count` people; past the named forty come numbered ones, spread over the teams.

    Inside a team usage falls with the rank: a few ask much, most ask little.
    """
    named = [(team, *person) for team in TEAMS for person in team.people]
    named += [
        (named[number % len(named)][0], f"Person {number + 1}", f"person{number + 1}")
        for number in range(len(named), count)
    ]
    ranks = dict.fromkeys(TEAMS, 0)
    found = []
    for team, name, login in named[:count]:
        ranks[team] += 1
        weight = team.activity / ranks[team] ** 0.75
        found.append(Member(name, f"{login}@{MAIL_HOST}", team, weight))
    return found
