"""Why a job ran at a moment, or did not; and, without a moment, how it stands now.

What has a row is told by its row. What has none is told by how the job stood then (`past`), by
who led (`leaders`), and by its trigger (`nearest`). Nothing is guessed: what cannot be known is
said to be so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.conf import conf
from jobs.control.schedule import problem_of
from jobs.errors import JobNotFound
from jobs.explain import verdicts
from jobs.explain.answer import Explanation, Nearest, Statement
from jobs.explain.due import (
    arms,
    being_claimed,
    due,
    finished,
    not_due,
    rearmed,
    trigger_changed,
    would_be_due,
)
from jobs.explain.evidence import Evidence, evidence, job_and_past, unreleased
from jobs.explain.leaders import gap_at, is_within, nobody_leads, nobody_led
from jobs.explain.nearest import nearest_to
from jobs.explain.past import Past, Standing, sets_trigger
from jobs.explain.standing import absent, obstacle, went_on
from jobs.models import JobExecution, Source, Status
from jobs.triggers import clock_change
from jobs.triggers.moments import Told
from jobs.triggers.zones import TICK
from jobs.wording import when

SOON = timedelta(seconds=60)
"""A change so soon after an occurrence may have come before the tick that would claim it."""


def explain(job_id: str, asked: Told | None, *, now: datetime) -> Explanation:
    """`now` is the database's time. Raises JobNotFound where there is no trace of such a job."""
    job, past = job_and_past(job_id, now)
    if asked is None:
        return _now(job, past, now)
    standing = past.at(asked.moment)
    until = asked.moment + asked.precision
    nearest = nearest_to(standing, asked.moment, asked.precision)
    found = evidence(job, past, asked.moment, until, now)
    if not found.is_known:
        raise JobNotFound(job_id)
    case = _Case(found, standing, nearest)
    statements = [*case.statements(), *case.besides(), *_zone(asked)]
    return Explanation(
        job_id=job_id,
        job_name=_name(found),
        asked_at=asked.moment,
        timezone=case.zone_name,
        statements=statements,
        nearest=replace(nearest, occurrence=case.occurrence),
    )


def _now(job: Any, past: Past, now: datetime) -> Explanation:
    """How it stands, when it runs next, and what became of its last occurrence."""
    standing = past.at(now)
    nearest = nearest_to(standing, now, TICK)
    set_at = past.last(now, sets_trigger)
    last = nearest.before
    if last is not None and set_at is not None and last <= set_at.at:
        last = None  # it has not been due since its trigger was set
    since = last if last is not None else now
    found = evidence(job, past, since, since + TICK, now)
    if not found.is_known:
        raise JobNotFound(past.job_id)
    then = past.at(since)
    case = _Case(found, then, nearest_to(then, since, TICK))
    statements = list(_present(case, standing, nearest, now))
    if last is not None:
        statements += _last(case, last, statements[0])
    elif found.back:
        told = verdicts.verdict(found.back[0], case.zone, now)
        statements.append(_its_last(found.back[0].scheduled_for, told, case.zone))
    return Explanation(
        job_id=past.job_id,
        job_name=_name(found),
        asked_at=None,
        timezone=case.zone_name,
        statements=statements,
        nearest=Nearest(None, last, nearest.after, nearest.trigger_text),
    )


