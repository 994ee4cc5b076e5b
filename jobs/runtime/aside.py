"""What may hang is done aside, as writing to a stream that nobody reads."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE_S = 2.0


def aside(work: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    """Do it in a thread of its own, and wait no longer than that for its end."""
    thread = threading.Thread(target=work, name="schedcore-aside", daemon=True)
    thread.start()
    thread.join(patience_s)
