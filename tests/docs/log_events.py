"""The events that the source logs, found by its syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.project.processes import ROOT

LEVELS = ("debug", "info", "warning", "error", "exception", "critical", "log")
"""Methods of a logger; the level of `log` is known only when it runs."""

NOT_OURS = ROOT / "jobs" / "demo" / "tasks.py"
"""Says what tasks say, in its own words."""

Function = ast.FunctionDef


@dataclass
class Event:
    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


@dataclass
class Source:
    """One module: its calls of a logger, and what they say."""

    path: Path
    tree: ast.Module

    @property
    def calls(self) -> Iterator[ast.Call]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_logger = ast.unparse(node.func.value) == "logger"
                if is_logger and node.func.attr in LEVELS:
                    yield node

    def events(self) -> Iterator[tuple[str, Event]]:
        levels = {id(inner): call for call in self.calls for inner in ast.walk(call)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Dict):
                keys = {ast.literal_eval(key) for key in node.keys if isinstance(key, ast.Constant)}
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "event":
                        call = levels.get(id(node))
                        event = Event({_level(call)} if call else set(), keys - {"event"})
                        for name in self.constants(value):
                            yield name, event
            elif isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "event":
                        others = {str(one.arg) for one in node.keywords} - {"event"}
                        yield str(ast.literal_eval(keyword.value)), Event(set(), others)

    def constants(self, value: ast.expr) -> Iterator[str]:
        """The texts that the expression may be: itself, or what calls give for a parameter."""
        if isinstance(value, ast.Constant):
            yield str(value.value)
            return
        assert isinstance(value, ast.Name), f"{self.path}, line {value.lineno}: not a plain event"
        function = self.function_around(value)
        names = [one.arg for one in function.args.args]
        index = names.index(value.id)
        for call in self.calls_of(function):
            yield from self.constants(call.args[index])

    def says_no_event(self, call: ast.Call) -> bool:
        """Keys that are a variable are made in the function around it, or given to it."""
        extra = next((one.value for one in call.keywords if one.arg == "extra"), None)
        if extra is None:
            return True
        if _has_event(extra):
            return False
        function = self.function_around(call)
        return not _has_event(function) and not all(
            map(_has_event, [*self.calls_of(function)] or [extra])
        )

    def calls_of(self, function: Function) -> list[ast.Call]:
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(function.name)
        ]

    def function_around(self, inner: ast.AST) -> Function:
        found = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, Function) and any(one is inner for one in ast.walk(node))
        ]
        return found[-1]


def sources() -> Iterator[Source]:
    for folder in ("jobs", "schedcore"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != NOT_OURS and "logger" in (text := path.read_text(encoding="utf-8")):
                yield Source(path.relative_to(ROOT), ast.parse(text))


def logged() -> dict[str, Event]:
    """Every event, with the levels and keys that its calls show."""
    found: dict[str, Event] = {}
    for source in sources():
        for name, event in source.events():
            known = found.setdefault(name, Event())
            known.levels |= event.levels
            known.keys |= event.keys
    return found


def _has_event(node: ast.AST) -> bool:
    return any(
        isinstance(inner, ast.Dict)
        and any(isinstance(key, ast.Constant) and key.value == "event" for key in inner.keys)
        for inner in ast.walk(node)
    )


def _level(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    method = call.func.attr
    return {"exception": "ERROR", "log": "?"}.get(method, method.upper())
