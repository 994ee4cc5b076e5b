"""`manage.py quickstart`: one command to a site and a scheduler that stop together."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from jobs.management.commands.quickstart import explanation, require_free
from jobs.management.supervisor import Ended, Program
from tests.project.processes import DEADLINE_S, ROOT, environment, is_running, manage, until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Quickstart:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.path = folder / "output"
        with self.path.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "quickstart"],
                cwd=ROOT,
                env=environment(SCHEDCORE_VAR_DIR=str(folder / "var"), PORT=str(self.port)),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def ready(self) -> None:
        until(lambda: self.says(f"schedcore is at http://127.0.0.1:{self.port}/"), "the address")
        until(lambda: self.says("schedcore scheduler on"), "the scheduler")

    def says(self, text: str) -> bool:
        assert self.process.poll() is None, self.output
        return text in self.output

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def command_of(self, pid: int) -> str:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")

    def exit_code(self) -> int:
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[Quickstart]:
    started = Quickstart(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.wait(DEADLINE_S)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_starts_both_shows_the_password_once_and_stops_both(
    quickstart: Quickstart, tmp_path: Path
) -> None:
    quickstart.ready()
    found = re.search(r"User: +(\S+) .*\n.*Password: +(\S+) ", quickstart.output)
    assert found is not None
    assert can_log_in(quickstart.port, *found.groups())
    programs = quickstart.children()
    assert len(programs) == 2

    quickstart.process.send_signal(signal.SIGINT)
    assert quickstart.exit_code() == 0, quickstart.output
    assert not any(map(is_running, programs))
    assert "Traceback" not in quickstart.output

    again = Quickstart(tmp_path)
    again.ready()
    assert "Password:" not in again.output
    again.process.send_signal(signal.SIGTERM)
    assert again.exit_code() == 0, again.output


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("part", "name"), [("gunicorn", "web server"), ("runsch", "scheduler")])
def test_when_one_is_killed_the_other_is_stopped_and_the_last_line_says_so(
    quickstart: Quickstart, part: str, name: str
) -> None:
    quickstart.ready()
    programs = quickstart.children()
    [victim] = [pid for pid in programs if part in quickstart.command_of(pid)]
    os.kill(victim, signal.SIGKILL)
    assert quickstart.exit_code() == 1
    last = quickstart.output.splitlines()[-1]
    assert f"The {name} ended by itself, by SIGKILL" in last
    assert not any(map(is_running, programs))


def test_a_taken_port_is_one_sentence_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), PORT=str(port))
        done = manage("quickstart", env=env)
    assert done.returncode == 1
    assert done.stderr == (
        f"CommandError: Port {port} is in use. Choose another one: make run PORT=8001\n"
    )
    assert done.stdout == ""
    assert not (tmp_path / "schedcore.sqlite3").exists()


def test_a_port_that_may_not_be_used_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(CommandError, match=r"Port 80 cannot be used \(Permission denied\)"):
        require_free(80)


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    url = f"postgres://nobody:hunter2@127.0.0.1:{free_port()}/nothing"
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), DATABASE_URL=url, PORT=str(free_port()))
    done = manage("quickstart", env=env)
    assert done.returncode == 1
    assert "CommandError: The database cannot be used: " in done.stderr
    assert "refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("code", "how"),
    [(1, "with exit code 1"), (0, "with exit code 0"), (-9, "SIGKILL: "), (-11, "by SIGSEGV")],
)
def test_the_end_of_a_program_is_explained(code: int, how: str) -> None:
    sentence = explanation(Ended(Program("scheduler", ["/bin/true"]), code, []))
    assert sentence.startswith("The scheduler ended by itself, ")
    assert how in sentence


def can_log_in(port: int, user: str, password: str) -> bool:
    site = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    site.request("GET", "/admin/login/")
    response = site.getresponse()
    response.read()
    cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
    token = cookie.partition("=")[2]
    site.request(
        "POST",
        "/admin/login/",
        f"csrfmiddlewaretoken={token}&username={user}&password={password}",
        {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
    )
    response = site.getresponse()
    site.close()
    return response.status == 302