@dataclass(frozen=True)
class _Case:
    """One moment of one job."""

    found: Evidence
    standing: Standing | None
    nearest: Nearest

    @property
    def zone(self) -> tzinfo:
        if self.standing is not None:
            return self.standing.zone
        return django_timezone.get_default_timezone()

    @property
    def zone_name(self) -> str:
        if self.standing is not None:
            return self.standing.zone_name
        return django_timezone.get_default_timezone_name()

    @property
    def row(self) -> JobExecution | None:
        """The row of the schedule that tells what became of the occurrence that is meant."""
        if not self.found.ahead:
            return None
        row = self.found.ahead[0]
        if row.scheduled_for < self.found.until or row.scheduled_for == self.nearest.occurrence:
            return row
        meant = self.nearest.occurrence
        if meant is None and self.standing is None:
            meant = self.found.since  # the row is all that is known
        first = row.first_scheduled_for
        is_covered = meant is not None and first is not None and first <= meant
        return row if is_covered else None

    @property
    def occurrence(self) -> datetime | None:
        if self.nearest.occurrence is None and self.row is not None:
            return max(self.row.first_scheduled_for or self.row.scheduled_for, self.found.since)
        return self.nearest.occurrence

    @property
    def requests(self) -> list[JobExecution]:
        """What somebody asked for in the window."""
        found = self.found
        return [
            row
            for row in found.asked
            if row.source == Source.MANUAL and found.since <= row.scheduled_for < found.until
        ]

    def statements(self) -> Iterator[Statement]:
        """The answer, and what goes with it."""
        if self.row is not None:
            yield from self._by_row(self.row)
            yield from self._requests()
        elif self.standing is None:
            yield from self._requests()
            yield absent(self.found.past, self.found.since, self.zone)
        elif self.nearest.occurrence is None:
            yield from self._requests()
            yield from self._not_due(self.standing)
        else:
            yield from self._without_row(self.standing, self.nearest.occurrence)
            yield from self._requests()

    def besides(self) -> Iterator[Statement]:
        """What else one may want to know of that moment."""
        own = {self.row.pk} if self.row is not None else set()
        others = [run for run in self.found.runs if run.pk not in own]
        if self.row is None:
            yield from verdicts.was_running(others, self.found.since, self.zone)
        trigger = self.standing.trigger() if self.standing else None
        occurrence = self.occurrence
        change = clock_change(trigger, occurrence) if trigger and occurrence else None
        if change is not None:
            yield Statement("clock_change", change, at=occurrence)
        if self.standing is not None:
            yield from trigger_changed(self.found.past, self.standing, self.zone)
        if self.found.past.is_cut_at(self.found.since):
            sentence = _("It was changed so often since then that how it stood is not certain.")
            yield Statement("uncertain", sentence)

    def _by_row(self, row: JobExecution) -> Iterator[Statement]:
        zone, now = self.zone, self.found.now
        retries = [
            other
            for other in self.found.asked
            if other.source == Source.RETRY and other.scheduled_for == row.scheduled_for
        ]
        *earlier, last = [row, *retries]
        yield verdicts.verdict(last, zone, now)
        if row.status == Status.SKIPPED:
            yield from verdicts.blockers(row, self.found.runs, zone)
        if row.status == Status.MISSED or verdicts.is_late(row) or row.status == Status.QUEUED:
            yield from self._gap(row.scheduled_for)
        yield from verdicts.attempts(earlier, zone, now)
        if covered := verdicts.stretch(row, self.occurrence or row.scheduled_for, zone):
            yield covered

    def _without_row(self, standing: Standing, occurrence: datetime) -> Iterator[Statement]:
        """Why what the trigger names has no row."""
        past, zone = self.found.past, self.zone
        then = past.at(occurrence) or standing
        is_ahead = occurrence > self.found.now
        if hindered := obstacle(past, then, zone, still=is_ahead):
            yield hindered
            if is_ahead:
                yield would_be_due(occurrence, zone)
            elif over := went_on(past, then, zone):
                yield over
        elif is_ahead:
            yield due(occurrence, self.nearest.trigger_text, zone, self.found.now)
            yield from nobody_leads(self.found.now, zone)
        else:
            yield from self._vanished(occurrence)

    def _vanished(self, occurrence: datetime) -> Iterator[Statement]:
        """Why what was due, and could have run, has no row."""
        found, zone = self.found, self.zone
        gap = gap_at(occurrence, found.now)
        if changed := found.past.first(occurrence, arms):
            is_before_look = changed.at - occurrence <= SOON or is_within(gap, changed.at)
            if is_before_look:
                yield rearmed(occurrence, changed, zone)
                if gap is not None:
                    yield nobody_led(gap, zone)
                return
        if found.job is not None and _is_waiting(found.job, occurrence):
            if gap is not None:
                yield nobody_led(gap, zone)
            yield being_claimed(occurrence, zone)
        elif occurrence < found.now - timedelta(days=conf().retention_days):
            sentence = _(
                "It was due at %(at)s. What became of it is not kept any more: "
                "history goes after %(days)d days."
            )
            words = {"at": when(occurrence, zone), "days": conf().retention_days}
            yield Statement("history_removed", sentence % words, at=occurrence)
        else:
            sentence = _(
                "It was due at %(at)s, nothing stood in its way, and nothing is recorded of it."
            )
            yield Statement("unknown", sentence % {"at": when(occurrence, zone)}, at=occurrence)
            if gap is not None:
                yield nobody_led(gap, zone)

    def _not_due(self, standing: Standing) -> Iterator[Statement]:
        past, zone = self.found.past, self.zone
        is_ahead = self.found.since > self.found.now
        hindered = obstacle(past, standing, zone, still=is_ahead)
        if standing.trigger() is None:
            if hindered is not None:
                yield hindered
                return
            sentence = _("When it was due then is not known: its trigger cannot be worked out.")
            yield Statement("unknown", sentence, at=self.found.since)
            return
        yield not_due(self.nearest, self.found.since, self.found.now, zone)
        if hindered is not None:
            yield hindered
        row = next(iter(self.found.back), None)
        if row is not None and row.scheduled_for == self.nearest.before:
            told = verdicts.verdict(row, zone, self.found.now)
            form = _("The occurrence before, at %(at)s: %(sentence)s")
            yield _of_another(form, row.scheduled_for, told, zone)

    def _requests(self) -> Iterator[Statement]:
        for row in self.requests:
            yield verdicts.asked_for(row, self.zone, self.found.now)

    def _gap(self, moment: datetime) -> Iterator[Statement]:
        gap = gap_at(moment, self.found.now)
        if gap is not None:
            yield nobody_led(gap, self.zone)


