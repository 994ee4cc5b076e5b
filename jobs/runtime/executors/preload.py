"""What the fork server loads, and how it gets rid of what cannot be forked."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import django
from django.db import connections
from django.utils.translation import gettext as _

THREADS_GRACE_S = 3.0
"""How long threads get to end that were started while the tasks were loaded."""


class StillBusy(Exception):
    """Loading the tasks has started threads that go on."""


def load(modules: Sequence[str]) -> None:
    """Load Django, so the tasks of all apps, and `modules`."""
    django.setup()
    for module in modules:
        importlib.import_module(module)


def forget_connections() -> None:
    """Close all connections and pools to databases; children open single ones of their own."""
    for connection in connections.all():
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
        # A pool has threads, and is of no use where one thread runs one task at a time.
        connection.settings_dict.get("OPTIONS", {}).pop("pool", None)


def wait_for_threads() -> None:
    """Wait until only this thread is left. Raises StillBusy."""
    deadline = time.monotonic() + THREADS_GRACE_S
    while (found := list(_other_threads())) and time.monotonic() < deadline:
        _fork_for_nothing()
        time.sleep(0.02)
    if not found:
        return
    sentence = _(
        "Loading the tasks left threads that go on (%(threads)s); start them in a task, as they "
        "cannot be forked."
    )
    raise StillBusy(sentence % {"threads": ", ".join(found)})


def _other_threads() -> Iterator[str]:
    known = {thread.native_id or 0: thread for thread in threading.enumerate()}
    native = [int(path.name) for path in Path("/proc/self/task").glob("*")]  # Linux
    for identity in native or list(known):
        if identity == threading.main_thread().native_id:
            continue
        if identity in known:
            yield known[identity].name
        else:
            with suppress(OSError):  # it has just ended
                yield Path(f"/proc/self/task/{identity}/comm").read_text().strip()


def _fork_for_nothing() -> None:
    """Libraries with threads of their own, as OpenBLAS, end them before a fork."""
    if threading.active_count() > 1:
        return
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
