"""The pages of alert messages."""

from __future__ import annotations

from datetime import UTC, datetime

from django.test import Client

from tests.factories import make_message

MESSAGES = "/admin/jobs/alertmessage/"


def test_messages_are_listed_with_what_became_of_them(manager: Client) -> None:
    now = datetime.now(UTC)
    message = make_message(sent_at=now)
    make_message(error="refused", attempts=2)
    make_message(gave_up_at=now, error="no route", channel_name="old")
    page = manager.get(MESSAGES).content.decode()
    for words in ("it failed", "2 attempts", "to mail", "refused", "given up", "no route"):
        assert words in page
    assert "boom" in manager.get(f"{MESSAGES}{message.pk}/change/").content.decode()
