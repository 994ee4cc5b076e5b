"""Whose address stands in audit and log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import RequestFactory

from jobs.conf import conf
from jobs.control.address import client_address


@pytest.fixture
def behind_proxy(settings: Any) -> None:
    settings.SCHEDCORE = replace(conf(), trust_proxy=True)


def address(rf: RequestFactory, remote: str, forwarded: str | None = None) -> str | None:
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client_address(rf.get("/", REMOTE_ADDR=remote, **headers))


def test_without_a_proxy_nobody_can_choose_their_address(rf: RequestFactory) -> None:
    assert address(rf, "192.0.2.1", "203.0.113.9") == "192.0.2.1"


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("evil<script>, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", "192.0.2.1"),
        ("unknown", "192.0.2.1"),
        ("203.0.113.9,", "192.0.2.1"),
        ("9" * 10_000, "192.0.2.1"),
        ("1.2.3.4\x00", "192.0.2.1"),
        (None, "192.0.2.1"),
    ],
)
def test_behind_a_proxy_the_last_address_counts(
    rf: RequestFactory, forwarded: str | None, expected: str
) -> None:
    assert address(rf, "192.0.2.1", forwarded) == expected


@pytest.mark.parametrize("remote", ["", "unix:", "x"])
def test_where_there_is_no_address_there_is_none(rf: RequestFactory, remote: str) -> None:
    assert address(rf, remote) is None
