"""Sentences about how a process ended."""

from __future__ import annotations

import os
import signal

from django.utils.translation import gettext as _


def how_it_ended(status: int) -> str:
    """A wait status in words: “killed by signal 11 (SIGSEGV)”, “exit code 3”."""
    if os.WIFSIGNALED(status):
        return _("killed by signal %(signal)s") % {"signal": named(os.WTERMSIG(status))}
    return _("exit code %(code)d") % {"code": os.WEXITSTATUS(status)}


def named(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:  # a real-time signal
        return str(number)


def end_of_child(status: int) -> str:
    """Why a run failed whose process ended in the middle of it."""
    sentence = _("Its process ended before the task did: %(how)s.")
    if os.WIFEXITED(status):
        sentence = _(
            "Its process ended before the task did: %(how)s (os._exit or sys.exit inside)."
        )
    elif os.WTERMSIG(status) == signal.SIGKILL:
        sentence = _(
            "Its process ended before the task did: %(how)s, which the scheduler did not send; "
            "the system's out-of-memory killer may have (see the kernel's log)."
        )
    return sentence % {"how": how_it_ended(status)}
