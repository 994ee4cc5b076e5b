"""A slot of the `processes` executor: one child at a time, kept from run to run."""

from __future__ import annotations

import logging

from django.utils.translation import gettext as _

from jobs.models.execution import Status
from jobs.registry import StopRun
from jobs.runtime.executors.bell import Bell
from jobs.runtime.executors.dialogue import KILL_GRACE_S, Dialogue, failed
from jobs.runtime.executors.fork_server import ForkServer, GivenUp
from jobs.runtime.executors.forked import Forked
from jobs.runtime.executors.server_process import CannotFork
from jobs.runtime.perform import Outcome
from jobs.runtime.run import Run

logger = logging.getLogger(__name__)

RUNS_PER_CHILD = 200
"""After so many runs a child is replaced, so that what tasks leak does not add up."""

END_GRACE_S = 1.0
"""From SIGTERM to SIGKILL when the scheduler stops, which has waited long enough."""

MAX_CHILDREN_A_RUN = 3
"""That may end before they begin it."""


class Slot:
    """Used by its own thread, except for `wake` and `hurry`."""

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._child: Forked | None = None
        self._bell = Bell()
        self._run: Run | None = None
        self._is_hurried = False

    def perform(self, run: Run) -> Outcome:
        """Run the task in a child to its end."""
        run.lingers = _("Its process is being ended, and keeps its slot until it is gone.")
        self._run = run
        run.on_end_asked = self.wake
        try:
            return self._perform(run)
        finally:
            self._run = None

    def wake(self) -> None:
        """Its run is to end, perhaps. Returns at once."""
        self._bell.ring()
        self._server.nudge()

    def hurry(self) -> None:
        """The scheduler stops: end the run, without a verdict."""
        self._is_hurried = True
        self.wake()

    def close(self) -> None:
        self._discard()
        self._bell.close()

    def _perform(self, run: Run) -> Outcome:
        for _attempt in range(MAX_CHILDREN_A_RUN):
            try:
                child = self._living_child()
            except GivenUp:
                reason = self._stop_reason() or ""
                return Outcome(Status.CANCELLED, error=reason, exception=StopRun(reason))
            except CannotFork as error:
                return failed(error.message, error.traceback)
            run.check_in_time()  # the child stays, for the next
            dialogue = Dialogue(
                self._server, child, run, self._bell, self._stop_reason, self._grace_s
            )
            child.runs += 1
            try:
                outcome = dialogue.hold()
                is_used_up = self._is_used_up(child, dialogue)
            except BaseException:
                self._discard()
                raise
            if is_used_up or outcome is None:
                self._discard()
            if outcome is not None:
                return outcome
        return failed(_("The processes that were started for it ended before they began it."))

    def _living_child(self) -> Forked:
        if self._stop_reason() is not None:
            raise GivenUp
        if self._child is not None and self._child.gone.is_set():
            self._discard()
        if self._child is None:
            self._child = self._server.fork(
                self._bell.ring, lambda: self._stop_reason() is not None
            )
        return self._child

    def _is_used_up(self, child: Forked, dialogue: Dialogue) -> bool:
        if dialogue.spent:
            logger.debug(
                "A child is replaced",
                extra={"event": "child.spent", "pid": child.pid, "why": dialogue.spent},
            )
        return (
            bool(dialogue.spent)
            or dialogue.stopped_for is not None
            or dialogue.was_killed
            or child.gone.is_set()
            or child.runs >= RUNS_PER_CHILD
        )

    def _discard(self) -> None:
        """End the child, with whatever it has started."""
        if self._child is not None:
            self._server.end(self._child)
            self._child.close()
            self._child = None

    def _stop_reason(self) -> str | None:
        run = self._run
        if run is not None and self._is_hurried:
            run.abandon()
            return _("The scheduler stops.")
        return None if run is None else run.stop_reason()

    def _grace_s(self) -> float:
        return END_GRACE_S if self._is_hurried else KILL_GRACE_S
