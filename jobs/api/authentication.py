"""Who is asking: a token of a program, or a session of the web site with CSRF protection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.request import Request

from jobs.api.throttling import count_failed_login
from jobs.control.address import client_address
from jobs.executions.database import from_database, is_postgresql
from jobs.models import ApiToken
from jobs.models.rights import limit
from jobs.models.token import digest_of
from jobs.permission_backend import held_by, keep
from jobs.trace import current_trace

SCHEME = "Token"

USE_NOTED_EVERY = timedelta(minutes=1)
USE_FROM_ELSEWHERE_NOTED_EVERY = timedelta(seconds=1)


class TokenLogin(BaseAuthentication):
    """`Authorization: Token …`. What the request may do then ends at the token's scope."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _space, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        address = client_address(request)
        try:
            token = _valid(_known(text.strip()))
        except exceptions.AuthenticationFailed:
            count_failed_login(address)
            raise
        _note_use(token, address)
        limit(token.user, token.right)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class CsrfFailed(exceptions.PermissionDenied):
    default_code = "csrf_failed"
    default_detail = gettext_lazy(
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


def _known(text: str) -> Any:
    """The token of that text, with the present moment as its `seen_at`; None if there is none.
    The log names it also where it is refused."""
    token = _find(digest_of(text))
    trace = current_trace()
    if token is not None and trace is not None:
        trace.user, trace.token_name = token.user.get_username(), token.name
    return token


def _valid(token: Any) -> Any:
    """The token, if it may be used. Only who holds its text learns that it was good once."""
    if token is None or not token.user.is_active:
        sentence = _("There is no such token, or its user is not active.")
        raise exceptions.AuthenticationFailed(sentence, code="token_invalid")
    if token.revoked_at is not None:
        sentence = _("The token “%(name)s” was revoked.") % {"name": token.name}
        raise exceptions.AuthenticationFailed(sentence, code="token_revoked")
    if token.is_expired(token.seen_at):
        sentence = _("The token “%(name)s” expired on %(day)s.")
        sentence %= {"name": token.name, "day": token.expires_at.date().isoformat()}
        raise exceptions.AuthenticationFailed(sentence, code="token_expired")
    return token


TOKEN_COLUMNS: dict[str, Callable[[Any], Any] | None] = {
    **dict.fromkeys(("id", "user_id", "name", "scope", "last_used_from")),
    **dict.fromkeys(("expires_at", "revoked_at", "last_used_at"), from_database),
}
USER_COLUMNS: dict[str, Callable[[Any], Any] | None] = {
    **dict.fromkeys(("id", "username")),
    **dict.fromkeys(("is_active", "is_staff", "is_superuser"), bool),
}
"""What is looked up, and how a raw cursor's value of each is read; the other fields come from the
database when they are asked."""

_COLUMNS = [*(f"t.{name}" for name in TOKEN_COLUMNS), *(f"u.{name}" for name in USER_COLUMNS)]


@cache
def _sql() -> str:
    clock = "clock_timestamp()" if is_postgresql() else "NULL"
    columns = ", ".join([*_COLUMNS, held_by("u.id"), clock])
    return (
        f"SELECT {columns} FROM {ApiToken._meta.db_table} t "  # noqa: S608  of constants
        f"JOIN {User._meta.db_table} u ON u.id = t.user_id WHERE t.digest = %s"
    )


def _find(digest: str) -> Any:
    """With what the user may do, as nearly every request asks; by a statement that is written
    already: to have the ORM write it was a tenth of what a short answer takes."""
    with connection.cursor() as cursor:
        cursor.execute(_sql(), [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    token: Any = _read(ApiToken, TOKEN_COLUMNS, row)
    token.user = _read(User, USER_COLUMNS, row[len(TOKEN_COLUMNS) :])
    keep(token.user, row[-2])
    token.seen_at = from_database(row[-1]) or datetime.now(UTC)
    return token


def _read(
    model: type[Model], columns: Mapping[str, Callable[[Any], Any] | None], row: tuple[Any, ...]
) -> Model:
    pairs = zip(columns.items(), row, strict=False)
    values = {name: read(value) if read else value for (name, read), value in pairs}
    names = [field.attname for field in model._meta.concrete_fields if field.attname in values]
    return model.from_db(DEFAULT_DB_ALIAS, names, [values[name] for name in names])


def _note_use(token: Any, address: str | None) -> None:
    now: datetime = token.seen_at
    is_elsewhere = token.last_used_from != address
    interval = USE_FROM_ELSEWHERE_NOTED_EVERY if is_elsewhere else USE_NOTED_EVERY
    if token.last_used_at is not None and now - token.last_used_at < interval:
        return
    with suppress(OperationalError):  # a note is worth no failed request
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now, last_used_from=address)
