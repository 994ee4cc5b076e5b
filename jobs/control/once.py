"""Requests that are carried out once, however often they are sent: `Idempotency-Key`.

The key stands on the row that it made, so that both are there or neither, and it is forgotten
with that row: an execution when the retention removes it, a job when it is deleted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from jobs.errors import Conflict
from jobs.models.once import MadeOnce

Made = TypeVar("Made", bound=MadeOnce)


class KeyReused(Conflict):
    """The key was sent before, with another request."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            _(
                "This Idempotency-Key was sent before with another request. "
                "Send a new key with each new request."
            )
        )


@dataclass(frozen=True, slots=True)
class Once:
    """A request of one user under a key; both as digests."""

    key: str
    request: str

    @classmethod
    def of(cls, user_id: int | None, key: str, request: Any) -> Once:
        """`request` is what was asked for, as JSON."""
        return cls(key=_digest([user_id, key]), request=_digest(request))

    def earlier(self, model: type[Made]) -> Made | None:
        """The row that the same request made before; raises KeyReused."""
        found = model._default_manager.filter(idempotency_key=self.key).first()
        if found is None:
            return None
        if found.idempotency_request != self.request:
            raise KeyReused
        found.is_replayed = True
        return found


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
