"""Every error that schedcore raises on purpose.

A subclass of one of the kinds takes data, writes its own sentence and names the fix. The
API maps kinds to HTTP statuses in one place (`jobs.api.envelope`); forms show `errors` at
their fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

FieldErrors = Mapping[str, Sequence[str]]
"""Dotted field name (`trigger_params.minute`) to sentences about it."""


class SchedulerError(Exception):
    """Base of all; `code` is a stable word for programs, `message` a sentence for people."""

    code = "scheduler_error"

    def __init__(self, message: str, *, errors: FieldErrors | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors: dict[str, list[str]] = {k: list(v) for k, v in (errors or {}).items()}


class Invalid(SchedulerError):
    """What was asked for makes no sense; nothing was changed. HTTP 400."""

    code = "validation_error"

    def __init__(self, errors: FieldErrors, message: str | None = None) -> None:
        super().__init__(message or _summary(errors), errors=errors)


class Forbidden(SchedulerError):
    """Understood, and not allowed. HTTP 403."""

    code = "forbidden"


class NotFound(SchedulerError):
    """What was asked for is not there. HTTP 404."""

    code = "not_found"


class Conflict(SchedulerError):
    """Allowed, but not in the present state. HTTP 409."""

    code = "conflict"


class Unavailable(SchedulerError):
    """Something that is needed does not answer. HTTP 503."""

    code = "unavailable"


class InvalidTrigger(Invalid):
    """A trigger that cannot be built; fields are `trigger_type`, `timezone`, `trigger_params.…`."""

    code = "invalid_trigger"


class InvalidArguments(Invalid):
    """Arguments that do not fit the task's signature; fields are `kwargs.…` and `args.…`."""

    code = "invalid_arguments"


class UnknownFunction(Invalid):
    """No task of that name is registered."""

    code = "unknown_function"

    def __init__(self, function: str, known: Sequence[str]) -> None:
        self.function = function
        names = ", ".join(sorted(known)) or _("none")
        sentence = _("No task named “%(function)s” is registered. Registered tasks: %(names)s.") % {
            "function": function,
            "names": names,
        }
        super().__init__({"function": [sentence]})


class JobNotFound(NotFound):
    """There is no such job, or you may not see it. HTTP 404."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(_("There is no job “%(id)s”.") % {"id": job_id})


class ExecutionNotFound(NotFound):
    """There is no such execution, or you may not see its job. HTTP 404."""

    code = "execution_not_found"

    def __init__(self, execution_id: int) -> None:
        super().__init__(_("There is no execution %(id)s.") % {"id": execution_id})


def _summary(errors: FieldErrors) -> str:
    sentences = [f"{field}: {text}" for field, texts in errors.items() for text in texts]
    return " ".join(sentences) or _("The input is not valid.")
