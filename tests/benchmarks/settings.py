"""Django as the contenders run it: schedcore's settings as in production, or stock's."""

from __future__ import annotations

import os

from schedcore.settings import *  # noqa: F403
from schedcore.settings import DATABASES, INSTALLED_APPS
from tests.benchmarks import contender

DEBUG = False  # else Django keeps and counts every statement

if os.environ[contender.VARIABLE] in (contender.SCHEDCORE, contender.OTHER):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.benchmarks"]
else:
    _database = DATABASES["default"]
    if os.environ[contender.VARIABLE] == contender.STOCK_DEFERRED:
        _database["OPTIONS"] = {}
    _database["OPTIONS"].pop("pool", None)
    # Stock closes connections that are old after every run; a new one each time is slower.
    _database["CONN_MAX_AGE"] = None
    _database["CONN_HEALTH_CHECKS"] = False
