"""The project's settings, and the app beside this file."""

from schedcore.settings import *  # noqa: F403
from schedcore.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.runtime.watched"]
