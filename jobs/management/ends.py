"""How commands for people end: their exit codes, and one line instead of a traceback."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from enum import IntEnum

from django.core.management.base import CommandError
from django.db import Error as DatabaseFault
from django.db import connection
from django.utils.translation import gettext as _

from jobs.errors import (
    Conflict,
    ExecutionNotFound,
    Forbidden,
    Invalid,
    JobNotFound,
    NotFound,
    SchedulerError,
    Unavailable,
)
from jobs.escaping import harmless, one_line
from jobs.models import Job, JobExecution
from jobs.models.job import ID_PATTERN
from jobs.runtime.service import check_database

MOST_SIMILAR = 5
MOST_COMPARED = 20_000
"""Ids among which similar ones are looked for."""


class End(IntEnum):
    """Exit codes; those of `docs/commands.md`."""

    DONE = 0
    UNSUCCESSFUL = 1
    """The run that was waited for ended otherwise than well."""
    USAGE = 2
    """What was asked for makes no sense, or is about something that is not there."""
    UNAVAILABLE = 3
    """Settings, database or migrations."""
    REFUSED = 4
    """Not in the present state, or never."""
    STOPPED = 130
    """Ctrl-C, as shells have it."""
    UNREAD = 141
    """Whoever read the output has gone, as shells have it; what was asked for may go on."""


class Unknown(NotFound):
    """Nothing of that name, and what there is that looks like it."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Whatever is raised on purpose, or by the database, ends the command with one sentence."""
    _connect_straight()
    try:
        yield
    except (Invalid, NotFound) as error:
        raise CommandError(_sentence(error), returncode=End.USAGE) from error
    except (Conflict, Forbidden) as error:
        raise CommandError(_sentence(error), returncode=End.REFUSED) from error
    except SchedulerError as error:
        raise CommandError(_sentence(error), returncode=End.UNAVAILABLE) from error
    except DatabaseFault as error:
        raise CommandError(_of_database(error), returncode=End.UNAVAILABLE) from error
    except UnicodeEncodeError as error:
        if error.encoding != "utf-8":  # of what is written, which is made harmless, it is not this
            raise
        sentence = _("“%(text)s” is no UTF-8.") % {"text": one_line(error.object)}
        raise CommandError(sentence, returncode=End.USAGE) from error
    except BrokenPipeError:
        _leave_pipe()
        raise SystemExit(int(End.UNREAD)) from None


def known_job(job_id: str) -> Job:
    """The job of that id; raises Unknown with ids that look like it."""
    if re.fullmatch(ID_PATTERN, job_id, re.ASCII):  # PostgreSQL refuses some texts itself
        with suppress(Job.DoesNotExist):
            return Job.objects.get(pk=job_id)
    raise unknown_job(job_id)


def unknown_job(job_id: str) -> Unknown:
    ids = list(Job.objects.order_by("pk").values_list("pk", flat=True)[:MOST_COMPARED])
    similar = [other for other in ids if job_id and job_id.lower() in other.lower()]
    similar += get_close_matches(job_id, ids, MOST_SIMILAR, 0.6)
    sentence = JobNotFound(job_id).message
    if not similar:
        return Unknown(_("%(none)s `manage.py jobs list` shows all.") % {"none": sentence})
    names = ", ".join(dict.fromkeys(similar[:MOST_SIMILAR]))
    return Unknown(_("%(none)s Did you mean: %(names)s?") % {"none": sentence, "names": names})


def known_execution(execution_id: int) -> JobExecution:
    """The execution of that number; raises ExecutionNotFound."""
    with suppress(JobExecution.DoesNotExist, OverflowError):
        return JobExecution.objects.get(pk=execution_id)
    raise ExecutionNotFound(execution_id)


def _sentence(error: SchedulerError) -> str:
    return harmless(error.message)


def _of_database(error: DatabaseFault) -> str:
    """What is wrong with it, looked at once more: most often it is away or lacks migrations."""
    with suppress(DatabaseFault):
        connection.close()  # it may be broken, or in a transaction that is
    try:
        check_database()
    except Unavailable as unavailable:
        return one_line(unavailable.message)
    return _("The database refused: %(error)s") % {"error": one_line(str(error))}


def _connect_straight() -> None:
    """One connection is enough here, and without a pool between an error says what is wrong."""
    if connection.connection is None:
        connection.settings_dict["OPTIONS"].pop("pool", None)


def _leave_pipe() -> None:
    """Nobody reads any more, as after `| head`; Python would complain at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
