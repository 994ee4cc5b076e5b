"""Logins by token: what works, what does not, and what is remembered."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from jobs.control import token as control
from jobs.masking import without_secrets
from jobs.models import ApiToken, AuditEvent, Scope
from jobs.models.token import digest_of, new_text
from schedcore.logs import keys_of
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient, Login
from tests.factories import ACTOR, make_job, make_token, make_user


@pytest.fixture
def owner(db: None) -> User:
    return make_user("manage_job", name="owner")


def client_with(text: str, scheme: str = "Token") -> APIClient:
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {text}")
    return client


def test_a_token_logs_its_user_in_without_a_session_or_csrf(owner: User) -> None:
    make_job("report")
    _token, text = make_token(owner, scope=Scope.MANAGE)
    client = JsonClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    succeeded(client.post(BASE + "jobs/report/disable"))
    assert not client.cookies


def test_what_is_stored_is_no_token(owner: User) -> None:
    token, text = make_token(owner)
    row = ApiToken.objects.values().get(pk=token.pk)
    assert text not in str(row)
    assert row["digest"] == digest_of(text)
    refused(client_with(row["digest"]).get(BASE + "jobs"), 401, "token_invalid")


def test_its_text_is_recognizable_and_never_the_same() -> None:
    texts = {new_text() for _ in range(100)}
    assert len(texts) == 100
    assert all(text.startswith("schedcore_") and len(text) >= 52 for text in texts)


@pytest.mark.parametrize(
    "text",
    ["", "x", "schedcore_", "a b", "schedcore_" + "x" * 5000, "tök", "\x7f", "Token", "é" * 100],
)
def test_what_is_no_token_is_401_and_says_so(db: None, text: str) -> None:
    answer = client_with(text).get(BASE + "jobs")
    refused(answer, 401, "token_invalid")
    assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("scheme", ["token", "TOKEN"])
def test_the_scheme_is_read_whatever_its_case(owner: User, scheme: str) -> None:
    _token, text = make_token(owner)
    succeeded(client_with(text, scheme).get(BASE + "jobs"))


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", ""])
def test_another_scheme_is_no_login(owner: User, scheme: str) -> None:
    _token, text = make_token(owner)
    refused(client_with(text, scheme).get(BASE + "jobs"), 401, "not_authenticated")


def test_a_bad_token_is_not_made_good_by_a_session(owner: User) -> None:
    client = client_with("schedcore_wrong")
    client.force_login(owner)
    refused(client.get(BASE + "jobs"), 401, "token_invalid")


def test_a_revoked_token_is_refused_and_told_so(owner: User) -> None:
    token, text = make_token(owner)
    control.revoke(token.pk, actor=ACTOR)
    refused(client_with(text).get(BASE + "jobs"), 401, "token_revoked")


def test_an_expired_token_is_refused_and_told_so(owner: User) -> None:
    token, text = make_token(owner)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    refused(client_with(text).get(BASE + "jobs"), 401, "token_expired")


def test_a_user_who_is_switched_off_loses_their_tokens(owner: User) -> None:
    _token, text = make_token(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    refused(client_with(text).get(BASE + "jobs"), 401, "token_invalid")


def test_when_and_from_where_it_was_last_used_is_remembered(owner: User) -> None:
    token, text = make_token(owner)
    assert token.last_used_at is None
    before = datetime.now(UTC) - timedelta(seconds=5)
    client_with(text).get(BASE + "jobs", REMOTE_ADDR="192.0.2.7")
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at > before
    assert token.last_used_from == "192.0.2.7"


def test_it_is_remembered_at_most_once_a_minute(owner: User) -> None:
    token, text = make_token(owner)
    noted = datetime.now(UTC) - timedelta(seconds=30)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=noted, last_used_from="192.0.2.7")
    client_with(text).get(BASE + "jobs", REMOTE_ADDR="192.0.2.7")
    token.refresh_from_db()
    assert token.last_used_at == noted


def test_a_use_from_elsewhere_is_remembered_at_once(owner: User) -> None:
    token, text = make_token(owner)
    noted = datetime.now(UTC) - timedelta(seconds=30)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=noted, last_used_from="192.0.2.7")
    client_with(text).get(BASE + "jobs", REMOTE_ADDR="192.0.2.8")
    token.refresh_from_db()
    assert token.last_used_from == "192.0.2.8"


def test_a_login_by_token_and_the_rights_are_one_query(
    owner: User, login: Login, django_assert_num_queries: Any
) -> None:
    make_job("report")
    _token, text = make_token(owner)
    by_token, by_session = client_with(text), login(owner)
    for client in (by_token, by_session):
        succeeded(client.get(BASE + "jobs"))
    with CaptureQueriesContext(connection) as by_session_took:
        by_session.get(BASE + "jobs")
    with django_assert_num_queries(len(by_session_took) - 3 + 1):  # no session, user, rights
        succeeded(by_token.get(BASE + "jobs"))


def test_the_log_of_a_request_and_the_audit_name_the_token(
    owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    make_job("report")
    _token, text = make_token(owner, name="deploy", scope=Scope.MANAGE)
    caplog.set_level(logging.INFO)
    succeeded(client_with(text).post(BASE + "jobs/report/disable"))
    (record,) = (r for r in caplog.records if getattr(r, "event", "") == "api.request")
    assert (vars(record)["user"], vars(record)["token_name"]) == ("owner", "deploy")
    event = AuditEvent.objects.get(action="job.disable")
    assert (event.actor, event.via, event.token) == ("owner", "api", "deploy")
    assert text not in caplog.text


def test_the_name_of_a_token_is_no_secret_and_its_text_is() -> None:
    shown = keys_of(logging.makeLogRecord({"token_name": "deploy", "token": "schedcore_x"}))
    assert shown["token_name"] == "deploy"
    assert "schedcore_x" not in str(shown)
    assert without_secrets(f"sent {new_text()}.") == "sent [hidden]."
