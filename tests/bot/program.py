"""The `creditbot` program as users run it: in a process of its own, or in ours, which is quick."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.__main__ import main

ROOT = Path(__file__).parents[2]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """A clean environment whose database lies in a folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "MPLCONFIGDIR": str(folder),
        "CREDITBOT_DATABASE_URL": f"sqlite:///{folder / 'creditbot.db'}",
        "CREDITBOT_HTTP_PORT": "0",
        **settings,
    }


def creditbot(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in a process of its own."""
    return subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "bot", *words],
        env=environment(folder, **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """The program inside the test's own process, over a database in a folder."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        self._patch = patch
        for name in [name for name in os.environ if name.startswith("CREDITBOT_")]:
            patch.delenv(name)
        patch.setenv("CREDITBOT_DATABASE_URL", f"sqlite:///{folder / 'creditbot.db'}")
        patch.chdir(folder)

    def __call__(self, *words: str, **settings: str) -> Done:
        """Run one command to its end."""
        self._capsys.readouterr()
        with self._patch.context() as patch:
            patch.setattr(sys, "argv", ["creditbot", *words])
            for name, value in settings.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as end:
                main()
        printed = self._capsys.readouterr()
        code = end.value.code
        return Done(code if isinstance(code, int) else 0, printed.out, printed.err)
