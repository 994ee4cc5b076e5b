"""Alert messages over the API; who may what stands in the table of rights."""

from __future__ import annotations

from rest_framework.test import APIClient

from tests.api.answers import succeeded
from tests.api.conftest import BASE
from tests.factories import make_message

MESSAGES = BASE + "alerts/messages"


def test_messages_are_listed_page_by_page(manager: APIClient) -> None:
    for number in range(3):
        make_message(subject=f"number {number}", channel_name="a" if number else "b")
    answer = manager.get(f"{MESSAGES}?limit=2").json()
    assert [one["subject"] for one in answer["data"]] == ["number 2", "number 1"]
    following = answer["meta"]["next_before"]
    (last,) = succeeded(manager.get(f"{MESSAGES}?before={following}"))
    assert last["subject"] == "number 0"
    assert len(succeeded(manager.get(f"{MESSAGES}?channel=b"))) == 1
