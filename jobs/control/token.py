"""Tokens of programs: made and revoked, each with its audit event."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from jobs.control.audit import Actor, record
from jobs.errors import Conflict, Invalid, NotFound
from jobs.executions.database import database_now
from jobs.models import ApiToken, Scope
from jobs.models.token import NAME_LENGTH, SHOWN_CHARACTERS, digest_of, new_text

DEFAULT_DAYS = 90
MAX_DAYS = 3650
MAX_LIVE = 20
"""Tokens of one user at a time; each has a limit of requests of its own."""


class TokenExists(Conflict):
    code = "token_exists"

    def __init__(self, user: User, name: str) -> None:
        sentence = _("“%(user)s” has a token “%(name)s” already; revoke it or choose another name.")
        sentence %= {"user": user.get_username(), "name": name}
        super().__init__(sentence, errors={"name": [sentence]})


class TooManyTokens(Conflict):
    code = "too_many_tokens"

    def __init__(self, user: User) -> None:
        sentence = _("“%(user)s” has %(most)d tokens, which is the most; revoke one.")
        super().__init__(sentence % {"user": user.get_username(), "most": MAX_LIVE})


class TokenNotFound(NotFound):
    code = "token_not_found"


def create(
    user: User, *, name: str, scope: str, days: int = DEFAULT_DAYS, actor: Actor
) -> tuple[ApiToken, str]:
    """Make a token, and return it with its text, which nobody can find out again.

    It expires after `days` (1 to 3650). Raises Invalid, TokenExists or
    TooManyTokens.
    """
    name = name.strip()
    _check(user, name, scope, days)
    now, text = database_now(), new_text()
    token = ApiToken(
        user=user,
        name=name,
        scope=scope,
        digest=digest_of(text),
        beginning=text[:SHOWN_CHARACTERS],
        created_at=now,
        created_by=actor.name,
        expires_at=now + timedelta(days=days),
    )
    with transaction.atomic():
        if ApiToken.objects.live(now).filter(user=user).count() >= MAX_LIVE:
            raise TooManyTokens(user)
        try:
            with transaction.atomic():
                token.save(force_insert=True)
        except IntegrityError:
            raise TokenExists(user, name) from None
        after = {"scope": scope, "expires_at": token.expires_at.isoformat()}
        record(actor, "token.create", target=str(token), after=after)
    return token, text


def revoke(token_id: int, *, actor: Actor) -> ApiToken:
    """Make a token useless from now on; once more is no error. Raises TokenNotFound."""
    with transaction.atomic():
        token = ApiToken.objects.select_for_update(of=("self",)).filter(pk=token_id).first()
        if token is None:
            raise TokenNotFound(_("There is no token %(id)s.") % {"id": token_id})
        if token.revoked_at is None:
            token.revoked_at, token.revoked_by = database_now(), actor.name
            token.save(update_fields=["revoked_at", "revoked_by"])
            record(actor, "token.revoke", target=str(token))
    return token


def _check(user: User, name: str, scope: str, days: int) -> None:
    errors: dict[str, list[str]] = {}
    if not user.is_active:
        errors["user"] = [_("“%(user)s” is not active.") % {"user": user.get_username()}]
    if not name:
        errors["name"] = [_("A token needs a name.")]
    elif len(name) > NAME_LENGTH or not name.isprintable():
        sentence = _("Use at most %(most)d characters that can be printed.")
        errors["name"] = [sentence % {"most": NAME_LENGTH}]
    if scope not in Scope.values:
        sentence = _("“%(scope)s” is not known; allowed are %(allowed)s.")
        errors["scope"] = [sentence % {"scope": scope, "allowed": ", ".join(Scope.values)}]
    if not 1 <= days <= MAX_DAYS:
        sentence = _("Use a whole number from 1 to %(most)d, not %(days)d.")
        errors["days"] = [sentence % {"most": MAX_DAYS, "days": days}]
    if errors:
        raise Invalid(errors)
