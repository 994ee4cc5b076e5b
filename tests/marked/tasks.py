from __future__ import annotations

import logging

from jobs.registry import current_execution, scheduled_task

logger = logging.getLogger(__name__)


@scheduled_task(name="marked.careless")
def careless(*, password: str, host: str = "db1") -> None:
    """Say a secret argument in every way that can be told from other words."""
    logger.warning("Connecting", extra={"event": "careless", "password": password})
    logger.info("With %s", {"password": password, "host": host})
    current_execution().warn(f"password={password}")
    raise ConnectionError(f"cannot reach postgres://dba:{password}@{host}/name")
