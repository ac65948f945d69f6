"""Every setting, once.  `.env.example` is generated from the descriptions."""

from __future__ import annotations

from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

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
    http_host: str = Field(
        default="127.0.0.1", description="Address the HTTP server listens on (health, trials)."
    )
    http_port: int = Field(
        default=8765, ge=0, le=65535, description="Port of the HTTP server; 0 takes a free one."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"'{name}' is not an IANA time zone such as Europe/Berlin")
        return name
