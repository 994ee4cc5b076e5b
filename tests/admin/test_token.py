"""The page of API tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from jobs.models import ApiToken, AuditEvent
from jobs.models.token import digest_of
from tests.admin.conftest import logged_in, staff
from tests.factories import make_token, make_user

TOKENS = "/admin/jobs/apitoken/"
ADD = TOKENS + "add/"


@pytest.fixture
def ann(db: None) -> User:
    return staff("run_job", name="ann")


@pytest.fixture
def root(db: None) -> User:
    return staff(name="root", is_superuser=True)


def ask(client: Client, **fields: Any) -> Any:
    return client.post(ADD, {"name": "ci", "scope": "run", "days": "30", **fields})


def shown_text(response: Any) -> str:
    (text,) = re.findall(r'class="sc-token"[^>]*value="([^"]+)"', response.content.decode())
    return str(text)


def test_a_token_is_shown_once(ann: User) -> None:
    client = logged_in(ann)
    answer = ask(client)
    text = shown_text(answer)
    token = ApiToken.objects.get()
    assert (token.digest, token.user, token.scope) == (digest_of(text), ann, "run")
    assert "no-store" in answer.headers["Cache-Control"]
    for page in (TOKENS, f"{TOKENS}{token.pk}/change/", "/admin/", ADD):
        assert text not in client.get(page).content.decode()
    assert text not in str(client.cookies)
    assert all(text not in str(session.get_decoded()) for session in Session.objects.all())


def test_to_send_the_form_again_makes_no_second_one(ann: User) -> None:
    client = logged_in(ann)
    ask(client)
    answer = ask(client)
    assert "choose another name" in answer.content.decode()
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"days": "0"}, {"days": "x"}, {"days": "9999"}, {"scope": "all"}],
)
def test_what_is_wrong_stands_at_its_field(ann: User, fields: dict[str, str]) -> None:
    answer = ask(logged_in(ann), **fields)
    assert answer.context["adminform"].form.errors.keys() == fields.keys()
    assert not ApiToken.objects.exists()


def test_nobody_but_a_superuser_makes_one_for_somebody_else(ann: User, root: User) -> None:
    ask(logged_in(ann), user=str(root.pk))
    assert ApiToken.objects.get().user == ann
    ask(logged_in(root), user=str(ann.pk), name="by root")
    token = ApiToken.objects.get(name="by root")
    assert (token.user, token.created_by) == (ann, "root")


def test_everybody_sees_their_own_and_a_superuser_all(ann: User, root: User) -> None:
    make_token(ann, name="anns")
    other, _text = make_token(make_user(), name="others")
    seen = logged_in(ann).get(TOKENS).content.decode()
    assert "anns" in seen
    assert "others" not in seen
    assert logged_in(ann).get(f"{TOKENS}{other.pk}/change/").status_code == 302
    assert "others" in logged_in(root).get(TOKENS).content.decode()


def test_one_is_revoked_by_the_action_and_only_ones_own(ann: User) -> None:
    mine, _text = make_token(ann)
    other, _text = make_token(make_user())
    client = logged_in(ann)
    chosen = {"action": "revoke", "_selected_action": [mine.pk, other.pk]}
    client.post(TOKENS, chosen)
    mine.refresh_from_db()
    other.refresh_from_db()
    assert mine.revoked_at is not None
    assert other.revoked_at is None
    event = AuditEvent.objects.get(action="token.revoke")
    assert (event.actor, event.via) == ("ann", "admin")
    assert "revoked" in client.get(TOKENS).content.decode()


def test_nothing_can_be_changed_or_deleted(root: User) -> None:
    token, _text = make_token(root)
    client = logged_in(root)
    page = f"{TOKENS}{token.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "x"}).status_code == 403
    assert client.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_has_no_right_on_any_job_has_no_page(db: None) -> None:
    assert logged_in(staff(name="none")).get(TOKENS).status_code == 403
