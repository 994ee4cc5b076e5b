"""What holds for every test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache

from jobs.conf import SchedulerSettings, conf


@pytest.fixture(autouse=True)
def _no_request_was_counted_yet() -> None:
    """Else the requests of earlier tests would count for the limits of the API."""
    cache.clear()


@pytest.fixture
def scheduler_settings(settings: Any) -> Callable[..., SchedulerSettings]:
    """Changes some of the settings for one test."""

    def change(**changes: Any) -> SchedulerSettings:
        settings.SCHEDCORE = replace(conf(), **changes)
        return settings.SCHEDCORE

    return change
