"""Secrets at rest: Fernet tokens under the keys of SCHEDCORE_CREDENTIALS_KEY, newest first."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from jobs.conf import conf
from jobs.errors import SchedulerError


class KeyMissing(SchedulerError):
    code = "credentials_key_missing"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Secrets cannot be stored or read without a key. Set SCHEDCORE_CREDENTIALS_KEY "
                "to what Fernet.generate_key() of the package cryptography gives."
            )
        )


class KeyMalformed(SchedulerError):
    code = "credentials_key_malformed"

    def __init__(self) -> None:
        super().__init__(
            _(
                "A key in SCHEDCORE_CREDENTIALS_KEY is not a Fernet key: "
                "32 bytes in URL-safe base64, which are 44 characters."
            )
        )


class KeyWrong(SchedulerError):
    code = "credentials_key_wrong"

    def __init__(self) -> None:
        super().__init__(
            _(
                "No key in SCHEDCORE_CREDENTIALS_KEY can read the stored secret. "
                "Put the key back that it was stored with, or enter the secret again."
            )
        )


@sensitive_variables("text")
def encrypt(text: str) -> str:
    """A token of `text` under the newest key; of "" it is "". Raises KeyMissing, KeyMalformed."""
    return _keys().encrypt(text.encode()).decode() if text else ""


@sensitive_variables()
def decrypt(token: str) -> str:
    """What `encrypt` was given, under any of the keys.

    Raises KeyMissing, KeyMalformed and KeyWrong.
    """
    if not token:
        return ""
    try:
        return _keys().decrypt(token).decode()
    except (InvalidToken, ValueError):  # the latter where the token is not even ASCII
        raise KeyWrong from None


@sensitive_variables()
def is_newest(token: str) -> bool:
    """Whether the newest key reads the token; raises as `decrypt` does, if none of them does."""
    if not token:
        return True
    decrypt(token)
    try:
        _fernets()[0].decrypt(token)
    except InvalidToken:
        return False
    return True


@sensitive_variables()
def rotate(token: str) -> str:
    """A token of the same text under the newest key. Raises as `decrypt` does."""
    return encrypt(decrypt(token))


def _keys() -> MultiFernet:
    return MultiFernet(_fernets())


@sensitive_variables()
def _fernets() -> list[Fernet]:
    keys = conf().credentials_keys
    if not keys:
        raise KeyMissing
    try:
        return [Fernet(key) for key in keys]
    except ValueError:
        raise KeyMalformed from None
