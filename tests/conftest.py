"""What holds for every test."""

from __future__ import annotations

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _no_request_was_counted_yet() -> None:
    """Else the requests of earlier tests would count for the limits of the API."""
    cache.clear()
