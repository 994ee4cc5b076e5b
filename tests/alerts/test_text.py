"""What a message says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from jobs.alerts.text import (
    EXECUTION_PATH,
    INCIDENTS_PATH,
    News,
    Run,
    duration,
    last_line,
    message,
    summary,
)
from jobs.models import AlertIncident, Kind, Status
from jobs.models.alert import TROUBLES

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
BASE = "https://jobs.example.org"


def incident(**fields: Any) -> AlertIncident:
    given = {
        "rule_name": "Nightly",
        "kind": Kind.FAILED,
        "status": Status.FAILED,
        "job_id": "export",
        "job_name": "Nightly export",
        "began_at": NOW,
        "last_at": NOW,
        "count": 1,
        "execution_id": 91,
    }
    return AlertIncident(**{**given, **fields})


def run(**fields: Any) -> Run:
    given = {
        "id": 91,
        "finished_at": NOW,
        "duration_s": 75.2,
        "error": "Traceback\nOperationalError: server closed the connection",
        "reason": "",
        "kwargs": {},
    }
    return Run(**{**given, **fields})


def one(news: News, what: str = "failed") -> Any:
    return message([news], Counter({(what, news.is_recovery): 1}), BASE)


def test_one_failure_is_told_with_all_that_is_needed_at_night() -> None:
    text = one(News(incident(), False, run()))
    assert text.subject == "[schedcore] Nightly export (export): failed"
    assert text.body.splitlines() == [
        "Job: Nightly export (export)",
        "What: failed",
        "When: 2026-03-04 12:30:00 (UTC)",
        "Duration: 1 min 15 s",
        "Error: OperationalError: server closed the connection",
        "Rule: Nightly",
        "",
        "https://jobs.example.org/admin/jobs/jobexecution/91/change/",
    ]
    assert text.tone == "failure"


def test_how_many_in_a_row_and_since_when() -> None:
    began = NOW - timedelta(hours=1)
    text = one(News(incident(count=3, began_at=began), False, run()))
    assert text.subject.endswith("failed 3 times in a row")
    assert "Since: 2026-03-04 11:30:00 (UTC)" in text.body


def test_a_recovery_is_good_news_without_an_error() -> None:
    over = incident(closed_at=NOW + timedelta(minutes=1))
    text = one(News(over, True, run()), "")
    assert text.subject.endswith("has recovered")
    assert "When: 2026-03-04 12:31:00 (UTC)" in text.body
    assert "Since: 2026-03-04 12:30:00 (UTC)" in text.body
    assert "Error" not in text.body
    assert text.tone == "success"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.RUNNING_LONG, "running for longer than 1 h 30 min"),
        (Kind.NO_SUCCESS, "no success for longer than 1 h 30 min"),
    ],
)
def test_rules_about_time_tell_their_time(kind: Kind, words: str) -> None:
    text = one(News(incident(kind=kind, status=""), False, None, 5400), kind)
    assert text.subject.endswith(words)


def test_without_a_base_url_there_is_no_link() -> None:
    text = message([News(incident(), False, run())], Counter({("failed", False): 1}), "")
    assert "http" not in text.body


def test_a_storm_is_counts_and_the_first_ten() -> None:
    news = [News(incident(job_id=f"job-{n}", job_name=""), False, run()) for n in range(10)]
    counts = Counter({("failed", False): 47, ("", True): 3})
    text = message(news, counts, BASE)
    assert text.subject == "[schedcore] 3 jobs have recovered; 47 jobs failed"
    lines = text.body.splitlines()
    assert lines[3] == "- job-0: failed – OperationalError: server closed the connection"
    assert lines[12].startswith("- job-9")
    assert lines[13] == "… and 40 more"
    assert lines[-1] == "https://jobs.example.org/admin/jobs/alertincident/"


def test_links_lead_to_pages_that_there_are() -> None:
    assert EXECUTION_PATH.format(id=7) == reverse("admin:jobs_jobexecution_change", args=[7])
    assert reverse("admin:jobs_alertincident_changelist") == INCIDENTS_PATH


def test_an_error_has_neither_passwords_in_urls_nor_arguments_that_are_secret() -> None:
    error = "no login at postgres://ann:hunter22@db as ann with hunter33 and hunter44, days 7"
    kwargs = {"password": "hunter33", "options": {"api_key": "hunter44"}, "days": 7}
    line = last_line(run(error=error, kwargs=kwargs))
    assert "hunter" not in line
    assert "days 7" in line


def test_an_error_is_one_line_that_ends_somewhere() -> None:
    assert len(last_line(run(error="first\n" + "x" * 5000))) == 301
    assert last_line(run(error="", reason="No scheduler was leading.")) == (
        "No scheduler was leading."
    )
    assert last_line(run(error=" \n ")) == ""


def test_a_subject_is_one_line() -> None:
    text = one(News(incident(job_name="a\nBcc: everybody@example.org"), False, run()))
    assert "\n" not in text.subject
    assert len(one(News(incident(job_name="x" * 500), False, run())).subject) == 200


@pytest.mark.parametrize("kind", [*sorted(TROUBLES), Kind.RUNNING_LONG, Kind.NO_SUCCESS])
def test_every_kind_has_its_words(kind: str) -> None:
    assert summary(kind, False, 2).startswith("2 jobs")
    others = {summary(other, False, 2) for other in TROUBLES if other != kind}
    assert summary(kind, False, 2) not in others
    assert "2" in summary(kind, True, 2)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0009, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
