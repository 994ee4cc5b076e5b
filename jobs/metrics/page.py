"""What `/metrics` answers."""

from __future__ import annotations

from django.conf import settings

from jobs.conf import conf
from jobs.executions.database import database_now
from jobs.health.report import health
from jobs.metrics import names
from jobs.metrics.exposition import Page
from jobs.metrics.http import add_http
from jobs.metrics.past import add_past
from jobs.metrics.state import add_state


def metrics() -> str:
    """All metrics, in a number of statements that does not grow with jobs or history."""
    page = Page()
    page.add(names.BUILD, 1, str(settings.SPECTACULAR_SETTINGS["VERSION"]))
    add_state(page, health(database_now()))
    add_past(page, per_job=conf().metrics_per_job)
    add_http(page)
    return page.text
