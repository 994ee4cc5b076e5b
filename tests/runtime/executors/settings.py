"""The project's settings, and the sample tasks: see `sample`."""

from schedcore.settings import *  # noqa: F403
from schedcore.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.runtime.executors.modules"]