def _present(
    case: _Case, standing: Standing | None, nearest: Nearest, now: datetime
) -> Iterator[Statement]:
    """How it stands now."""
    job, zone, past = case.found.job, case.zone, case.found.past
    if job is None or standing is None:
        yield absent(past, now, zone)
        return
    going = unreleased(job.pk)
    for row in going:
        yield verdicts.verdict(row, zone, now)
    if any(row.status == Status.QUEUED for row in going):
        yield from nobody_leads(now, zone)
    problem = standing.problem or (problem_of(job) if standing.is_enabled else "")
    current = replace(standing, fields={**standing.fields, "problem": problem})
    if hindered := obstacle(past, current, zone, still=True):
        yield hindered
    elif job.next_run_time is None:
        yield finished(nearest.before, zone)
    elif job.next_run_time <= now:
        yield from nobody_leads(now, zone)
        yield being_claimed(job.next_run_time, zone)
    else:
        yield from nobody_leads(now, zone)
        yield due(job.next_run_time, nearest.trigger_text, zone, now)


def _last(case: _Case, last: datetime, answer: Statement) -> Iterator[Statement]:
    """What became of the last occurrence."""
    first, *more = case.statements()
    if (first.code, first.execution_id) != (answer.code, answer.execution_id):
        yield _its_last(last, first, case.zone)
        yield from more


def _its_last(moment: datetime, told: Statement, zone: tzinfo) -> Statement:
    return _of_another(_("Its last occurrence, at %(at)s: %(sentence)s"), moment, told, zone)


def _of_another(form: str, moment: datetime, told: Statement, zone: tzinfo) -> Statement:
    """What became of an occurrence other than the one that is meant."""
    sentence = form % {"at": when(moment, zone), "sentence": told.sentence}
    return replace(told, code="occurrence_before", sentence=sentence, at=moment, until=None)


def _zone(asked: Told) -> Iterator[Statement]:
    if asked.is_naive:
        zone = django_timezone.get_default_timezone()
        words = {"at": when(asked.moment, zone), "zone": zone}
        sentence = _("You gave no time zone: %(at)s is meant, in the server's zone %(zone)s.")
        yield Statement("server_zone", sentence % words, at=asked.moment)


def _is_waiting(job: Any, occurrence: datetime) -> bool:
    """Whether the schedule still holds what was due then."""
    return job.next_run_time is not None and job.next_run_time <= occurrence


def _name(found: Evidence) -> str:
    """The job's, or the one it bore last."""
    if found.job is not None:
        return str(found.job.name)
    rows = [*found.ahead, *found.back, *found.asked]
    if rows:
        return rows[0].job_name
    return next((event.target for event in found.past.events), "")
