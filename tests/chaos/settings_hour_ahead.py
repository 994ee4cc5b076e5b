"""A host whose wall clock is an hour ahead of the others; its monotonic clock is not touched."""

from datetime import timedelta

import time_machine

from tests.chaos.settings import *  # noqa: F403

time_machine.travel(timedelta(hours=1), tick=True).start()
