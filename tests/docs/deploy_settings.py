"""The project's settings, with collected files in a folder of the test's own."""

import os

from schedcore.settings import *  # noqa: F403

STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
