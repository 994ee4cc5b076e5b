"""Faults of the database and of our own functions, at chosen moments of a scheduler's loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

from jobs.runtime.scheduler import SchedcoreScheduler

Error = Callable[[], Exception]


class Saboteur:
    """Counts the statements and commits of the loops that start while it is installed, and
    raises once at the one that it was told of.

    Only the loop's thread is struck: tests and tasks keep their database.
    """

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.commits = 0
        self.struck: str = ""
        self._error: Error | None = None
        self._statement_left = self._commit_left = -1
        self._kind = ""
        self._commits_first = False

    def at_statement(self, number: int, error: Error) -> None:
        """Raise instead of the statement that comes as the `number`-th from now on (from 1)."""
        self._arm(error)
        self._statement_left = number

    def at_kind(self, text: str, error: Error) -> None:
        """Raise instead of the next statement in which `text` stands."""
        self._arm(error)
        self._kind = text

    def at_commit(self, number: int, error: Error, *, commits_first: bool) -> None:
        """Raise at a commit; with `commits_first` only its answer is lost."""
        self._arm(error)
        self._commit_left, self._commits_first = number, commits_first

    def _arm(self, error: Error) -> None:
        self.struck, self._error = "", error
        self._statement_left = self._commit_left = -1
        self._kind = ""

    def install(self, monkeypatch: Any) -> None:
        genuine = SchedcoreScheduler._main_loop

        def looped(scheduler: SchedcoreScheduler) -> None:
            commit = connection._commit

            def commit_or_strike() -> None:
                self.commits += 1
                self._commit_left -= 1
                strikes = self._commit_left == 0
                if strikes and not self._commits_first:
                    self._strike("COMMIT")
                commit()
                if strikes:
                    self._strike("the answer to COMMIT")

            connection._commit = commit_or_strike  # type: ignore[method-assign]
            try:
                with connection.execute_wrapper(self._execute):
                    genuine(scheduler)
            finally:
                del connection._commit

        monkeypatch.setattr(SchedcoreScheduler, "_main_loop", looped)

    def _execute(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append(sql)
        self._statement_left -= 1
        if self._statement_left == 0 or (self._kind and self._kind in sql):
            self._kind = ""
            self._strike(sql)
        return execute(sql, params, many, context)

    def _strike(self, where: str) -> None:
        error, self._error = self._error, None
        self.struck = where
        assert error is not None
        raise error()
