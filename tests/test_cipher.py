from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from jobs import cipher
from jobs.errors import SchedulerError
from jobs.estate.models import DatabaseInstance

SECRET = "s3cret-of-the-instance"
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_a_password_comes_back_and_is_not_stored_in_the_clear(
    scheduler_settings: Callable[..., Any],
) -> None:
    scheduler_settings(credentials_keys=(NEW,))
    token = cipher.encrypt(SECRET)
    assert SECRET not in token
    assert cipher.decrypt(token) == SECRET


def test_no_password_needs_no_key(scheduler_settings: Callable[..., Any]) -> None:
    scheduler_settings(credentials_keys=())
    assert cipher.decrypt(cipher.encrypt("")) == ""


def test_after_a_rotation_old_tokens_are_read_and_new_ones_need_the_new_key(
    scheduler_settings: Callable[..., Any],
) -> None:
    scheduler_settings(credentials_keys=(OLD,))
    old_token = cipher.encrypt(SECRET)
    scheduler_settings(credentials_keys=(NEW, OLD))
    assert cipher.decrypt(old_token) == SECRET
    new_token = cipher.encrypt(SECRET)
    scheduler_settings(credentials_keys=(NEW,))
    assert cipher.decrypt(new_token) == SECRET


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ((), cipher.KeyMissing),
        (("too short",), cipher.KeyMalformed),
        (("ünicode" * 8,), cipher.KeyMalformed),
        ((NEW,), cipher.KeyWrong),
    ],
)
def test_a_key_that_does_not_fit_is_named_and_the_token_is_not(
    scheduler_settings: Callable[..., Any], keys: tuple[str, ...], kind: type[SchedulerError]
) -> None:
    scheduler_settings(credentials_keys=(OLD,))
    token = cipher.encrypt(SECRET)
    scheduler_settings(credentials_keys=keys)
    with pytest.raises(kind, match="SCHEDCORE_CREDENTIALS_KEY") as caught:
        cipher.decrypt(token)
    assert token not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_password_never_shows_in_text_or_log(
    scheduler_settings: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    scheduler_settings(credentials_keys=(NEW,))
    instance = DatabaseInstance(name="main", engine="postgresql", host="db", port=5432)
    instance.set_password(SECRET)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger(__name__).info("%s %r %r", instance, instance, instance.target())
    assert SECRET not in caplog.text
    assert instance.password_encrypted not in caplog.text
    assert instance.target().password == SECRET
