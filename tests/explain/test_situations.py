"""Situations whose true reason is known, each with what `explain` must say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone as django_timezone

from jobs.explain.answer import Explanation
from jobs.explain.why import explain
from jobs.models import Status
from jobs.triggers.moments import Told, read_told
from tests.explain.world import NOW, World, utc

pytestmark = pytest.mark.django_db

BERLIN = "Europe/Berlin"


@dataclass(frozen=True)
class Situation:
    """`says` stands in the answer, `also` in what supports it, and nothing of `never` anywhere."""

    title: str
    build: Callable[[World], object]
    at: str | None
    code: str
    says: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.title


# -- It ran -----------------------------------------------------------------------------


def ran(w: World) -> None:
    w.job()
    w.row("03-01 03:00")


def ran_late_after_an_outage(w: World) -> None:
    w.job(misfire_grace_time=0)
    w.stops("03-01 02:00")
    w.leads("03-01 03:40")
    w.row("03-01 03:00", began="03-01 03:40", queued_at=utc("03-01 03:40"))


def retried(w: World) -> None:
    w.job(max_retries=2)
    first = w.row("03-01 03:00", Status.FAILED, error="OSError: disk full")
    second = w.retry(first, "03-01 03:05", Status.TIMED_OUT, reason="Ended after 60 s.")
    w.retry(second, "03-01 03:10", Status.SUCCEEDED)


def asked_for_and_long(w: World) -> None:
    w.job()
    w.row("03-04 03:00")
    w.asked("03-04 10:00", ended="03-04 11:00")


def waits_for_its_retry(w: World) -> None:
    w.job(max_retries=1)
    first = w.row("03-04 11:55", Status.FAILED, error="OSError: disk full")
    w.retry(first, "03-04 11:56", Status.QUEUED, start_after=utc("03-04 12:05"))


def coalesced(w: World) -> None:
    w.job(trigger_type="interval", trigger_params={"minutes": 10})
    w.row(
        "03-01 03:40",
        first_scheduled_for=utc("03-01 03:10"),
        occurrence_count=4,
        began="03-01 03:41",
        queued_at=utc("03-01 03:41"),
    )


def by_hand(w: World) -> None:
    w.job()
    w.row("03-01 03:00")
    w.asked("03-01 10:17")


def still_running(w: World) -> None:
    w.job()
    w.row("03-04 03:00", Status.RUNNING)


def waits_for_a_worker(w: World) -> None:
    w.job(trigger_params={"cron_expression": "59 11 * * *"})
    w.row("03-04 11:59", Status.QUEUED)


def cancelled_while_it_waited(w: World) -> None:
    w.job()
    w.row("03-01 03:00", Status.CANCELLED, began=None, reason="Cancelled by eve.")


def interrupted(w: World) -> None:
    w.job()
    reason = "The scheduler process that ran it died."
    w.row("03-01 03:00", Status.INTERRUPTED, reason=reason)


# -- It was not to run, or could not ------------------------------------------------------


def disabled(w: World) -> None:
    w.job()
    w.disable("02-20 09:00")


def disabled_and_enabled_again(w: World) -> None:
    disabled(w)
    w.enable("03-02 09:00")


def disabled_from_the_start(w: World) -> None:
    w.job(is_enabled=False)


def paused(w: World) -> None:
    w.job()
    w.pause("02-28 18:00")
    w.resume("03-01 08:00")


def paused_until(w: World) -> None:
    w.job()
    w.pause("02-28 18:00", until="03-01 06:00")


def due_as_its_pause_ends(w: World) -> None:
    w.job()
    w.pause("02-28 18:00", until="03-01 03:00")


def broken(w: World) -> None:
    w.job()
    w.breaks("02-27 14:00", "No task named “send_report” is registered.")


def broken_and_mended(w: World) -> None:
    broken(w)
    w.mends("03-02 10:00")


def broke_as_it_was_due(w: World) -> None:
    w.job()
    w.row("03-01 03:00", Status.FAILED, began=None, reason="There is no executor “x”.")
    w.breaks("03-01 03:00", "There is no executor “x”.")


def finished(w: World) -> None:
    w.job(trigger_type="date", trigger_params={"run_date": "2026-02-10T03:00:00+00:00"})
    w.row("02-10 03:00")


def skipped(w: World) -> None:
    w.job(trigger_type="interval", trigger_params={"hours": 1})
    w.row("03-01 01:00", began="03-01 01:00", ended="03-01 03:20")
    w.row("03-01 02:00", Status.SKIPPED, reason="An earlier run was still going.")
    w.row("03-01 03:00", Status.SKIPPED, reason="An earlier run was still going.")
    w.row("03-01 04:00")


def skipped_for_a_manual_run(w: World) -> None:
    w.job()
    w.asked("03-01 02:50", ended="03-01 03:10")
    w.row("03-01 03:00", Status.SKIPPED, reason="An earlier run was still going.")


def skipped_for_a_waiting_retry(w: World) -> None:
    w.job(trigger_type="interval", trigger_params={"hours": 1})
    first = w.row("03-01 02:00", Status.FAILED)
    w.retry(first, "03-01 03:30", Status.SUCCEEDED, queued_at=utc("03-01 02:01"))
    w.row("03-01 03:00", Status.SKIPPED, reason="An earlier run was still going.")


# -- No scheduler ----------------------------------------------------------------------------


def scheduler_was_down(w: World) -> None:
    w.job()
    w.stops("03-01 02:00")
    w.leads("03-01 08:30")
    w.row("03-01 03:00", Status.MISSED, queued_at=utc("03-01 08:30"), reason="Found late.")


def a_stretch_was_missed(w: World) -> None:
    w.job(trigger_type="interval", trigger_params={"minutes": 1})
    w.stops("03-01 02:00")
    w.leads("03-01 08:30")
    w.row(
        "03-01 08:20",
        Status.MISSED,
        first_scheduled_for=utc("03-01 02:01"),
        occurrence_count=380,
        queued_at=utc("03-01 08:30"),
        reason="Found late.",
    )


def missed_between_two_leaders(w: World) -> None:
    w.job(misfire_grace_time=5)
    w.dies("03-01 02:59")
    w.leads("03-01 03:01")
    w.row("03-01 03:00", Status.MISSED, queued_at=utc("03-01 03:01"), reason="Found late.")


def no_worker_was_free(w: World) -> None:
    w.job()
    w.row(
        "03-01 03:00",
        Status.MISSED,
        start_before=utc("03-01 03:05"),
        reason="No worker was free before its grace was over.",
    )


def down_now_and_due(w: World) -> None:
    w.job()
    w.stops("03-04 02:00")
    w.arm(NOW, next_run=utc("03-04 03:00"))


def killed_and_due(w: World) -> None:
    w.job()
    w.dies("03-04 02:00")
    w.arm(NOW, next_run=utc("03-04 03:00"))


def changed_while_nobody_led(w: World) -> None:
    w.job()
    w.stops("03-01 02:00")
    w.pause("03-01 04:00")
    w.resume("03-01 05:00")
    w.leads("03-01 08:30")


# -- Its trigger and its life ---------------------------------------------------------------


def another_trigger_then(w: World) -> None:
    w.job()
    w.row("03-01 03:00")
    w.change("03-02 09:00", trigger_params={"cron_expression": "0 5 * * *"})


def interval_was_set_later(w: World) -> None:
    w.job()
    w.change("03-01 00:07", trigger_type="interval", trigger_params={"hours": 1})
    w.disable("03-01 02:00")


def deleted(w: World) -> None:
    w.job()
    w.row("03-01 03:00")
    w.delete("03-01 09:00")


def deleted_without_a_record(w: World) -> None:
    w.job(is_audited=False)
    w.row("03-01 03:00")
    w.delete("03-01 09:00", is_audited=False)


def made_again(w: World) -> None:
    deleted(w)
    w.job("03-03 00:00")


def changed_and_forgotten(w: World) -> None:
    w.job()
    w.row("02-28 03:00")
    w.disable("03-02 09:00")
    w.enable("03-03 09:00")
    w.forgets("03-03 00:00")


def disabled_now_and_forgotten(w: World) -> None:
    w.job()
    w.disable("03-02 09:00")
    w.forgets("03-03 00:00")


def disabled_long_ago_and_forgotten(w: World) -> None:
    w.job()
    w.disable("02-10 09:00")
    w.forgets("02-20 00:00")


def deleted_and_forgotten(w: World) -> None:
    w.job()
    w.disable("02-10 09:00")
    w.enable("02-12 09:00")
    w.delete("03-02 09:00")
    w.forgets("03-01 00:00")


def broken_and_forgotten(w: World) -> None:
    w.job()
    w.breaks("03-02 09:00", "Its task has gone.")
    w.forgets("03-03 00:00")


def long_ago(w: World) -> None:
    w.job("2025-01-01 00:00")


def no_trace(w: World) -> None:
    w.job()


# -- Clocks ----------------------------------------------------------------------------------


def in_the_gap(w: World) -> None:
    w.job("2025-02-01 00:00", trigger_params={"cron_expression": "30 2 * * *"}, timezone=BERLIN)
    w.row("2025-03-30 01:00")


def in_the_fold(w: World) -> None:
    w.job("2025-02-01 00:00", trigger_params={"cron_expression": "30 2 * * *"}, timezone=BERLIN)
    w.row("2025-10-26 00:30")


def jittered(w: World) -> None:
    w.job(trigger_type="cron", trigger_params={"hour": "3", "jitter": 1800})


def not_on_a_whole_second(w: World) -> None:
    w.job(
        "2026-02-01 00:00:00.250000",
        trigger_type="interval",
        trigger_params={"seconds": 90},
    )
    w.row("2026-03-01 03:00:00.250000")


SITUATIONS = [
    Situation("it ran", ran, "03-01 03:00Z", "succeeded", ("03:00:00 UTC",)),
    Situation(
        "it ran late, as no scheduler led",
        ran_late_after_an_outage,
        "03-01 03:00Z",
        "succeeded",
        ("40 min 0 s late",),
        ("No scheduler led from 2026-03-01 02:00:00 UTC to 2026-03-01 03:40:00 UTC",),
    ),
    Situation(
        "it succeeded at its third attempt",
        retried,
        "03-01 03:00Z",
        "succeeded",
        ("03:10:00",),
        ("Attempt 1", "disk full", "Attempt 2", "Ended after 60 s."),
    ),
    Situation(
        "it failed and waits for its retry",
        waits_for_its_retry,
        "03-04 11:55Z",
        "queued",
        ("waits for its time", "12:05:00 UTC"),
        ("Attempt 1",),
    ),
    Situation(
        "one run covered several occurrences",
        coalesced,
        "03-01 03:20Z",
        "succeeded",
        (),
        ("4 occurrences", "03:10:00", "03:40:00"),
    ),
    Situation(
        "somebody asked for a run",
        by_hand,
        "03-01 10:17Z",
        "asked_for",
        ("dora asked for a run", "succeeded"),
        ("It was not due",),
    ),
    Situation("it is still running", still_running, "03-04 03:00Z", "running", ("not ended",)),
    Situation("it is running now", still_running, None, "running", ("03:00:00 UTC",)),
    Situation(
        "it waits for a worker", waits_for_a_worker, None, "queued", ("waited for a worker",)
    ),
    Situation(
        "it was running then, though not due",
        still_running,
        "03-04 09:00Z",
        "not_due",
        (),
        ("was running then",),
    ),
    Situation(
        "a run that somebody had asked for was going then",
        asked_for_and_long,
        "03-04 10:30Z",
        "not_due",
        (),
        ("was running then",),
    ),
    Situation(
        "it was cancelled while it waited",
        cancelled_while_it_waited,
        "03-01 03:00Z",
        "cancelled",
        ("did not begin", "Cancelled by eve."),
    ),
    Situation(
        "its scheduler died during the run",
        interrupted,
        "03-01 03:00Z",
        "interrupted",
        ("died",),
    ),
    Situation(
        "it was disabled",
        disabled,
        "03-01 03:00Z",
        "disabled",
        ("bob", "2026-02-20 09:00:00 UTC"),
    ),
    Situation("it is disabled", disabled, None, "disabled", ("bob", "2026-02-20 09:00:00 UTC")),
    Situation(
        "it was disabled then, and is enabled now",
        disabled_and_enabled_again,
        "03-01 03:00Z",
        "disabled",
        ("bob", "2026-02-20 09:00:00 UTC"),
        ("switched it on at 2026-03-02 09:00:00 UTC",),
    ),
    Situation(
        "it was made disabled",
        disabled_from_the_start,
        "03-01 03:00Z",
        "disabled",
        ("from the start", "ann"),
    ),
    Situation(
        "it was paused, and resumed later",
        paused,
        "03-01 03:00Z",
        "paused",
        ("bob", "2026-02-28 18:00:00 UTC"),
        ("let it go on at 2026-03-01 08:00:00 UTC",),
    ),
    Situation(
        "it was paused until a moment",
        paused_until,
        "03-01 03:00Z",
        "paused",
        ("until 2026-03-01 06:00:00 UTC", "bob"),
    ),
    Situation("it was due as its pause ended", due_as_its_pause_ends, "03-01 03:00Z", "paused"),
    Situation(
        "its task was gone",
        broken,
        "03-01 03:00Z",
        "broken",
        ("send_report", "2026-02-27 14:00:00 UTC"),
    ),
    Situation("its task is gone", broken, None, "broken", ("send_report",)),
    Situation(
        "its task was gone then",
        broken_and_mended,
        "03-01 03:00Z",
        "broken",
        ("send_report",),
        ("could run again from 2026-03-02 10:00:00 UTC",),
    ),
    Situation(
        "it broke as it was due",
        broke_as_it_was_due,
        "03-01 03:00Z",
        "broken",
        ("could not run", "executor"),
    ),
    Situation(
        "its only occurrence was before",
        finished,
        "03-01 03:00Z",
        "finished",
        ("2026-02-10 03:00:00 UTC",),
        ("succeeded",),
    ),
    Situation("nothing is left of its trigger", finished, None, "finished", ("2026-02-10",)),
    Situation(
        "an earlier run was still going",
        skipped,
        "03-01 03:00Z",
        "skipped",
        ("still going",),
        ("from 2026-03-01 01:00:00 UTC to 2026-03-01 03:20:00 UTC",),
        ("04:00:00 UTC to",),
    ),
    Situation(
        "a run that somebody asked for was going",
        skipped_for_a_manual_run,
        "03-01 03:00Z",
        "skipped",
        (),
        ("dora had asked for",),
    ),
    Situation(
        "a retry held its slot",
        skipped_for_a_waiting_retry,
        "03-01 03:00Z",
        "skipped",
        (),
        ("was still going",),
    ),
    Situation(
        "the scheduler was down",
        scheduler_was_down,
        "03-01 03:00Z",
        "missed",
        ("missed", "Found late."),
        ("from 2026-03-01 02:00:00 UTC to 2026-03-01 08:30:00 UTC", "6 h 30 min"),
    ),
    Situation(
        "it lies in a stretch that was missed",
        a_stretch_was_missed,
        "03-01 05:00Z",
        "missed",
        (),
        ("380 occurrences", "02:01:00", "08:20:00", "No scheduler led"),
    ),
    Situation(
        "the next leader took over too late",
        missed_between_two_leaders,
        "03-01 03:00Z",
        "missed",
        (),
        ("from 2026-03-01 02:59:00 UTC to 2026-03-01 03:01:00 UTC",),
    ),
    Situation(
        "no worker was free",
        no_worker_was_free,
        "03-01 03:00Z",
        "missed",
        ("No worker was free",),
        (),
        ("No scheduler led",),
    ),
    Situation(
        "nobody leads, and it is due",
        down_now_and_due,
        "03-04 03:00Z",
        "no_leader",
        ("has led since 2026-03-04 02:00:00 UTC",),
        ("due since 2026-03-04 03:00:00 UTC",),
    ),
    Situation(
        "nobody leads now",
        down_now_and_due,
        None,
        "no_leader",
        ("has led since 2026-03-04 02:00:00 UTC", "runscheduler"),
    ),
    Situation(
        "the leader was killed, and it is due",
        killed_and_due,
        "03-04 03:00Z",
        "no_leader",
        ("has led since 2026-03-04 02:00:00 UTC",),
    ),
    Situation(
        "it was changed before anybody could look",
        changed_while_nobody_led,
        "03-01 03:00Z",
        "rearmed",
        ("bob", "job.pause", "2026-03-01 04:00:00 UTC"),
        ("No scheduler led",),
    ),
    Situation(
        "it was not due",
        ran,
        "03-01 04:15Z",
        "not_due",
        ("2026-03-01 03:00:00 UTC", "2026-03-02 03:00:00 UTC", "Every day at 03:00"),
        ("The occurrence before", "succeeded"),
    ),
    Situation(
        "its trigger was another one then, and it ran",
        another_trigger_then,
        "03-01 03:00Z",
        "succeeded",
        (),
        ("bob", "from “Every day at 03:00 (UTC)” to “Every day at 05:00 (UTC)”"),
    ),
    Situation(
        "its trigger was another one then, and it was not due",
        another_trigger_then,
        "03-01 05:00Z",
        "not_due",
        ("Every day at 03:00",),
        ("Every day at 05:00",),
    ),
    Situation(
        "an interval counts from when it was set",
        interval_was_set_later,
        "03-01 01:07Z",
        "unknown",
    ),
    Situation(
        "disabled, with an interval from when it was set",
        interval_was_set_later,
        "03-01 02:07Z",
        "disabled",
    ),
    Situation(
        "it did not exist yet",
        ran,
        "01-15 03:00Z",
        "not_yet_created",
        ("ann", "2026-02-01 00:00:00 UTC"),
    ),
    Situation(
        "it had been deleted",
        deleted,
        "03-02 03:00Z",
        "deleted",
        ("carol", "2026-03-01 09:00:00 UTC"),
    ),
    Situation("it is deleted", deleted, None, "deleted", ("carol",)),
    Situation(
        "it is deleted, and ran while it was there",
        deleted,
        "03-01 03:00Z",
        "succeeded",
    ),
    Situation(
        "only its history is left",
        deleted_without_a_record,
        "03-01 03:00Z",
        "succeeded",
    ),
    Situation(
        "only its history is left, and nothing of that time",
        deleted_without_a_record,
        "03-02 03:00Z",
        "deleted",
        ("not recorded",),
    ),
    Situation(
        "it was deleted, and made again later",
        made_again,
        "03-02 03:00Z",
        "deleted",
        ("carol",),
    ),
    Situation(
        "of so long ago nothing is kept",
        long_ago,
        "2025-06-01 03:00Z",
        "history_removed",
        ("90 days",),
    ),
    Situation(
        "how it stood then is not recorded any more",
        changed_and_forgotten,
        "03-01 03:00Z",
        "audit_removed",
        ("cannot be told", "2026-03-01 03:00:00 UTC", "before 2026-03-03 09:00:00 UTC"),
    ),
    Situation(
        "what became of it is recorded, but not how it stood",
        changed_and_forgotten,
        "02-28 03:00Z",
        "succeeded",
    ),
    Situation(
        "it is disabled now, which it need not have been then",
        disabled_now_and_forgotten,
        "03-01 03:00Z",
        "audit_removed",
    ),
    Situation(
        "it is broken now, which it need not have been then",
        broken_and_forgotten,
        "03-01 03:00Z",
        "audit_removed",
    ),
    Situation(
        "it was not changed since, whatever is recorded",
        disabled_long_ago_and_forgotten,
        "03-01 03:00Z",
        "disabled",
        ("by whom and when is not recorded",),
    ),
    Situation(
        "it did not exist yet, by its own word",
        disabled_long_ago_and_forgotten,
        "01-15 03:00Z",
        "not_yet_created",
        ("made at 2026-02-01",),
    ),
    Situation(
        "how it stood before it was deleted is not recorded any more",
        deleted_and_forgotten,
        "02-11 03:00Z",
        "audit_removed",
        ("before 2026-03-02 09:00:00 UTC",),
    ),
    Situation("it left no trace", no_trace, "03-01 03:00Z", "unknown", ("nothing is recorded",)),
    Situation(
        "it lies ahead",
        no_trace,
        "03-05 03:00Z",
        "due",
        ("2026-03-05 03:00:00 UTC", "in 15 h"),
    ),
    Situation("it runs next", ran, None, "due", ("2026-03-05 03:00:00 UTC",)),
    Situation(
        "it lies ahead, and is not due", no_trace, "03-05 04:00Z", "not_due", ("It is not due",)
    ),
    Situation(
        "it lies ahead, and will not run as it is disabled",
        disabled,
        "03-05 03:00Z",
        "disabled",
        ("bob",),
        ("would be due at 2026-03-05 03:00:00 UTC",),
    ),
    Situation(
        "it lies within a pause that ends later",
        lambda w: (w.job(), w.pause("03-04 11:00", until="03-06 00:00")),
        "03-05 03:00Z",
        "paused",
        ("until 2026-03-06 00:00:00 UTC",),
    ),
    Situation(
        "it lies after the end of its pause",
        lambda w: (w.job(), w.pause("03-04 11:00", until="03-06 00:00")),
        "03-07 03:00Z",
        "due",
    ),
    Situation(
        "its wall time was skipped by the clock",
        in_the_gap,
        "2025-03-30T03:00+02:00",
        "succeeded",
        ("03:00:00 CEST",),
        ("02:30 does not exist on this day",),
    ),
    Situation(
        "its wall time came twice: the first",
        in_the_fold,
        "2025-10-26T02:30+02:00",
        "succeeded",
        ("02:30:00 CEST",),
        ("02:30 comes twice on this day: the first is meant",),
    ),
    Situation(
        "its wall time came twice: not the second",
        in_the_fold,
        "2025-10-26T02:30+01:00",
        "not_due",
        ("02:30:00 CET",),
    ),
    Situation("what jitter delays is meant by its time", jittered, "03-01 03:00Z", "unknown"),
    Situation(
        "an occurrence between two seconds",
        not_on_a_whole_second,
        "03-01T03:00:00Z",
        "succeeded",
    ),
]


def told(build: Callable[[World], object], at: str | None) -> Explanation:
    build(World())
    return explain(World.id, asked_at(at), now=NOW)


def asked_at(text: str | None) -> Told | None:
    """ "03-01 03:00Z" of 2026, or a whole moment; None for now."""
    if text is None:
        return None
    whole = text if text.startswith("202") else f"2026-{text}"
    return read_told(whole, now=NOW, zone=ZoneInfo("UTC"))


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_the_true_reason_is_told(situation: Situation) -> None:
    found = told(situation.build, situation.at)
    everything = [f"{one.code}: {one.sentence}" for one in found.statements]
    assert found.answer.code == situation.code, everything
    for text in situation.says:
        assert text in found.answer.sentence, everything
    for text in situation.also:
        assert any(text in sentence for sentence in everything[1:]), everything
    for text in situation.never:
        assert not any(text in sentence for sentence in everything), everything
    assert all(one.sentence.endswith((".", ":")) for one in found.statements), everything


def test_there_are_as_many_situations_as_were_promised() -> None:
    assert len(SITUATIONS) >= 20
    assert len({str(situation) for situation in SITUATIONS}) == len(SITUATIONS)


def test_a_moment_without_a_zone_is_of_the_servers_and_that_is_said() -> None:
    with django_timezone.override("UTC"):
        found = told(ran, "2026-03-01T03:00")
    assert found.answer.code == "succeeded"
    last = found.statements[-1]
    assert last.code == "server_zone"
    assert django_timezone.get_default_timezone_name() in last.sentence
