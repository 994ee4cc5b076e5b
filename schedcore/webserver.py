"""gunicorn's configuration: `gunicorn --config python:schedcore.webserver schedcore.wsgi`."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import tempfile
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")

from django.conf import settings

from schedcore.parsers import SQLITE
from schedcore.start import stop_on_problems

stop_on_problems()

if settings.DATABASES["default"]["ENGINE"] == SQLITE:
    # Opening the file anew was a fifth of a page of the API. It is let go soon enough for whoever
    # puts a backup in its place. Not for schedulers, whose threads and processes come and go.
    settings.DATABASES["default"]["CONN_MAX_AGE"] = 10


def on_starting(server: Any) -> None:
    """Let warnings be lines of the log, and make the folder in which the workers share what
    `/metrics` tells of requests.

    The folder before they begin: prometheus_client looks at that variable as it is imported.
    What a worker has counted stays there when it ends, so that no sum ever shrinks.
    """
    logging.captureWarnings(True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="schedcore-metrics-")


def post_worker_init(worker: Any) -> None:
    """Look for garbage less often, and never among what is there to stay: every page made enough
    for a search of its own, which was a twentieth of a page of the API."""
    gc.collect()
    gc.freeze()
    # Not much less often: pages of 1,000 jobs are garbage only a search of the oldest finds.
    gc.set_threshold(3_000, 5, 3)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


workers = 2
worker_class = "gthread"
threads = 4
graceful_timeout = 10
limit_request_line = 8190  # the most there is, for queries with many filters
# Nobody on this machine can pretend to be a proxy unless one is declared.
forwarded_allow_ips = "127.0.0.1,::1" if settings.TRUST_PROXY else ""
# Its place is shared by every gunicorn of the user; signals are enough here.
control_socket_disable = True
# gunicorn's own lines in the shape of all others; no access log.
logconfig_dict = {
    **settings.LOGGING,
    "loggers": {
        **settings.LOGGING["loggers"],
        "gunicorn.error": {"handlers": [], "propagate": True, "level": "INFO"},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}
