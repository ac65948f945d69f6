"""Logs: short facts in the past with their keys, without secrets.

Libraries' own records pass the same filter, so that a token in one of their messages is cut out.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRETS = re.compile(
    r"xox[a-z]-[\w-]+"
    r"|xapp-[\w-]+"
    r"|crk_[\w-]+"
    r"|[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # a Discord token
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^\s/@:]*:\S{1,200}(?=@)"  # user and password of a URL, whatever is in it
    r"|(?<=hooks\.slack\.com)\S+"
    r"|(?<=/link/\?)[^\s\"'<>]+"  # the ticket that opens a Slack socket
    r"|(?<=/webhooks/)\d+/[^\s/?\"'<>]+"  # who holds the token of a Discord answer may edit it
    r"|(?<=/interactions/)\d+/[^\s/?\"'<>]+"
)
CUT = "[secret]"


def redacted(text: str) -> str:
    """The text without anything that looks like a token or password."""
    return SECRETS.sub(CUT, text)


class _Redaction(logging.Filter):
    """Cuts secrets out of library records, their arguments and tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: a record is mended, never dropped."""
        record.msg, record.args = redacted(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


def _cut_secrets(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {k: redacted(v) if isinstance(v, str) else v for k, v in event.items()}


def set_up_logs(level: str, stream: TextIO = sys.stderr) -> None:
    """Log to stderr: for people at a terminal, as JSON lines elsewhere."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    handler = logging.StreamHandler(stream)
    handler.addFilter(_Redaction())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    terminal = stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _cut_secrets,
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
