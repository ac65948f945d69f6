"""Every setting, once.  `.env.example` is generated from the descriptions."""

from __future__ import annotations

from typing import Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.delivery.timing import Timing

SLACK_API = "https://slack.com/api/"
DISCORD_API = "https://discord.com/api/v10"
DISCORD_GATEWAY = "wss://gateway.discord.gg/"


class Settings(BaseSettings):
    """Read from the environment and a `.env` file; every name starts with CREDITBOT_."""

    model_config = SettingsConfigDict(
        env_prefix="CREDITBOT_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    database_url: str = Field(
        default="sqlite:///creditbot.db",
        description="Where usage is kept: an SQLite file, or postgresql://user:password@host/name.",
    )
    timezone: str = Field(
        default="UTC",
        description="IANA zone of the default workspace, used when it is created: Europe/Berlin.",
    )
    admins: str = Field(
        default="",
        description="First owners, comma separated: slack:TEAM:USER, discord:GUILD:USER.",
    )
    slack_bot_token: SecretStr | None = Field(
        default=None, description="Slack bot token, starts with xoxb-."
    )
    slack_app_token: SecretStr | None = Field(
        default=None, description="Slack app-level token for Socket Mode, starts with xapp-."
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None,
        description="Slack signing secret; kept for requests over HTTP, Socket Mode needs none.",
    )
    slack_api_url: str = Field(
        default=SLACK_API, description="Base URL of Slack's Web API; another one for tests."
    )
    discord_token: SecretStr | None = Field(default=None, description="Discord bot token.")
    discord_api_url: str = Field(
        default=DISCORD_API, description="Base URL of Discord's API; another one for tests."
    )
    discord_gateway_url: str = Field(
        default=DISCORD_GATEWAY, description="URL of Discord's gateway; another one for tests."
    )
    purchase_secret: SecretStr | None = Field(
        default=None,
        description="Signs the requests that buy credits; the provider knows it, too.",
    )
    purchase_url: str = Field(
        default="",
        description="Asked instead of the provider of the policy, whatever it is; for tests.",
    )
    http_host: str = Field(
        default="127.0.0.1", description="Address the HTTP server listens on (health, trials)."
    )
    http_port: int = Field(
        default=8765, ge=0, le=65535, description="Port of the HTTP server; 0 takes a free one."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    delivery_lease: float = Field(
        default=60.0,
        description="Seconds that a process may work on one message before another takes over.",
    )
    delivery_deadline: float = Field(
        default=20.0, description="Seconds that sending one message may take."
    )
    delivery_margin: float = Field(
        default=15.0,
        description="Seconds after that deadline in which a request may still arrive at the "
        "platform; two thirds of the lease must be more than deadline and margin.",
    )
    delivery_unknown: Literal["resend_labelled", "hold"] = Field(
        default="resend_labelled",
        description="What becomes of a message that got no answer where the channel may not be "
        "read: it is sent again, marked as a possible repeat, or held for a person. "
        "Alerts are always sent again.",
    )
    delivery_scale: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Makes all times of delivery shorter, for tests: 0.05 is twenty times as fast.",
    )

    @model_validator(mode="after")
    def _never_doubles(self) -> Self:
        self.timing()
        return self

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that have what it takes to send."""
        tokens = {"slack": self.slack_bot_token, "discord": self.discord_token}
        return tuple(name for name, token in tokens.items() if token)

    def timing(self) -> Timing:
        """The times of delivery.  Raises ValueError for those under which posts could double."""
        usual = Timing(
            lease=self.delivery_lease,
            deadline=self.delivery_deadline,
            margin=self.delivery_margin,
        )
        return usual.scaled(self.delivery_scale)

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"'{name}' is not an IANA time zone such as Europe/Berlin")
        return name
