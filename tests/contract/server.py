"""A real web server on the database of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.chaos.processes import ROOT, database_url
from tests.chaos.server import free_port
from tests.waiting import until

START_LIMIT_S = 60.0
VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "tests.contract.settings",
    # Nobody is to be turned away for asking often, and nobody else is to be asked.
    "SCHEDCORE_API_RATE": "0",
    "SCHEDCORE_API_ANONYMOUS_RATE": "0",
    "SCHEDCORE_API_FAILED_LOGINS": "0",
    "SCHEDCORE_INSTANCE_HOSTS": "127.0.0.1",
}


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """The address of one that answers; it ends with the block."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:schedcore.webserver"]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--bind={address}", "schedcore.wsgi"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), **VARIABLES},
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(f"http://{address}/healthz"), deadline_s=START_LIMIT_S)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
