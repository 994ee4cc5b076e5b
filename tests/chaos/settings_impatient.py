"""A process that waits for SQLite's write lock so shortly that it meets "database is locked"."""

from tests.chaos.settings import *  # noqa: F403
from tests.chaos.settings import DATABASES as _DATABASES

_DATABASES["default"]["OPTIONS"]["timeout"] = 1
