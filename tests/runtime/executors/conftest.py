from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobs.registry import isolated_registry
from jobs.runtime import capture
from jobs.runtime.executors.fork_server import ForkServer
from jobs.runtime.executors.pool import Pool
from jobs.runtime.executors.processes import ProcessesExecutor
from jobs.runtime.executors.threads import ThreadsExecutor
from tests.chaos.processes import database_url
from tests.runtime.executors import sample
from tests.runtime.executors.bench import Bench, benched

MODULES = "tests.runtime.executors.modules"


def make_server(*modules: str) -> ForkServer:
    """One that knows the sample tasks, on the test's own database."""
    wanted = [f"{MODULES}.{module}" for module in modules or ("tasks",)]
    environment = {**os.environ, "DATABASE_URL": database_url(), "SCHEDCORE_ENV_FILE": os.devnull}
    return ForkServer(wanted, environment)


def make_pool(alias: str, workers: int = 2) -> Pool:
    if alias == ThreadsExecutor.alias:
        return ThreadsExecutor(workers, lambda: None)
    return ProcessesExecutor(workers, lambda: None, make_server())


@pytest.fixture(scope="module", autouse=True)
def _sample_tasks() -> Iterator[None]:
    with isolated_registry():
        sample.register()
        yield


@pytest.fixture(scope="module", autouse=True)
def _capture() -> Iterator[None]:
    undo = capture.install()
    yield
    undo()


@pytest.fixture(scope="module", params=[ThreadsExecutor.alias, ProcessesExecutor.alias])
def bench(request: Any, django_db_setup: None) -> Iterator[Bench]:
    """Each executor in its turn, with two slots, for all tests of a module."""
    with benched(make_pool(request.param)) as made:
        yield made


@pytest.fixture(scope="module")
def processes(django_db_setup: None) -> Iterator[Bench]:
    """The processes alone, with two slots, for all tests of a module."""
    with benched(make_pool(ProcessesExecutor.alias)) as made:
        yield made


@pytest.fixture(scope="module")
def single(django_db_setup: None) -> Iterator[Bench]:
    """The processes with one slot, so that runs follow each other in it."""
    with benched(make_pool(ProcessesExecutor.alias, workers=1)) as made:
        yield made


@pytest.fixture
def make_bench(django_db_setup: None) -> Iterator[Callable[..., Bench]]:
    """Processes of the test's own."""
    with ExitStack() as stack:

        def make(*modules: str, workers: int = 1) -> Bench:
            executor = ProcessesExecutor(workers, lambda: None, make_server(*modules))
            return stack.enter_context(benched(executor))

        yield make


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file by which a task says how far it is."""
    return tmp_path / "mark"
