"""What a method of a view reads, shows and refuses: said once, beside the method, for the view's
own reading and for the API's description (`jobs.api.openapi`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, TypeVar

from jobs.api.strict import Nothing, Query

Handler = TypeVar("Handler", bound=Callable[..., Any])
Refusal = type[Exception] | Exception
"""An error as an endpoint may raise it; of a class the docstring says when."""


@dataclass(frozen=True, slots=True)
class Component:
    """A body of `jobs.api.openapi.job_bodies`, which no serializer reads, or only the fields
    that stand `beside` a trigger."""

    name: str
    beside: Any = None


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """A header that a method reads, and what it is refused with. Its schema holds no example,
    which the page of the description would send with every request."""

    name: str
    schema: Mapping[str, Any]
    help: str
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A text names the attribute of the view that holds it, as in views that share methods."""

    action: str = ""
    """What the audit calls an attempt at it; nothing for what changes nothing."""
    shows: Any = None
    """A serializer, a TypedDict, one of them in a list, or None for no data; so too `meta`."""
    meta: Any = None
    query: Any = Query
    """The Strict that reads it; so too `body`, or a `Component` where the view reads by itself."""
    filters: Any = None
    """The FilterSet of a list, whose parameters stand beside those of `query`."""
    body: Any = Nothing
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[RequestHeader, ...] = ()
    answer_headers: tuple[str, ...] = ()
    raises: tuple[Refusal, ...] = ()
    """What it refuses beyond what every endpoint may, and beyond its headers' refusals."""
    content: Mapping[str, Any] | None = None
    """Of an answer that is not in the envelope: its schema by media type."""

    def __call__(self, handler: Handler) -> Handler:
        """Declare a method of a view to be this, as a decorator."""
        handler.endpoint = self  # type: ignore[attr-defined]  # read by `endpoint_of`
        return handler

    def but(self, **changes: Any) -> Endpoint:
        """The same with other fields; `raises` is what it refuses besides."""
        return replace(self, **changes | {"raises": (*self.raises, *changes.get("raises", ()))})


def endpoint_of(view: Any, method: str) -> Endpoint:
    """What that method of the view has declared. Raises AttributeError if it has not."""
    handler = getattr(view, "get" if method == "HEAD" else method.lower())
    declared: Endpoint = handler.endpoint
    named = {
        name: getattr(declared, name) for name in ("shows", "meta", "query", "filters", "body")
    }
    return replace(declared, **{name: _held(value, view) for name, value in named.items()})


def _held(value: Any, view: Any) -> Any:
    if isinstance(value, list):
        return [_held(item, view) for item in value]
    return getattr(view, value) if isinstance(value, str) else value
