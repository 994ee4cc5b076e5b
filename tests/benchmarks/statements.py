"""Counts what a process says to its database, in all of its threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from threading import Lock
from typing import Any

_lock = Lock()
_counts: Counter[str] = Counter()


def counts() -> dict[str, int]:
    """`statements` (an executemany is one), `rows` of those executemany, and `commits` and
    `rollbacks`, which are not statements here; nor is BEGIN."""
    with _lock:
        return dict(_counts)


def count_psycopg() -> None:
    """Whoever uses psycopg 3: Django, its pool, LISTEN, SQLAlchemy."""
    import psycopg

    for cursor in (psycopg.Cursor, psycopg.ClientCursor):
        _wrap(cursor, "execute", _statement)
        _wrap(cursor, "executemany", _many)
    original = psycopg.Connection._exec_command

    def exec_command(self: Any, command: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        text = str(command).upper()
        _add("commits", int("COMMIT" in text))
        _add("rollbacks", int("ROLLBACK" in text))
        return (yield from original(self, command, *args, **kwargs))

    psycopg.Connection._exec_command = exec_command  # type: ignore[method-assign]


def count_django() -> None:
    """Django on SQLite."""
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper

    _wrap(CursorWrapper, "_execute", _statement)
    _wrap(CursorWrapper, "_executemany", _many)
    _wrap(BaseDatabaseWrapper, "_commit", lambda *_: _add("commits"))
    _wrap(BaseDatabaseWrapper, "_rollback", lambda *_: _add("rollbacks"))


def count_sqlalchemy() -> None:
    """SQLAlchemy on SQLite."""
    from sqlalchemy import Engine, event

    event.listen(Engine, "before_cursor_execute", lambda *_: _add("statements"))
    event.listen(Engine, "commit", lambda *_: _add("commits"))
    event.listen(Engine, "rollback", lambda *_: _add("rollbacks"))


def _wrap(owner: Any, name: str, note: Callable[..., None]) -> None:
    original = owner.__dict__.get(name)
    if original is None:
        return

    @wraps(original)
    def counting(*args: Any, **kwargs: Any) -> Any:
        note(*args)
        return original(*args, **kwargs)

    setattr(owner, name, counting)


def _statement(_: Any, statement: Any, *__: Any) -> None:
    if not str(statement).upper().startswith("BEGIN"):
        _add("statements")


def _many(_: Any, __: Any, rows: Sequence[Any], *___: Any) -> None:
    _add("statements")
    _add("rows", len(rows))


def _add(key: str, number: int = 1) -> None:
    with _lock:
        _counts[key] += number
