"""What goes wrong in the loop: logged once, and kept for health."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseFault

from jobs.masking import without_secrets
from jobs.runtime.view import storable

logger = logging.getLogger(__name__)

MAX_SENTENCE = 500


class Faults:
    """The present fault, and the last one."""

    def __init__(self) -> None:
        self.current = ""
        """Empty while the loop works."""
        self._last: dict[str, Any] | None = None

    def begin(self, error: Exception, now: datetime) -> None:
        """A step has failed; said once while the same thing goes on failing."""
        sentence = sentence_of(error)
        if sentence != self.current:
            logger.error(
                "The scheduler's step failed; trying again",
                exc_info=None if isinstance(error, DatabaseFault) else error,
                extra={"event": "scheduler.step_failed", "error": sentence},
            )
        since = self._last["since"] if self._last and self.current else now.isoformat()
        self._last = {"error": sentence, "since": since, "until": None}
        self.current = sentence

    def end(self, now: datetime) -> None:
        """A step has succeeded."""
        if self.current and self._last:
            logger.info("The scheduler works again", extra={"event": "scheduler.recovered"})
            self._last = {**self._last, "until": now.isoformat()}
        self.current = ""

    def figures(self) -> dict[str, Any]:
        """For health: `since` and `until` in ISO format, UTC; `until` is None while it lasts."""
        return {"last_fault": self._last}


def sentence_of(error: Exception) -> str:
    """What is told of it: no secret, not even a part of one, and nothing with which the heartbeat
    that brings it could not be stored."""
    sentence = without_secrets(f"{type(error).__name__}: {error}".strip())
    return storable(sentence)[:MAX_SENTENCE]
