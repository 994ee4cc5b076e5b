"""From where somebody asks."""

from __future__ import annotations

import re
from ipaddress import ip_address

from django.http import HttpRequest

from jobs.conf import conf

WITH_PORT = re.compile(r"\[(?P<v6>[^]]+)\](?::\d+)?|(?P<v4>[0-9.]+):\d+")


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address; None where there is none, as behind a Unix socket.

    Behind a proxy that is trusted (`SCHEDCORE_TRUST_PROXY`) it is the last of X-Forwarded-For,
    which is the one that this proxy has seen; what stands before it anybody can write.
    """
    if conf().trust_proxy:
        last = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
        if found := _address(last):
            return found
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str | None:
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        return str(ip_address(text.partition("%")[0]))  # without the zone of a link-local one
    except ValueError:
        return None
