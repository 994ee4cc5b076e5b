"""Which engines there are: every class under `@register`, in this package or in an app's own."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TypeVar

from django.utils.translation import gettext as _

from jobs.errors import Invalid
from jobs.estate import adapters
from jobs.estate.adapters.base import Adapter

A = TypeVar("A", bound=type[Adapter])

_adapters: dict[str, Adapter] = {}


class UnknownEngine(Invalid):
    """No adapter is for an engine of that name."""

    code = "unknown_engine"

    def __init__(self, engine: str) -> None:
        known = ", ".join(adapter.engine for adapter in all_adapters())
        super().__init__(
            {
                "engine": [
                    _("There is no engine “%(engine)s”. Known engines: %(known)s.")
                    % {"engine": engine, "known": known}
                ]
            }
        )


def register(adapter: A) -> A:
    """Class decorator: make an engine known by its word."""
    _adapters[adapter.engine] = adapter()
    return adapter


def get_adapter(engine: str) -> Adapter:
    """The adapter of that engine; raises UnknownEngine."""
    adapter = find_adapter(engine)
    if adapter is None:
        raise UnknownEngine(engine)
    return adapter


def find_adapter(engine: str) -> Adapter | None:
    _discover()
    return _adapters.get(engine)


def all_adapters() -> list[Adapter]:
    """Every registered adapter, by engine."""
    _discover()
    return sorted(_adapters.values(), key=lambda adapter: adapter.engine)


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(adapters.__path__, prefix=f"{adapters.__name__}."):
        importlib.import_module(module.name)
