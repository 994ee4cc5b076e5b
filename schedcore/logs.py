"""How log records look: JSON lines for machines, one readable line for a terminal.

A record is a constant message plus keys: `logger.info("Execution finished",
extra={"event": "execution.finished", "execution_id": 91})`. Both formats show the keys and
both hide what looks like a secret, as a last net below the rule that none is ever logged, and
write out what a terminal would obey.

A line also names what it belongs to: the request that is being answered, or the execution that
is under way in this thread. docs/logs.md lists the events.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from jobs.escaping import harmless, harmless_json
from jobs.masking import HIDDEN, masked, without_secrets
from jobs.registry import current_execution
from jobs.trace import current_trace

_NOT_SHOWN = frozenset(
    {*RESERVED_ATTRS, "taskName", "request", "server_time", "status_line", "color_message"}
)


SHORTEST_SECRET = 8

RUN_LOG = "run.log"
"""The event of what a task says."""

LIBRARY = "library"
"""The event of what a library says outside of a run."""


class Belonging(logging.Filter):
    """Writes on a record what it belongs to, and an event if it has none."""

    def filter(self, record: logging.LogRecord) -> bool:
        keys = record.__dict__
        run = current_execution()
        if run.id is not None:
            keys.setdefault("execution_id", run.id)
            keys.setdefault("job_id", run.job_id)
        if (trace := current_trace()) is not None:
            keys.setdefault("request_id", trace.request_id)
        keys.setdefault("event", LIBRARY if run.id is None else RUN_LOG)
        return True


class StandardError(logging.Handler):
    """Writes to what is standard error now, also where that was exchanged since the start."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(Belonging())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class JsonLines(JsonFormatter):
    """One JSON object a line: timestamp (UTC), level, logger, message, and the record's keys."""

    def __init__(self) -> None:
        super().__init__(json_ensure_ascii=False)

    def format(self, record: logging.LogRecord) -> str:
        data: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        data |= {key: value for key, value in keys_of(record).items() if key not in data}
        if trace := trace_of(self, record):
            data["exc_info"] = trace
        return harmless_json(_without_ours(self.jsonify_log_record(data)))


class TerminalLines(logging.Formatter):
    """`12:03:04 INFO  jobs.runtime  Execution finished  execution_id=91 duration_s=0.2`.

    Further lines of a message, and a traceback, are indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        keys = keys_of(record)
        keys.pop("event", None)  # for programs: the message says the same to people
        parts = [
            f"{self.formatTime(record, '%H:%M:%S')} {record.levelname:<5} {record.name}",
            without_secrets(record.getMessage()),
            " ".join(f"{key}={_inline(value)}" for key, value in keys.items()),
        ]
        line = "  ".join(part for part in parts if part)
        trace = trace_of(self, record)
        lines = harmless(_without_ours(f"{line}\n{trace}" if trace else line))
        # What has several lines must not look as if the next ones were records of their own.
        return lines.replace("\n", "\n    ")


def keys_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`, without what must not be read."""
    return {
        key: masked(value, key)
        for key, value in record.__dict__.items()
        if key not in _NOT_SHOWN and not key.startswith("_")
    }


def trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The record's traceback and stack, if it has any."""
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return without_secrets("\n".join(parts))


@cache
def _ours() -> re.Pattern[str] | None:
    """The secrets of the settings, as they may be written: whatever brings one to a line, it is
    known by itself. A short one is none: each word that holds it would be hidden."""
    secrets: set[str] = {settings.SECRET_KEY, *settings.SCHEDCORE.credentials_keys}
    secrets |= {database.get("PASSWORD") or "" for database in settings.DATABASES.values()}
    secrets.add(settings.SCHEDCORE.heartbeat_url)
    for url in (settings.SCHEDCORE.listen_url, settings.CACHES["default"].get("LOCATION")):
        secrets.add(unquote(urlsplit(url or "").password or ""))
    long = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    written = {form for one in long for form in (one, quote(one, safe=""), json.dumps(one)[1:-1])}
    longest_first = sorted(written, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if written else None


def _without_ours(line: str) -> str:
    pattern = _ours()
    return pattern.sub(HIDDEN, line) if pattern else line


def _inline(value: Any) -> str:
    text = str(value)
    return text if text and re.fullmatch(r"[^\s=\"]+", text) else repr(text)
