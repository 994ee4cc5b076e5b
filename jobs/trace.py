"""What the log knows of the request that is being answered: its id stands on every line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4


def new_request_id() -> str:
    return uuid4().hex


@dataclass(slots=True)
class Trace:
    """A request; who asks is known only once it has been looked up."""

    request_id: str = field(default_factory=new_request_id)
    user: str = ""
    token_name: str = ""


_current: ContextVar[Trace | None] = ContextVar("current_trace", default=None)


def current_trace() -> Trace | None:
    """The request that this code answers; None outside of one."""
    return _current.get()


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Make `trace` the current one of this thread of control."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)
