"""A trial: one contender, in a process of its own, on a fresh database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from tests.benchmarks import contender as contenders
from tests.benchmarks import subject, workload
from tests.benchmarks.database import Database, Kind

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 10.0
"""Without a further start for so long, the rest is lost."""
POLL_S = 0.05
STOP_S = 90.0


class Failed(Exception):
    """A process of a trial did not do what it should; its words."""


class Start(NamedTuple):
    due: float
    at: float

    @property
    def lateness_s(self) -> float:
        return self.at - self.due


@dataclass
class Trial:
    """Its scheduler runs. Times are those of `time.time()`."""

    contender: str
    database: Database
    workload: workload.Workload
    due: float
    launched: float
    ready: float
    process: subprocess.Popen[str]
    folder: Path
    environment: Mapping[str, str]
    leads: float | None
    """When it was seen to have taken the lease; only of schedcore."""
    counts: dict[str, int] = field(default_factory=dict)
    """After `stop`: what it has counted."""
    dropped: dict[str, int] = field(default_factory=dict)
    """After `stop`: how many occurrences it called missed and skipped."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def starts(self) -> list[Start]:
        """The runs so far, in the order in which they started."""
        lines = (self.folder / "starts").read_text().splitlines()
        return [Start(*map(float, line.split())) for line in lines]

    def started(self) -> int:
        return (self.folder / "starts").read_bytes().count(b"\n")

    def wait_for(self, count: int, *, limit_s: float = 300.0) -> None:
        """Until that many runs have started, or no more come."""
        wait_until(self.due)
        end = time.time() + limit_s
        last, since = self.started(), time.time()
        while last < count and time.time() < end and time.time() - since < PATIENCE_S:
            time.sleep(POLL_S)
            if (now := self.started()) != last:
                last, since = now, time.time()

    def ask(self) -> dict[str, int]:
        """What the process has counted."""
        stdin, stdout = _pipes(self.process)
        stdin.write("?\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise Failed(f"{self.contender} ended early:\n{self._words()}")
        return dict(json.loads(line))

    def stop(self) -> None:
        """Let it end by itself, and find what it dropped."""
        if self.process.poll() is not None:
            return
        _pipes(self.process)[0].close()
        self.counts = json.loads(_pipes(self.process)[1].readline())
        self.dropped = self.counts
        self.process.wait(STOP_S)
        if self.contender in (contenders.SCHEDCORE, contenders.OTHER):
            found = self.database.verdicts()
            self.dropped = {name: found.get(name, (0, 0))[1] for name in ("missed", "skipped")}

    def history(self) -> int:
        """Rows that say of a run that it succeeded; after `stop`."""
        if self.contender == contenders.PLAIN:
            return 0
        if self.contender in (contenders.SCHEDCORE, contenders.OTHER):
            return self.database.verdicts().get("succeeded", (0, 0))[0]
        return self.database.stock_verdicts().get("Executed", (0, 0))[0]

    def run(self, module: str, *arguments: str) -> str:
        """Run a module of ours beside the scheduler, on its database; what it prints."""
        return _run(module, *arguments, environment=self.environment, cwd=self.folder)

    def _words(self) -> str:
        return (self.folder / "stderr").read_text()[-2000:]


@dataclass(frozen=True)
class Place:
    """A fresh database of a contender, migrated, and what its processes need to work there."""

    database: Database
    folder: Path
    environment: Mapping[str, str]

    def run(self, module: str, *arguments: str) -> str:
        """Run a module of ours to its end; what it prints."""
        return _run(module, *arguments, environment=self.environment, cwd=self.folder)


@contextmanager
def place(
    contender: str, kind: Kind, *, variables: Mapping[str, str], other: str = ""
) -> Iterator[Place]:
    """Migrate the contender's database and remove it in the end; `variables` are added to the
    environment, `other` is the folder of OTHER."""
    with tempfile.TemporaryDirectory(prefix="schedcore-bench-") as name:
        folder = Path(name)
        (folder / "starts").touch()
        # From here `tests` is ours, and everything else is of the contender's folder.
        (folder / "tests").symlink_to(ROOT / "tests")
        tree = other if contender == contenders.OTHER else str(ROOT)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), tree]),
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "SCHEDCORE_LOG_LEVEL": "WARNING",
            contenders.VARIABLE: contender,
            workload.STARTS: str(folder / "starts"),
            **variables,
        }

        def migrate(url: str) -> None:
            if contender != contenders.PLAIN:
                at_url = {**environment, "DATABASE_URL": url}
                _run("django", "migrate", "--verbosity=0", environment=at_url, cwd=folder)

        with kind.fresh(f"{contender} {tree}", migrate) as database:
            environment |= {
                "DATABASE_URL": database.url,
                subject.SQLALCHEMY_URL: database.sqlalchemy_url,
            }
            yield Place(database, folder, environment)


@contextmanager
def trial(
    contender: str,
    kind: Kind,
    work_to_do: workload.Workload,
    *,
    counts: bool = False,
    other: str = "",
) -> Iterator[Trial]:
    """Prepare the database, start the contender's scheduler, and end it. `counts` counts its
    statements, which costs a little; `other` is the folder of OTHER."""
    is_ours = contender in (contenders.SCHEDCORE, contenders.OTHER)
    variables = {
        "SCHEDCORE_MAX_WORKERS": str(work_to_do.workers),
        **work_to_do.as_environment(),
        **({subject.COUNTS: "1"} if counts else {}),
    }
    with place(contender, kind, variables=variables, other=other) as at:
        due = float(at.run("tests.benchmarks.prepare"))
        launched = time.time()
        with (at.folder / "stderr").open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.subject"],
                env=at.environment,
                cwd=at.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        try:
            leads = _leads(process, at.database) if is_ours else None
            words = _pipes(process)[1].readline()
            ready = time.time()
            if words != "ready\n":
                process.wait(10)
                told = (at.folder / "stderr").read_text()[-2000:]
                raise Failed(f"{contender} did not start: {words}{told}")
            if ready > due:
                raise Failed(f"{contender} was ready {ready - due:.1f} s after the due time")
            yield Trial(
                contender,
                at.database,
                work_to_do,
                due,
                launched,
                ready,
                process,
                at.folder,
                at.environment,
                leads,
            )
        finally:
            process.kill()
            process.wait()


def wait_until(moment: float) -> None:
    if (left := moment - time.time()) > 0:
        time.sleep(left)


def _leads(process: subprocess.Popen[str], database: Database) -> float | None:
    """Wait until the lease is taken; None if the process ends before."""
    while process.poll() is None:
        if database.rows("SELECT 1 FROM jobs_schedulerlease WHERE holder <> ''"):
            return time.time()
        time.sleep(0.01)
    return None


def _run(module: str, *arguments: str, environment: Mapping[str, str], cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"{module} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout
