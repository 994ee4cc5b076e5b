"""How django-axes counts failed logins here: by address, and more patiently by account."""

from __future__ import annotations

import hashlib
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.contrib.auth.models import User
from django.db.models import Sum
from django.http import HttpRequest

PATIENCE = 10
"""How many times as many failures lock an account as lock an address.

So that one machine, which is locked long before, cannot lock somebody out, while many that
guess together are stopped.
"""


class LoginLock(AxesDatabaseHandler):  # type: ignore[misc]  # django-axes has no types
    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        # In the order of AXES_LOCKOUT_PARAMETERS.
        of_account, of_address = (
            attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(of_address, of_account // PATIENCE)


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name under which a failure is kept: that of an account, or of other texts a digest,
    since they may be a password in the wrong field."""
    sent = (credentials or {}).get("username") or request.POST.get("username", "")
    if User.objects.filter(username=sent).exists():
        return str(sent)
    return "unknown " + hashlib.sha256(sent.encode(errors="replace")).hexdigest()[:16]
