"""Slack: Socket Mode in, Web API out.  Only this folder knows Slack's libraries.

Import it lazily: the libraries cost a quarter of a second.
"""

from bot.platforms.slack.platform import Pace, SlackPlatform

__all__ = ["Pace", "SlackPlatform"]
