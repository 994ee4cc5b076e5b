"""Loaded by the fork server, and by a scheduler that has this app."""

from tests.runtime.executors import sample

sample.register()
