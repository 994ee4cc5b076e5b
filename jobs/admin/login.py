"""Logins to the admin: what is written down of them, and the page for who is locked out.

django-axes counts failed logins and keeps out whoever has too many, by account and by address,
whether there is such an account or not.
"""

from __future__ import annotations

import logging
from typing import Any

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jobs.control.address import client_address
from jobs.control.audit import Actor, record
from jobs.models.audit import Via

logger = logging.getLogger(__name__)


def locked(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """The answer to a login of an account, or from an address, that is locked."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {"minutes": seconds // 60, "site_header": "schedcore", "title": ""}
    answer = render(request, "admin/locked.html", context, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer


@receiver(user_logged_in)
def _logged_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    if request.resolver_match is None:  # by no page: a test's client
        return
    _note(logging.INFO, "Logged in", "login", request, user.get_username())
    record(_actor(request, user.get_username()), "login")


@receiver(user_login_failed)
def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is not None:
        user = _known(credentials.get("username", ""))
        _note(logging.INFO, "Login failed", "login.failed", request, user)


@receiver(user_locked_out)
def _locked_out(request: Any, username: str, **kwargs: Any) -> None:
    """Sent at the failure that locks, and again at each login while it is locked."""
    if getattr(request, "axes_failures_since_start", None):
        _note(logging.WARNING, "Login locked", "login.locked", request, _known(username))
        record(_actor(request, _known(username)), "login.locked")


def _known(username: str) -> str:
    """The name of an account; nothing for other texts, which may be a password in the wrong
    field."""
    return username if User.objects.filter(username=username).exists() else ""


def _actor(request: HttpRequest, name: str) -> Actor:
    return Actor(name=name, via=Via.ADMIN, address=client_address(request))


def _note(level: int, message: str, event: str, request: HttpRequest, user: str) -> None:
    keys = {"event": event, "user": user, "address": client_address(request)}
    logger.log(level, message, extra=keys)
