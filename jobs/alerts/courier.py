"""What talks to the world outside: a program of its own, so that it can be ended at any moment.

`python courier.py` reads one request, a JSON object, from its standard input, and writes one
answer to its standard output. Whoever started it ends it in time, and it ends itself a little
later, should that one have died. It knows nothing of Django, and is the only place that loads
`apprise`, which takes half a second and much memory. No part of an address leaves it but the one
that holds no secret.

- `{"do": "check", "url"}`: `{"shown"}`, the address without its secrets, or `{"problem"}`.
- `{"do": "send", "url", "subject", "body", "tone"}`: `{}`, or `{"error"}`.
- `{"do": "call", "url"}`: the same of a GET request.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import sys
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import Request, urlopen

HIDDEN = "[hidden]"
MAX_ERROR = 500
CALL_TIMEOUT_S = 10.0

NAMES_ITS_HOST = frozenset({"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms"})
"""Schemes whose addresses name a host where others have a secret."""

NOT_FOR_SERVERS = frozenset(
    {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}
)
"""Schemes that tell the host on which the scheduler happens to run."""

OPENS_FILES = frozenset({"keyfile", "pgp", "pgpkey", "pgpprivkey", "subfile", "template"})
"""Parameters of addresses by which `apprise` would read or write files of that host."""


def answer(request: dict[str, Any]) -> dict[str, str]:
    url = request["url"]
    try:
        if request["do"] == "check":
            return check(url)
        if request["do"] == "send":
            return send(url, request["subject"], request["body"], request["tone"])
        return call(url)
    except Exception as error:  # whatever a service's code raises: it is told, not what it holds
        return {"error": without_secrets(f"{type(error).__name__}: {error}", url)}


def check(url: str) -> dict[str, str]:
    scheme = urlsplit(url).scheme.lower()
    if scheme in NOT_FOR_SERVERS:
        return {"problem": "local"}
    if OPENS_FILES & {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}:
        return {"problem": "file"}
    service = instance(url)
    if service is None:
        return {"problem": "unknown"}
    if scheme in NAMES_ITS_HOST and service.host:
        who = "…@" if service.user else ""
        return {"shown": f"{scheme}://{who}{service.host}"}
    return {"shown": f"{scheme}://…"}


def send(url: str, subject: str, body: str, tone: str) -> dict[str, str]:
    service = instance(url)
    if service is None:
        return {"error": "apprise cannot read this address any more."}
    with Told() as told:
        if service.notify(body=body, title=subject, body_format="text", notify_type=tone):
            return {}
    return {"error": without_secrets(" ".join(told.lines) or "It was not accepted.", url)}


def call(url: str) -> dict[str, str]:
    request = Request(url, headers={"User-Agent": "schedcore"})  # noqa: S310  checked by the settings
    try:
        with urlopen(request, timeout=CALL_TIMEOUT_S):  # noqa: S310
            return {}
    except HTTPError as error:
        return {"error": f"HTTP {error.code}"}


def instance(url: str) -> Any:
    """The service of that address; None if there is none, or it misses something."""
    import apprise

    return apprise.Apprise.instantiate(url)


class Told(logging.Handler):
    """What `apprise` says of its failure, which it tells to nobody but its logger."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> Told:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *exception: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        # Why a connection failed is said below the level of a warning.
        if record.levelno >= logging.WARNING or "Exception" in line:
            self.lines.append(line)


def without_secrets(text: str, url: str) -> str:
    """The text without anything of the address but a host that may be named."""
    text = re.sub(r"(https?://[^/\s'\"]*)[^\s'\"]*", r"\1", text)
    text = re.sub(r"\burl: \S+", "url: …", text)
    for secret in sorted(secrets(url), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return " ".join(text.split())[:MAX_ERROR]


def secrets(url: str) -> set[str]:
    """Parts of the address that are long enough to mean something."""
    rest = url.partition("://")[2]
    place, _, query = rest.partition("?")
    userinfo, _, where = place.rpartition("@")
    host, _, path = where.partition("/")
    parts = [rest, place, query, userinfo, *userinfo.split(":"), path, *re.split(r"[/#,]", path)]
    parts += [value for _, value in parse_qsl(query)]
    if url.partition("://")[0].lower() not in {*NAMES_ITS_HOST, "http", "https"}:
        parts += [host, *host.split(":")]
    return {form for part in parts for form in (part, unquote(part)) if len(form) >= 4}


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing that a library prints may stand between
    request = json.load(sys.stdin)
    signal.alarm(math.ceil(request["deadline_s"]) + 1)
    json.dump(answer(request), out)
    out.flush()
    os._exit(0)  # no thread and no exit handler of a library may hold it up


if __name__ == "__main__":
    main()
