"""`manage.py createtoken` and `revoketoken`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from jobs.models import ApiToken, AuditEvent
from jobs.models.token import digest_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("createtoken", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_text_stands_alone_on_standard_output() -> None:
    make_user("run_job", name="ann")
    out, err = create("ann", "--name", "ci", "--scope", "run", "--days", "7")
    token = ApiToken.objects.get()
    assert digest_of(out.strip()) == token.digest
    assert out.strip() not in err
    assert "ci" in err
    assert f"{token.expires_at:%Y-%m-%d %H:%M} UTC" in err
    assert (token.scope, token.user.username) == ("run", "ann")


def test_it_is_audited_as_the_operating_systems_user() -> None:
    make_user(name="ann")
    create("ann", "--name", "ci")
    event = AuditEvent.objects.get()
    assert (event.action, event.via) == ("token.create", "command")
    assert "@" in event.actor


@pytest.mark.parametrize(
    "arguments",
    [
        ("bob", "--name", "ci"),
        ("ann", "--name", ""),
        ("ann", "--name", "ci", "--days", "0"),
        ("ann", "--name", "ci", "--scope", "admin"),
        ("ann", "--name", "ci", "--days", "soon"),
        ("ann",),
    ],
)
def test_what_makes_no_sense_makes_no_token(arguments: tuple[str, ...]) -> None:
    make_user(name="ann")
    with pytest.raises(CommandError):
        create(*arguments)
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_by_its_name() -> None:
    make_user(name="ann")
    create("ann", "--name", "ci")
    call_command("revoketoken", "ann", "ci", stdout=StringIO())
    assert ApiToken.objects.get().revoked_at is not None
    with pytest.raises(CommandError):
        call_command("revoketoken", "ann", "ci", stdout=StringIO())
