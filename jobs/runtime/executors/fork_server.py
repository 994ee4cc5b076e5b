"""The fork server as the scheduler knows it: starts it, asks it for children, hears of their ends.

Of our own, since that of `multiprocessing` swallows what goes wrong while it loads, pickles,
and outlives its caller's SIGKILL together with the children.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from django.utils.translation import gettext as _

from jobs.runtime.executors.endings import how_it_ended
from jobs.runtime.executors.forked import Forked
from jobs.runtime.executors.frames import Message, Unpacker
from jobs.runtime.executors.parent import kill_group
from jobs.runtime.executors.server_process import CannotFork, ServerProcess

logger = logging.getLogger(__name__)

START_LIMIT_S = 120.0
ANSWER_LIMIT_S = 15.0
END_LIMIT_S = 3.0

MIN_DELAY_S, MAX_DELAY_S = 1.0, 30.0
"""Between two starts, of which the first failed or did not live long; runs wait meanwhile."""

STABLE_S = 10.0
"""After so long a life it is started again at once."""


class GivenUp(Exception):
    """The caller does not want a child any more."""


class ForkServer:
    """Starts its process with the first child that is asked for, and again when it has died.

    The process loads Django, so all tasks, and `modules`. `environment` is its environment
    (this process's by default).
    """

    def __init__(
        self, modules: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self._modules = list(modules)
        self._environment = environment
        self._state = threading.Condition()
        self._process: ServerProcess | None = None
        self._listener: threading.Thread | None = None
        self._numbers = count(1)
        self._delay_s = 0.0
        self._not_before = 0.0
        self._is_stopped = False

    @property
    def pid(self) -> int | None:
        """Of its process, if there is one."""
        process = self._process
        return process.pid if process else None

    def fork(self, wake: Callable[[], None], gives_up: Callable[[], bool]) -> Forked:
        """A new child, which calls `wake` at its end. Waits until the process is ready.

        Raises CannotFork, and GivenUp if `gives_up` says so; it is asked again at `nudge`.
        """
        child = Forked(next(self._numbers), wake)
        try:
            with self._state:
                process = self._ready(gives_up)
                process.children[child.number] = child
        except BaseException:
            child.close()
            raise
        descriptors = (child.far_end.fileno(), child.crash.fileno())
        process.tell({"fork": child.number}, descriptors)
        child.forget_far_end()
        return child

    def nudge(self) -> None:
        """Let those that wait in `fork` see whether they still want to."""
        with self._state:
            self._state.notify_all()

    def signal(self, child: Forked, number: signal.Signals) -> None:
        """To the child's process group, if the child still lives."""
        if process := self._process:
            process.tell({"child": child.number, "signal": int(number)})

    def end(self, child: Forked) -> None:
        """Kill the child with its group, and return when it is gone."""
        self.signal(child, signal.SIGKILL)
        while not child.gone.wait(ANSWER_LIMIT_S):
            self.check()

    def check(self) -> None:
        """Kill the process if it does not answer; what it has forked dies with it."""
        with self._state:
            process = self._process
            if process is None:
                return
            pongs = process.pongs
            process.tell({"ping": True})
            self._state.wait_for(
                lambda: process.pongs > pongs or process.is_over, timeout=ANSWER_LIMIT_S
            )
            if process.pongs == pongs and not process.is_over:
                logger.error(
                    "The fork server does not answer, and is killed",
                    extra={"event": "fork_server.stuck", "pid": process.pid},
                )
                process.kill()

    def stop(self) -> None:
        """End the process and all of its children, for good."""
        with self._state:
            self._is_stopped = True
            self._state.notify_all()
            process, listener = self._process, self._listener
        if process is None or listener is None:
            return
        process.hang_up()
        listener.join(END_LIMIT_S)
        if listener.is_alive():
            process.kill()
            listener.join(END_LIMIT_S)

    # -- Its process, with the state locked ----------------------------------------

    def _ready(self, gives_up: Callable[[], bool]) -> ServerProcess:
        process: ServerProcess | None = None
        while True:
            if self._is_stopped or gives_up():
                raise GivenUp
            if process is not None and process.failure:
                raise CannotFork(*process.failure)
            process, wait_s = self._process, self._not_before - time.monotonic()
            if process is not None and process.is_ready:
                return process
            if process is None and wait_s > 0:
                # A few runs wait here, instead of many that fail at once.
                self._state.wait(wait_s)
                continue
            process = process or self._start()
            self._state.wait(self._rest_of_start(process))

    def _rest_of_start(self, process: ServerProcess) -> float:
        """Seconds that it may still take to get ready; it is killed when there are none."""
        rest_s = process.started + START_LIMIT_S - time.monotonic()
        if rest_s > 0:
            return rest_s
        if process.failure is None:
            sentence = _("The fork server was not ready after %(limit)d s.")
            process.failure = (sentence % {"limit": START_LIMIT_S}, "")
            process.kill()
        return 1.0

    def _start(self) -> ServerProcess:
        process = self._process = ServerProcess(self._modules, self._environment)
        self._listener = threading.Thread(
            target=self._listen, args=[process], name="schedcore-fork-server", daemon=True
        )
        self._listener.start()
        return process

    # -- What it says, in the listener's thread --------------------------------------

    def _listen(self, process: ServerProcess) -> None:
        unpacker = Unpacker()
        try:
            while data := process.receive():
                for message in unpacker.feed(data):
                    self._hear(process, message)
        except Exception:  # whatever it says: it is over then
            logger.exception(
                "The fork server cannot be understood",
                extra={"event": "fork_server.broken", "pid": process.pid},
            )
            process.kill()
        self._bury(process, process.wait())

    def _hear(self, process: ServerProcess, message: Message) -> None:
        with self._state:
            if "ready" in message:
                process.is_ready = True
                logger.info(
                    "The fork server is ready",
                    extra={
                        "event": "fork_server.ready",
                        "pid": process.pid,
                        "duration_s": round(time.monotonic() - process.started, 3),
                    },
                )
            elif "failed" in message:
                sentence = _("The tasks could not be loaded in the fork server: %(error)s")
                error = sentence % {"error": message["failed"]}
                process.failure = (error, message["traceback"])
            elif "forked" in message:
                process.children[message["forked"]].pid = message["pid"]
            elif "ended" in message:
                child = process.children.pop(message["ended"])
                child.end(message.get("status"), refused=message.get("refused", ""))
            elif "pong" in message:
                process.pongs += 1
            self._state.notify_all()

    def _bury(self, process: ServerProcess, status: int) -> None:
        """It has ended, and its children with it."""
        how = how_it_ended(status)
        lived_s = time.monotonic() - process.started
        with self._state:
            process.is_over = True
            if not self._is_stopped:
                self._note_death(process, how, lived_s)
            self._process = None
            children = list(process.children.values())
            self._state.notify_all()
        for child in children:
            if child.pid is not None:
                kill_group(child.pid)  # it has died with its parent, but its own have not
            child.end(server_end=how)

    def _note_death(self, process: ServerProcess, how: str, lived_s: float) -> None:
        if not process.is_ready and process.failure is None:
            sentence = _("The fork server ended while it loaded the tasks: %(how)s.")
            process.failure = (sentence % {"how": how}, "")
        if not process.is_ready:
            self._delay_s = min(max(self._delay_s * 2, MIN_DELAY_S), MAX_DELAY_S)
        else:
            self._delay_s = 0.0 if lived_s >= STABLE_S else MIN_DELAY_S
        self._not_before = time.monotonic() + self._delay_s
        told = {"pid": process.pid, "retry_in_s": self._delay_s}
        if process.failure:
            sentence, stack = process.failure
            logger.error(
                "The fork server cannot start; runs in processes fail",
                extra={"event": "fork_server.failed", "error": sentence, "stack": stack, **told},
            )
        else:
            logger.error(
                "The fork server has died, and its children with it",
                extra={"event": "fork_server.died", "how": how, **told},
            )
