"""From the shell's command to the first healthy answer of the running service."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from statistics import median

from benchmarks.lab import Lab
from benchmarks.measurement import Measurement

LONGEST = 60.0


def measure(lab: Lab) -> list[Measurement]:
    """Seconds to ready, without a chat platform: median of a few starts."""
    file = lab.fresh()
    seconds = median(_start(lab, f"sqlite:///{file}") for _ in range(lab.rounds))
    return [Measurement("start to ready", seconds, 3.0, "s")]


def _start(lab: Lab, url: str) -> float:
    port = free_port()
    chosen = {"CREDITBOT_DATABASE_URL": url, "CREDITBOT_HTTP_PORT": str(port)}
    others = {name: text for name, text in os.environ.items() if not name.startswith("CREDITBOT_")}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        env={**others, **chosen},
        cwd=lab.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as service:
        try:
            while not is_healthy(port):
                if service.poll() is not None or time.perf_counter() - started > LONGEST:
                    raise RuntimeError("the service did not start")
                time.sleep(0.01)
            return time.perf_counter() - started
        finally:
            service.terminate()


def is_healthy(port: int) -> bool:
    """Whether a service on this computer says that every part of it is well."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
