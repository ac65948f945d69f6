"""Running it: the service, its check-up, and what the platforms need to be told."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.terminal import current_engine, load_settings, out, utc_now
from bot.desk import Desk

# What a command needs beyond this is imported by it: half a second that others need not wait for.


def run_command() -> None:
    """Run the bot until it is stopped."""
    from bot.logs import set_up_logs  # noqa: PLC0415
    from bot.operation.leaving import end_in_time  # noqa: PLC0415
    from bot.service import serve  # noqa: PLC0415

    settings = load_settings()
    set_up_logs(settings.log_level)
    raise typer.Exit(asyncio.run(serve(settings, utc_now, leaving=end_in_time)))


def doctor_command(
    *,
    live: Annotated[bool, typer.Option("--live", help="Ask Slack and Discord, too.")] = False,
) -> None:
    """Check settings, database, tokens and clock.

    Exit 1 when something must be mended.
    """
    from bot.operation.doctor import examine  # noqa: PLC0415

    findings = asyncio.run(examine(load_settings(), now=utc_now(), live=live))
    for finding in findings:
        out.print(f"{finding.mark}  {finding.subject}: {finding.words}")
    if any(finding.is_wrong for finding in findings):
        raise typer.Exit(1)


def slack_manifest_command() -> None:
    """Print the manifest to create the Slack app from."""
    from bot.slack_manifest import manifest  # noqa: PLC0415

    out.print(json.dumps(manifest(load_settings()), indent=2))


def discord_sync_command(
    guild: Annotated[
        int | None, typer.Option("--guild", help="Only this server, where it shows at once.")
    ] = None,
) -> None:
    """Tell Discord the slash commands."""
    from bot.platforms.discord import sync_commands  # noqa: PLC0415

    settings = load_settings()
    desk = Desk(current_engine(settings), now=utc_now)
    try:
        count = asyncio.run(sync_commands(settings, desk, guild=guild))
    finally:
        desk.close()
    out.print(f"Discord knows {count} commands now.")


def demo_command(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put it.")] = Path("demo"),
    events: Annotated[
        int, typer.Option("--events", min=1_000, max=5_000_000, help="About how many prompts.")
    ] = 200_000,
    speed: Annotated[
        float,
        typer.Option("--speed", min=0.1, max=36_000, help="How fast the clock runs: 3600 is fast."),
    ] = 1.0,
    *,
    anew: Annotated[
        bool, typer.Option("--new", help="Begin today, also where the clock was moved.")
    ] = False,
) -> None:
    """Make a demo workspace: a chat platform in this terminal."""
    from bot.demo.program import ZONE, run_demo  # noqa: PLC0415
    from bot.logs import set_up_logs  # noqa: PLC0415

    settings = load_settings()
    # Between the messages of a channel nobody wants to read what the service did.
    set_up_logs(settings.log_level if "log_level" in settings.model_fields_set else "WARNING")
    code = run_demo(
        folder,
        zone=settings.timezone if "timezone" in settings.model_fields_set else ZONE,
        events=events,
        now=utc_now(),
        console=out,
        interactive=sys.stdin.isatty() and sys.stdout.isatty(),
        speed=speed,
        anew=anew,
    )
    raise typer.Exit(code)
