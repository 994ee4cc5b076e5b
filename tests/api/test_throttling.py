"""How often somebody may ask, each for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from rest_framework.test import APIClient

from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient, Login
from tests.factories import make_token, make_user

MINUTE = "2026-05-04T10:00:15+00:00"


@pytest.fixture(autouse=True)
def _few() -> Iterator[None]:
    few = replace(settings.SCHEDCORE, api_rate=3, api_anonymous_rate=2, api_failed_logins=2)
    with override_settings(SCHEDCORE=few):
        yield


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(MINUTE, tick=False) as found:
        yield found


def with_token(user: User, name: str = "ci") -> APIClient:
    client = JsonClient()
    _token, text = make_token(user, name=name)
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def test_who_asks_too_often_is_told_when_to_come_back(
    viewer: APIClient, clock: time_machine.Coordinates
) -> None:
    for _ in range(3):
        succeeded(viewer.get(BASE + "jobs"))
    answer = viewer.get(BASE + "jobs")
    refused(answer, 429, "throttled")
    assert answer.headers["Retry-After"] == "45"
    clock.shift(45)
    succeeded(viewer.get(BASE + "jobs"))


def test_each_user_and_each_token_is_counted_alone(
    login: Login, clock: time_machine.Coordinates
) -> None:
    one, other = make_user("view_job"), make_user("view_job")
    clients = [login(one), login(other), with_token(one), with_token(one, "another")]
    for client in clients:
        for _ in range(3):
            succeeded(client.get(BASE + "jobs"))
        refused(client.get(BASE + "jobs"), 429, "throttled")


def test_refused_requests_count_too(login: Login, clock: time_machine.Coordinates) -> None:
    client = login(make_user())
    for _ in range(3):
        refused(client.get(BASE + "jobs"), 403)
    refused(client.get(BASE + "jobs"), 429, "throttled")


def test_who_is_not_logged_in_is_counted_by_address(
    nobody: APIClient, clock: time_machine.Coordinates
) -> None:
    for _ in range(2):
        refused(nobody.get(BASE + "jobs", REMOTE_ADDR="192.0.2.1"), 401)
    refused(nobody.get(BASE + "jobs", REMOTE_ADDR="192.0.2.1"), 429, "throttled")
    refused(nobody.get(BASE + "jobs", REMOTE_ADDR="192.0.2.2"), 401)


def test_bad_tokens_are_limited_by_address_and_good_ones_go_on(
    login: Login, clock: time_machine.Coordinates
) -> None:
    good = with_token(make_user("view_job"))
    bad = JsonClient()
    bad.credentials(HTTP_AUTHORIZATION="Token schedcore_guess")
    for _ in range(2):
        refused(bad.get(BASE + "jobs", REMOTE_ADDR="192.0.2.1"), 401, "token_invalid")
    refused(bad.get(BASE + "jobs", REMOTE_ADDR="192.0.2.1"), 429, "throttled")
    refused(bad.get(BASE + "jobs", REMOTE_ADDR="192.0.2.2"), 401, "token_invalid")
    succeeded(good.get(BASE + "jobs", REMOTE_ADDR="192.0.2.1"))


def test_addresses_of_one_ipv6_network_count_together(
    nobody: APIClient, clock: time_machine.Coordinates
) -> None:
    for end in ("1", "2"):
        refused(nobody.get(BASE + "jobs", REMOTE_ADDR=f"2001:db8::{end}"), 401)
    refused(nobody.get(BASE + "jobs", REMOTE_ADDR="2001:db8::3"), 429, "throttled")
    refused(nobody.get(BASE + "jobs", REMOTE_ADDR="2001:db8:0:1::1"), 401)


def test_nothing_is_limited_where_the_limit_is_0(viewer: APIClient, db: None) -> None:
    unlimited = replace(settings.SCHEDCORE, api_rate=0, api_anonymous_rate=0, api_failed_logins=0)
    bad = JsonClient()
    bad.credentials(HTTP_AUTHORIZATION="Token schedcore_guess")
    with override_settings(SCHEDCORE=unlimited):
        for _ in range(5):
            succeeded(viewer.get(BASE + "jobs"))
            refused(bad.get(BASE + "jobs"), 401, "token_invalid")


def test_liveness_is_never_limited(nobody: APIClient, db: None) -> None:
    for _ in range(5):
        succeeded(nobody.get("/healthz"))


def test_a_shared_cache_that_does_not_answer_limits_nobody(viewer: APIClient) -> None:
    silent = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
        }
    }
    with override_settings(CACHES=silent):
        for _ in range(5):
            succeeded(viewer.get(BASE + "jobs"))
