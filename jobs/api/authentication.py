"""Who is asking: a session of the web site, with Django's CSRF protection."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class CsrfFailed(exceptions.PermissionDenied):
    default_code = "csrf_failed"
    default_detail = _(
        "The CSRF check failed. Send the value of the csrftoken cookie as X-CSRFToken."
    )


class SessionLogin(SessionAuthentication):
    """A login that names its scheme, so that nobody logged in is 401 and not 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailed from error
