"""Tokens are made and revoked through `control`, and leave audit events without their text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from jobs.control import token as control
from jobs.errors import Invalid
from jobs.models import ApiToken, AuditEvent, Job, Scope
from jobs.models.rights import has_right, has_right_anywhere, limit, visible_job_ids
from tests.factories import ACTOR, grant, make_job, make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user("manage_job", name="ann")


def test_a_token_says_who_made_it_and_when_it_ends(user: User) -> None:
    token, _text = control.create(user, name=" ci ", scope="run", days=30, actor=ACTOR)
    assert (token.name, token.scope, token.created_by) == ("ci", "run", "tester")
    assert token.expires_at - token.created_at == timedelta(days=30)


def test_the_audit_knows_of_it_and_not_its_text(user: User) -> None:
    token, text = make_token(user, name="ci", scope=Scope.RUN)
    control.revoke(token.pk, actor=ACTOR)
    events = list(AuditEvent.objects.order_by("pk").values())
    assert [(event["action"], event["target"]) for event in events] == [
        ("token.create", "ann: ci"),
        ("token.revoke", "ann: ci"),
    ]
    assert events[0]["after"]["scope"] == "run"
    assert text not in str(events)
    assert text[len("schedcore_") :] not in str(events)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\u202eevil"}, "name"),
        ({"scope": "admin"}, "scope"),
        ({"scope": ""}, "scope"),
        ({"days": 0}, "days"),
        ({"days": -1}, "days"),
        ({"days": 3651}, "days"),
        ({"days": 10**30}, "days"),
    ],
)
def test_what_makes_no_sense_is_refused(user: User, wrong: dict[str, Any], field: str) -> None:
    given: dict[str, Any] = {"name": "ci", "scope": "view", "days": 1, **wrong}
    with pytest.raises(Invalid) as caught:
        control.create(user, actor=ACTOR, **given)
    assert list(caught.value.errors) == [field]
    assert not ApiToken.objects.exists()


def test_a_user_who_is_switched_off_gets_none(user: User) -> None:
    user.is_active = False
    with pytest.raises(Invalid):
        make_token(user)


def test_a_name_is_taken_until_its_token_is_revoked(user: User) -> None:
    first, _text = make_token(user, name="ci")
    make_token(make_user(), name="ci")
    with pytest.raises(control.TokenExists):
        make_token(user, name="ci")
    control.revoke(first.pk, actor=ACTOR)
    make_token(user, name="ci")


def test_a_user_has_no_more_than_so_many(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_LIVE", 2)
    first, _text = make_token(user, name="one")
    make_token(user, name="two")
    with pytest.raises(control.TooManyTokens):
        make_token(user, name="three")
    control.revoke(first.pk, actor=ACTOR)
    make_token(user, name="three")


def test_to_revoke_twice_is_no_error_and_one_event(user: User) -> None:
    token, _text = make_token(user)
    first = control.revoke(token.pk, actor=ACTOR)
    assert control.revoke(token.pk, actor=ACTOR).revoked_at == first.revoked_at
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1
    with pytest.raises(control.TokenNotFound):
        control.revoke(10**18, actor=ACTOR)


@pytest.mark.parametrize(
    ("most", "rights"),
    [
        ("view_job", {"view_job"}),
        ("run_job", {"view_job", "run_job"}),
        ("manage_job", {"view_job", "run_job", "manage_job"}),
    ],
)
@pytest.mark.parametrize("is_granted_for_one", [False, True])
def test_a_limit_takes_rights_away_on_all_jobs_and_on_one(
    most: Any, rights: set[str], is_granted_for_one: bool
) -> None:
    job = make_job("report")
    user = make_user() if is_granted_for_one else make_user("manage_job")
    if is_granted_for_one:
        grant(user, "manage_job", job)
    limit(user, most)
    for right in ("view_job", "run_job", "manage_job"):
        held = right in rights
        assert has_right(user, right, "report") is held
        assert has_right_anywhere(user, right) is held
        ids = visible_job_ids(user, right)
        seen = Job.objects.all() if ids is None else Job.objects.filter(pk__in=ids)
        assert seen.exists() is held


def test_a_limit_gives_no_right_that_was_not_there() -> None:
    user = make_user("view_job")
    limit(user, "manage_job")
    assert has_right(user, "view_job")
    assert not has_right(user, "run_job")
