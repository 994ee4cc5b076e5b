"""Whether an instance can be looked after, and if not, what is wrong in words."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.utils.translation import gettext as _

from jobs.errors import SchedulerError
from jobs.estate.adapters.base import ConnectionTarget, MissingRight, ServerInfo
from jobs.estate.adapters.errors import DidNotAnswer, RightsMissing, redacted
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.services.side_by_side import Answer, Visit, side_by_side
from jobs.estate.services.sync import NET_S

logger = logging.getLogger(__name__)

MOST = 16
"""How many instances one request may ask about; they are visited all at once."""

PATIENCE_S = 30
"""Of each timeout: whoever asks is waiting, and keeps a web server's worker waiting too."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one visit saw. `databases` is their number; None where they may not be listed."""

    server: ServerInfo
    databases: int | None
    missing_rights: tuple[MissingRight, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is a stable word for programs, `message` a sentence without any secret."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`seen` unless `problem` says why not. `change_problem` is about the user for changes, and
    only of an instance that has one. Rights that are missing are no problem of their own."""

    seconds: float = 0.0
    seen: Seen | None = None
    problem: Problem | None = None
    change_problem: Problem | None = None

    @property
    def is_well(self) -> bool:
        """Reached, with every right that is made use of."""
        return self.seen is not None and not self.seen.missing_rights and not self.change_problem

    def sentences(self) -> Iterator[str]:
        """All that there is to say, for people."""
        if self.problem:
            yield self.problem.message
        if self.seen:
            yield _("%(engine)s %(version)s answered in %(seconds)s s; databases seen: %(n)s.") % {
                "engine": get_adapter(self.seen.server.engine).label,
                "version": self.seen.server.version,
                "seconds": f"{self.seconds:.2f}",
                "n": "?" if self.seen.databases is None else self.seen.databases,
            }
            for missing in self.seen.missing_rights:
                yield _("A right is missing. %(purpose)s: %(right)s.") % {
                    "purpose": missing.purpose,
                    "right": missing.right,
                }
        if self.change_problem:
            yield _("With the user for changes: %(problem)s") % {
                "problem": self.change_problem.message
            }


def diagnose(instance: DatabaseInstance) -> Diagnosis:
    """Connect as a sync would, with what stands on `instance`, saved or not.

    Changes nothing anywhere. Takes 2 s longer than the instance's timeouts together at most,
    each of which counts for no more than 30 s, whatever the server does.
    """
    return diagnose_all([instance])[0]


def diagnose_all(instances: Sequence[DatabaseInstance]) -> list[Diagnosis]:
    """The same for several at a time, in their order."""
    found: dict[_Key, Answer[_Key, Seen | None]] = {}
    visits = []
    for place, instance in enumerate(instances):
        for is_change in (False, True) if instance.may_be_changed else (False,):
            key = (place, is_change)
            try:
                target = instance.change_target() if is_change else instance.target()
            except SchedulerError as error:
                found[key] = Answer(key, 0.0, error=error)
            else:
                visits.append(_visit(key, target))
    answers = side_by_side(
        visits, concurrency=2 * MOST, started=lambda key: None, look=lambda: None
    )
    found |= {answer.key: answer for answer in answers}
    return [_diagnosis(found, place) for place in range(len(instances))]


_Key = tuple[int, bool]
"""Place in the request, and whether with the user for changes."""


def _visit(key: _Key, target: ConnectionTarget) -> Visit[_Key, Seen | None]:
    _place, is_change = key
    target = replace(
        target,
        connect_timeout_s=min(target.connect_timeout_s, PATIENCE_S),
        statement_timeout_s=min(target.statement_timeout_s, PATIENCE_S),
    )
    return Visit(
        key=key,
        run=partial(_in_words, _try_changer if is_change else _look, target),
        deadline_s=target.deadline_s + NET_S,
        late=DidNotAnswer(target.deadline_s),
    )


class _Unexpected(SchedulerError):
    """What no adapter has foreseen, its text without the password."""

    code = "unexpected"


def _in_words(
    visit: Callable[[ConnectionTarget], Seen | None], target: ConnectionTarget
) -> Seen | None:
    try:
        return visit(target)
    except SchedulerError:
        raise
    except Exception as error:
        logger.error(
            "Connection test failed unexpectedly",
            extra={
                "event": "estate.test_failed",
                "error": type(error).__name__,
                # Places only: a message may hold what it was called with.
                "trace": "".join(traceback.format_tb(error.__traceback__)),
            },
        )
        said = redacted(error, target.password)
        raise _Unexpected(f"{type(error).__name__}: {said}") from None


def _look(target: ConnectionTarget) -> Seen:
    """The rights last, since to ask for them may use up all the time that there is."""
    with get_adapter(target.engine).connect(target) as session:
        server = session.server_info()
        try:
            databases = len(session.database_names())
        except RightsMissing:
            missing = session.missing_rights()
            if not missing:
                raise
            return Seen(server, None, tuple(missing))
        return Seen(server, databases, tuple(session.missing_rights()))


def _try_changer(target: ConnectionTarget) -> None:
    """To connect is all that can be tried without a change."""
    with get_adapter(target.engine).connect_to_change(target):
        pass


def _diagnosis(found: dict[_Key, Answer[_Key, Seen | None]], place: int) -> Diagnosis:
    answer = found[place, False]
    change = found.get((place, True))
    return Diagnosis(
        seconds=answer.seconds,
        seen=answer.value,
        problem=_problem(answer.error),
        change_problem=_problem(change.error) if change else None,
    )


def _problem(error: Exception | None) -> Problem | None:
    if error is None:
        return None
    code = error.code if isinstance(error, SchedulerError) else _Unexpected.code
    return Problem(code, str(error))
