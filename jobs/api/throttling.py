"""How often somebody may ask.

Requests are counted by minute in Django's cache: each web process for itself, or all together
where `SCHEDCORE_CACHE_URL` names a cache that they share.
"""

from __future__ import annotations

import time
from contextlib import suppress
from ipaddress import IPv6Network

from django.core.cache import cache
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from jobs.conf import conf
from jobs.control.address import client_address
from jobs.models import ApiToken

WINDOW_S = 60


class PerCaller(BaseThrottle):
    """So many requests a minute for each token, for each user who is logged in, and for each
    address from which nobody is."""

    def allow_request(self, request: Request, view: object) -> bool:
        most = conf().api_rate
        if isinstance(request.auth, ApiToken):
            key = f"token:{request.auth.pk}"
        elif request.user.is_authenticated:
            key = f"user:{request.user.pk}"
        else:
            network = _network(client_address(request))
            key, most = f"address:{network}", conf().api_anonymous_rate
        return not _is_above(_count(key), most)

    def wait(self) -> float:
        return _rest_of_window_s()


def count_failed_login(address: str | None) -> None:
    """A token from this address was not valid. Raises Throttled after too many of them.

    One that is valid is let in all the same: it cannot be guessed, and one robot whose token
    has expired must not keep out all others behind its address.
    """
    if _is_above(_count(f"failed:{_network(address)}"), conf().api_failed_logins):
        raise Throttled(_rest_of_window_s())


def _count(key: str) -> int:
    """Count one more; returns how many there are in this window, 0 if that cannot be known."""
    name = _name(key)
    cache.add(name, 0, timeout=2 * WINDOW_S)
    with suppress(ValueError):  # thrown out of the cache meanwhile
        return cache.incr(name) or 0
    return 0


def _name(key: str) -> str:
    return f"throttle:{key}:{int(time.time() / WINDOW_S)}"


def _network(address: str | None) -> str:
    """Of an IPv6 address its /64, which one client has for itself."""
    if address is None or ":" not in address:
        return str(address)
    return str(IPv6Network(f"{address}/64", strict=False))


def _is_above(number: int, most: int) -> bool:
    return most > 0 and number > most


def _rest_of_window_s() -> float:
    return WINDOW_S - time.time() % WINDOW_S
