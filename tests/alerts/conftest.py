from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs.alerts import messenger
from jobs.alerts.text import Text
from tests.alerts.sinks import Sink, hanging_server, mail_server, webhook


@pytest.fixture
def hook() -> Iterator[Sink]:
    with webhook() as sink:
        yield sink


@pytest.fixture
def mails() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


@pytest.fixture
def hanging() -> Iterator[Sink]:
    with hanging_server() as sink:
        yield sink


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Text]]:
    """(address, text) of what is sent, which goes nowhere; an address with "fails" is refused."""
    told: list[tuple[str, Text]] = []

    def send(url: str, text: Text, **options: Any) -> str:
        if "fails" in url:
            return "refused"
        told.append((url, text))
        return ""

    monkeypatch.setattr(messenger, "send", send)
    return told


@pytest.fixture(autouse=True)
def _key(scheduler_settings: Callable[..., Any]) -> None:
    scheduler_settings(base_url="https://jobs.example.org")
