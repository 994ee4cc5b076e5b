"""A run on a terminal while it goes on: to its verdict, or until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.utils.translation import gettext as _
from rich.status import Status as StatusLine

from jobs.admin.execution_words import why
from jobs.escaping import harmless, one_line
from jobs.executions.database import database_now
from jobs.management.ends import End
from jobs.management.execution_tables import log_line, progress, result_of, verdict_line
from jobs.management.terminal import Terminal
from jobs.management.watch import News, Watch
from jobs.models import JobExecution, Status

PROGRESS_EVERY_S = 5.0
"""Into a pipe; on a terminal it stands in the last line."""


class Follower:
    """`shows_log`: its log lines, too. `warn` takes what is not the run's own output; a `quiet`
    one writes nothing else."""

    def __init__(
        self,
        terminal: Terminal,
        warn: Callable[[str], object],
        *,
        shows_log: bool,
        is_quiet: bool = False,
    ) -> None:
        self._terminal = terminal
        self._warn = warn
        self._shows_log = shows_log
        self._is_quiet = is_quiet
        self._progress = ""
        self._next_progress = 0.0

    def follow(self, execution: JobExecution, *, after: int = 0) -> tuple[JobExecution, End]:
        """The last attempt, and the exit code that its verdict deserves."""
        watch = Watch(execution, after=after)
        try:
            if self._is_quiet:
                for news in watch.news():
                    self._tell_troubles(news)
            else:
                with self._terminal.status() as line:
                    for news in watch.news():
                        self._tell(news, line)
        except KeyboardInterrupt:
            self._tell_left(watch.execution)
            return watch.execution, End.STOPPED
        last = watch.execution
        is_well = last.status == Status.SUCCEEDED
        return last, End.DONE if is_well else End.UNSUCCESSFUL

    def _tell(self, news: News, line: StatusLine | None) -> None:
        self._tell_troubles(news)
        if self._shows_log:
            for said in news.lines:
                self._terminal.say(log_line(said))
        run = news.execution
        if news.is_ended:
            self._terminal.say(verdict_line(run, database_now()))
            if (left := result_of(run)) and news.following is None:
                self._terminal.say(left)
        if (following := news.following) is not None:
            words = {"n": following.attempt, "id": following.pk}
            self._terminal.say(_("Attempt %(n)d is execution %(id)s.") % words)
        elif line is not None:
            line.update(one_line(_("#%(id)s  %(state)s") % {"id": run.pk, "state": _state(run)}))
        elif self._shows_log:
            self._tell_progress(run)

    def _tell_progress(self, run: JobExecution) -> None:
        text = progress(run)
        if text and text != self._progress and time.monotonic() >= self._next_progress:
            self._progress, self._next_progress = text, time.monotonic() + PROGRESS_EVERY_S
            self._terminal.say(_("Progress: %(progress)s") % {"progress": text})

    def _tell_troubles(self, news: News) -> None:
        for sentence in news.troubles:
            self._warn(harmless(sentence))

    def _tell_left(self, run: JobExecution) -> None:
        if run.is_finished:
            return
        self._warn(
            _(
                "You have stopped watching; execution %(id)s goes on. To see it again: "
                "manage.py jobs logs %(id)s --follow. To end it: manage.py jobs cancel %(id)s."
            )
            % {"id": run.pk}
        )


def _state(run: JobExecution) -> str:
    return progress(run) or why(run, database_now(), error="")
