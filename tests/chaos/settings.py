"""The project's settings, and the tasks of these tests: see `tests.chaos.tasks`."""

from schedcore.settings import *  # noqa: F403
from schedcore.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.chaos"]
