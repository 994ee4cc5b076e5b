"""The project's settings, and the task of these tests: see `tests.marked.tasks`."""

from schedcore.settings import *  # noqa: F403
from schedcore.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.marked"]
AUTH_PASSWORD_VALIDATORS = []
