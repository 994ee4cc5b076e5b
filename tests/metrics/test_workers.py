"""Several web processes, as gunicorn runs them: what they count is one sum that never shrinks."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.project.processes import DEADLINE_S, ROOT, environment, manage, until
from tests.project.test_quickstart import free_port

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


class Server:
    """gunicorn with two workers; `asked` many requests have been answered."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        env = environment(
            SCHEDCORE_VAR_DIR=str(folder),
            SCHEDCORE_METRICS_NETWORKS="127.0.0.1",
            TMPDIR=str(self.temporary),
        )
        assert manage("migrate", "--verbosity", "0", env=env).returncode == 0
        command = ["-m", "gunicorn", "--config", "python:schedcore.webserver"]
        self.process = subprocess.Popen(
            [sys.executable, *command, f"--bind=127.0.0.1:{self.port}", "schedcore.wsgi"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers, "gunicorn")

    def get(self, path: str) -> str:
        """Over a connection of its own, so that any of the workers may answer."""
        site = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            site.request("GET", path)
            return site.getresponse().read().decode()
        finally:
            site.close()

    def answers(self) -> bool:
        try:
            return "alive" in self.get("/healthz")
        except OSError:
            return False

    def counters(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics"))
            if family.type in ("counter", "histogram")
            for sample in family.samples
        }

    def liveness(self) -> float:
        labels = {"method": "GET", "route": "healthz", "status": "2xx"}
        key = ("schedcore_http_requests_total", frozenset(labels.items()))
        return self.counters().get(key, 0)

    def workers(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    if server.process.poll() is None:
        server.stop()


def test_counters_are_those_of_all_workers_and_never_go_back(server: Server) -> None:
    until(lambda: len(server.workers()) == 2, "two workers")
    before = server.liveness()
    for _each in range(20):
        server.get("/healthz")
    assert server.liveness() == before + 20
    last = server.counters()
    for _each in range(20):
        found = server.counters()
        assert not [key for key, value in last.items() if found.get(key, -1) < value]
        last = found
    # Nor when a worker dies, and another takes its place.
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(server.workers()) == 2 and victim not in server.workers(), "a new worker")
    until(server.answers, "an answer")
    found = server.counters()
    assert not [key for key, value in last.items() if found.get(key, -1) < value]
    assert list(server.temporary.glob("schedcore-metrics-*"))
    assert server.stop() == 0
    assert not list(server.temporary.glob("schedcore-metrics-*"))
