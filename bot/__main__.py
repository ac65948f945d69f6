"""The `creditbot` program."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from analytics.errors import UserError
from bot.chat import Fatal
from bot.cli import admin, ask, data, keys, people, serve, usage
from bot.cli.terminal import EXIT_MISTAKE, at_end, err, out
from storage.errors import StorageError

EXIT_BUG = 70  # EX_SOFTWARE of sysexits.h

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(value: bool) -> None:  # noqa: FBT001  # typer calls it so
    if value:
        out.print(f"creditbot {metadata.version('creditbot')}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[  # its callback answers and ends the program
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """Shows a team, where it already talks, where its AI credits went."""


app.command("demo")(serve.demo_command)
app.command("run")(serve.run_command)
app.command("ask")(ask.ask_command)
app.command("import")(data.import_command)
app.command("imports")(data.imports_command)
app.command("migrate")(data.migrate_command)
app.command("doctor")(serve.doctor_command)
app.command("verify")(data.verify_command)
app.command("rebuild")(data.rebuild_command)
app.add_typer(admin.workspaces, name="workspace")
app.add_typer(admin.models, name="models")
app.add_typer(admin.sources, name="sources")
app.add_typer(people.people, name="people")
app.add_typer(people.roles, name="roles")
app.add_typer(people.preferences, name="preferences")
app.add_typer(usage.usage, name="usage")
app.add_typer(keys.keys, name="keys")
app.command("slack-manifest")(serve.slack_manifest_command)
app.command("discord-sync")(serve.discord_sync_command)


def main() -> None:
    """Run the program: mistakes are one or two sentences on stderr and exit 2."""
    try:
        with at_end:
            app()
    except (UserError, StorageError) as error:
        err.print(error.message)
        if error.hint:
            err.print(error.hint)
        sys.exit(EXIT_MISTAKE)
    except Fatal as error:
        err.print(str(error))
        sys.exit(EXIT_MISTAKE)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("CREDITBOT_LOG_LEVEL", "").upper() == "DEBUG":
            raise
        err.print(f"Sorry, the mistake is ours: {type(error).__name__}.")
        err.print("With CREDITBOT_LOG_LEVEL=DEBUG in the environment you see where.")
        sys.exit(EXIT_BUG)


if __name__ == "__main__":
    main()
