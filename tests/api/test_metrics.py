"""Who may read `/metrics`."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from jobs.models import Scope
from tests.api.answers import refused
from tests.api.conftest import Login
from tests.factories import grant, make_job, make_token, make_user

METRICS = "/metrics"

pytestmark = pytest.mark.django_db


def allow(settings: Any, *networks: str) -> None:
    found = tuple(ip_network(network) for network in networks)
    settings.SCHEDCORE = replace(settings.SCHEDCORE, metrics_networks=found)


def status(address: str, **headers: str) -> int:
    return Client().get(METRICS, REMOTE_ADDR=address, headers=headers).status_code


def test_a_token_of_who_may_view_all_jobs_reads_them() -> None:
    _token, text = make_token(make_user("view_job"), scope=Scope.VIEW)
    answer = Client().get(METRICS, headers={"Authorization": f"Token {text}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.content.endswith(b"\n")
    assert b"\nschedcore_leader 0\n" in answer.content


def test_what_prometheus_says_it_accepts_is_no_matter(viewer: APIClient) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4"
    assert viewer.get(METRICS, headers={"Accept": accept}).status_code == 200


def test_nobody_else_does(login: Login) -> None:
    refused(APIClient().get(METRICS), 401)
    user = make_user()
    grant(user, "manage_job", make_job("report"))
    refused(login(user).get(METRICS), 403)


def test_it_can_only_be_read(viewer: APIClient) -> None:
    refused(viewer.post(METRICS), 405)
    refused(viewer.get(METRICS + "?jobs=all"), 400)


def test_no_address_is_listed_at_first() -> None:
    assert status("127.0.0.1") == 401


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.2.3.4", 200),
        ("192.0.2.7", 200),
        ("2001:db8::5", 200),
        ("::ffff:10.2.3.4", 200),  # how a socket of both kinds names it
        ("10.3.0.1", 401),
        ("192.0.2.8", 401),
        ("2001:db9::5", 401),
        ("127.0.0.1", 401),
        ("", 401),
        ("nonsense", 401),
    ],
)
def test_a_listed_address_needs_no_token(settings: Any, address: str, expected: int) -> None:
    allow(settings, "10.2.0.0/16", "192.0.2.7", "2001:db8::/32")
    assert status(address) == expected


@pytest.mark.parametrize("trusts", [False, True])
@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Real-IP"]
)
def test_whoever_comes_through_a_proxy_is_not_taken_for_the_proxy(
    settings: Any, header: str, trusts: bool
) -> None:
    allow(settings, "10.2.0.0/16")
    settings.SCHEDCORE = replace(settings.SCHEDCORE, trust_proxy=trusts)
    assert status("10.2.3.4", **{header: "198.51.100.9"}) == 401
    assert status("198.51.100.9", **{header: "10.2.3.4"}) == 401


def test_a_listed_address_is_not_counted_out(settings: Any) -> None:
    allow(settings, "10.2.0.0/16")
    settings.SCHEDCORE = replace(settings.SCHEDCORE, api_anonymous_rate=2)
    assert [status("10.2.3.4") for _each in range(5)] == [200] * 5
    assert [status("10.9.9.9") for _each in range(4)] == [401, 401, 429, 429]


def test_a_bad_token_is_refused_from_there_too(settings: Any) -> None:
    """So that who has configured one learns that it does nothing."""
    allow(settings, "10.2.0.0/16")
    assert status("10.2.3.4", Authorization="Token nonsense") == 401
