"""A PostgreSQL server of the tests' own, which may be stopped, crashed and frozen."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.processes import descendants

BINARIES = "/usr/lib/postgresql"
NAMED_USERS = ("postgres", "nobody")
START_LIMIT_S = 60

CONFIGURATION = {
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "32MB",
}


def find_binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, of the newest version; None if there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [path.parent for path in Path(BINARIES).glob("*/bin/initdb")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


class Server:
    """Its data and its socket are in a folder that goes with it. It runs as an ordinary user:
    PostgreSQL refuses root."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._user = _ordinary_user()
        self.port = free_port()

    def create(self) -> None:
        if self._user:
            shutil.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--username=schedcore", "--auth=trust", "--encoding=UTF8", "--no-sync")
        settings = CONFIGURATION | {
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", f"--timeout={START_LIMIT_S}", f"--log={log}")

    def stop(self) -> None:
        """As a crash: nobody is waited for, nothing is written."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def freeze(self) -> None:
        """The server and its backends stand still; its sockets stay open."""
        postmaster = self._postmaster
        os.kill(postmaster, signal.SIGSTOP)  # first, so that it starts no more of them
        for backend in descendants(postmaster):
            os.kill(backend.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        postmaster = self._postmaster
        for pid in [*(backend.pid for backend in descendants(postmaster)), postmaster]:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, signal.SIGCONT)

    def url(self, database: str) -> str:
        return f"postgres://schedcore@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            yield connection

    @property
    def _postmaster(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def _run(self, program: str, *options: str) -> None:
        command = [str(self._binaries / program), f"--pgdata={self._data}", *options]
        # To a file, since the server keeps what `pg_ctl start` had open.
        said = self._folder / "said"
        with said.open("wb") as output:
            done = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, **self._as_user()
            )
        if done.returncode:
            raise RuntimeError(said.read_text())

    def _as_user(self) -> dict[str, Any]:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        common = {"cwd": self._folder, "env": environment}
        if self._user is None:
            return common
        user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return common | user


@contextmanager
def own_server(binaries: Path) -> Iterator[Server]:
    """A server that runs, and is gone afterwards."""
    # Not pytest's folder: that is root's alone.
    folder = Path(tempfile.mkdtemp(prefix="schedcore-pg-"))
    server = Server(binaries, folder)
    try:
        server.create()
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.thaw()
            server.stop()
        shutil.rmtree(folder)


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run as; None: as who we are already."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in NAMED_USERS if name in known)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
