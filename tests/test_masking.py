"""What looks like a secret is found wherever it stands, and other words are left alone."""

from __future__ import annotations

import pytest

from jobs.masking import masked, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://dba:hunter2@host/name", "postgres://dba:[hidden]@host/name"),
        ("postgres://dba:hun/te@r2@host/name", "postgres://dba:[hidden]@host/name"),
        ("redis://:hunter2@host:6379/0", "redis://:[hidden]@host:6379/0"),
        ("connect(password='hunter2')", "connect(password='[hidden]')"),
        ("{'api_key': 'hunter2', 'days': 1}", "{'api_key': '[hidden]', 'days': 1}"),
        ('{"token": "hunter2"}', '{"token": "[hidden]"}'),
        ("host=h password=hunter2 dbname=n", "host=h password=[hidden] dbname=n"),
    ],
)
def test_a_secret_in_a_text_is_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/people/@me",
        "https://host:443/?mail=a@example.org",
        "no password: type one",
        "token_name=deploy",
        "mail to ops@example.org",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert without_secrets(text) == text


def test_values_are_looked_into() -> None:
    value = {"host": "db1", "user": {"password": "hunter2"}, "urls": ["a://b:hunter2@c"]}
    assert masked(value) == {
        "host": "db1",
        "user": {"password": "[hidden]"},
        "urls": ["a://b:[hidden]@c"],
    }
