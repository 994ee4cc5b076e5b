"""Races as stories: actors on connections of their own, who stop where the story says.

    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "claim_due")
    pause = stage.actor(lambda: control.pause("job", actor=ACTOR)).starts().has_to_wait()
    tick.ends()
    pause.ends()

An actor that has to wait is one that the database keeps waiting: PostgreSQL says so, and on
SQLite it is one that has asked for the write lock, and has not got it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from tests.waiting import until

LIMIT_S = 30.0


class Actor:
    """One call in a thread of its own. Its errors are raised by `ends`."""

    def __init__(self, call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self._call = call
        self._patch = monkeypatch
        self._thread = threading.Thread(target=self._act, daemon=True)
        self._stopped, self._told = threading.Event(), threading.Event()
        self._executing = ""
        self._backend: int | None = None
        self._answer: Any = None
        self._error: BaseException | None = None

    def starts(self) -> Actor:
        self._thread.start()
        return self

    def starts_and_stops_before(self, owner: Any, name: str) -> Actor:
        return self._starts_and_stops(owner, name, is_after=False)

    def starts_and_stops_after(self, owner: Any, name: str) -> Actor:
        return self._starts_and_stops(owner, name, is_after=True)

    def goes_on(self) -> None:
        self._told.set()

    def has_to_wait(self) -> Actor:
        """The database keeps it waiting for a lock that another actor holds."""
        until(lambda: self._waits() or self.has_ended)
        assert not self.has_ended, "it did not have to wait"
        return self

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def ends(self) -> Any:
        """Let it go on to its end; its answer."""
        self._told.set()
        self._thread.join(LIMIT_S)
        assert self.has_ended, "it waits for ever"
        if self._error is not None:
            raise self._error
        return self._answer

    def _act(self) -> None:
        try:
            connection.ensure_connection()
            if connection.vendor == "postgresql":
                self._backend = connection.connection.info.backend_pid
            with connection.execute_wrapper(self._note):
                self._answer = self._call()
        except BaseException as error:
            self._error = error
        finally:
            connection.close()

    def _note(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self._executing = sql
        try:
            return execute(sql, params, many, context)
        finally:
            self._executing = ""

    def _waits(self) -> bool:
        if connection.vendor != "postgresql":
            return self._executing.startswith("BEGIN")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s",
                [self._backend],
            )
            row = cursor.fetchone()
        return bool(row and row[0])

    def _starts_and_stops(self, owner: Any, name: str, *, is_after: bool) -> Actor:
        genuine = getattr(owner, name)

        def stop(*args: Any, **kwargs: Any) -> Any:
            is_here = threading.current_thread() is self._thread and not self._stopped.is_set()
            if not is_here:
                return genuine(*args, **kwargs)
            answer = genuine(*args, **kwargs) if is_after else None
            self._stopped.set()
            assert self._told.wait(LIMIT_S), "nobody told it to go on"
            return answer if is_after else genuine(*args, **kwargs)

        self._patch.setattr(owner, name, stop)
        self.starts()
        until(lambda: self._stopped.is_set() or self.has_ended)
        if not self._stopped.is_set():
            self.ends()
            raise AssertionError(f"it has ended and never came to {name}")
        return self


class Stage:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._actors: list[Actor] = []

    def actor(self, call: Callable[[], Any]) -> Actor:
        self._actors.append(Actor(call, self._monkeypatch))
        return self._actors[-1]

    def holds(self, rows: QuerySet[Any]) -> Actor:
        """Somebody has locked the rows, in a transaction that he leaves open until he `ends`."""
        are_locked = threading.Event()

        def hold() -> None:
            with transaction.atomic():
                list(rows.select_for_update().values_list("pk"))
                are_locked.set()
                assert holder._told.wait(LIMIT_S), "nobody told it to let go"

        holder = self.actor(hold)
        holder.starts()  # not before it has its name, by which its thread calls it
        until(lambda: are_locked.is_set() or holder.has_ended)
        return holder

    def at_once(self, *calls: Callable[[], Any]) -> list[Any]:
        """The answers, or errors, of calls that begin together."""
        start = threading.Barrier(len(calls))

        def together(call: Callable[[], Any]) -> Callable[[], Any]:
            def run() -> Any:
                start.wait(LIMIT_S)
                return call()

            return run

        answers = []
        for actor in [self.actor(together(call)).starts() for call in calls]:
            try:
                answers.append(actor.ends())
            except Exception as error:
                answers.append(error)
        return answers

    def clear(self) -> None:
        for actor in self._actors:
            actor.goes_on()
        for actor in self._actors:
            if actor._thread.ident is not None:
                actor._thread.join(LIMIT_S)
