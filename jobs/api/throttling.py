"""How often somebody may ask.

Requests are counted by minute in Django's cache: each web process for itself, or all together
where `SCHEDCORE_CACHE_URL` names a cache that they share.
"""

from __future__ import annotations

import time
from contextlib import suppress

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
            key, most = f"address:{client_address(request)}", conf().api_anonymous_rate
        return not _is_above(_count(key), most)

    def wait(self) -> float:
        return _rest_of_window_s()


class FailedLogins:
    """Logins by token that failed, from one address."""

    def __init__(self, address: str | None) -> None:
        self._key = f"failed:{address}"

    def count(self) -> None:
        _count(self._key)

    def refuse_if_exceeded(self) -> None:
        """Raises Throttled, also for a token that is right: else guessing would go on."""
        if _is_above((cache.get(_name(self._key)) or 0) + 1, conf().api_failed_logins):
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


def _is_above(number: int, most: int) -> bool:
    return most > 0 and number > most


def _rest_of_window_s() -> float:
    return WINDOW_S - time.time() % WINDOW_S
