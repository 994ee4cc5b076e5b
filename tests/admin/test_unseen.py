"""Nothing of a job is to be seen on any page by who has no right on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.models import AuditEvent, Job, JobExecution, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import ADD, AUDIT, EXECUTIONS, JOBS, execution_url, job_url
from tests.factories import ACTOR, grant, make_execution, make_job, make_leader, make_log_line

WORDS = ("quagga", "Zebra")
"""In everything that is about the job, and in nothing else."""


@pytest.fixture
def user(db: None) -> User:
    """Manages one job; there is another, with all that a job may have."""
    user = staff(name="owner")
    grant(user, "manage_job", make_job("mine", name="Mine"))
    make_execution("mine", job_name="Mine", status=Status.FAILED)
    make_job("quagga", name="Zebra", description="Zebra", function="other_report")
    control.change("quagga", {"name": "Zebra 2"}, actor=ACTOR)
    told = {"reason": "Zebra", "error": "Zebra", "traceback": "Zebra", "warning": "Zebra"}
    for status in (Status.FAILED, Status.RUNNING, Status.QUEUED, Status.SUCCEEDED):
        make_log_line(make_execution("quagga", job_name="Zebra", status=status, **told), "Zebra")
    DjangoJob.objects.filter(pk="quagga").update(
        next_run_time=datetime.now(UTC) - timedelta(hours=1)
    )
    Job.objects.filter(pk="quagga").update(problem="Zebra")
    make_leader()
    return user


@pytest.fixture
def owner(user: User) -> Client:
    return logged_in(user)


def shows_nothing(response: Any) -> None:
    if response.status_code == 302:
        text = response.headers["Location"]
    else:
        assert response.status_code < 500
        text = b"".join(response).decode()
    for word in WORDS:
        assert word not in text, text[max(text.find(word) - 200, 0) : text.find(word) + 200]


def patterns(found: Any, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in found:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield f"{space}{pattern.name}", pattern
        elif isinstance(pattern, URLResolver) and pattern.app_name in (None, "admin"):
            inner = f"{pattern.namespace}:" if pattern.namespace else space
            yield from patterns(pattern.url_patterns, inner)


def staff_pages() -> list[tuple[str, URLPattern]]:
    """Of the admin, and those beside it."""
    found = []
    for name, pattern in patterns(get_resolver().url_patterns):
        module = getattr(pattern.callback, "__module__", "")
        if name.startswith("admin:") or module.startswith(("jobs.admin", "jobs.overview")):
            found.append((name, pattern))
    return found


PAGES = staff_pages()
OTHERS = {"admin:logout", "admin:app_list"}
LISTS = [name for name, pattern in PAGES if not pattern.pattern.converters and name not in OTHERS]
OF_A_ROW = [
    (name, dict.fromkeys(pattern.pattern.converters, ""))
    for name, pattern in PAGES
    if name.startswith("admin:jobs_job") and "object_id" in pattern.pattern.converters
]


def test_no_page_is_forgotten() -> None:
    assert {"overview", "overview_live", "admin:index", "admin:jobs_job_changelist"} <= set(LISTS)
    own = {name for name, _kwargs in OF_A_ROW}
    assert {"admin:jobs_job_rights", "admin:jobs_jobexecution_log"} <= own


def test_who_may_see_it_does(manager: Client, user: User) -> None:
    """Else the other tests would find nothing whatever the pages show."""
    for url in (JOBS, EXECUTIONS, AUDIT, reverse("overview"), job_url("quagga")):
        assert "Zebra" in manager.get(url).content.decode()


def test_pages_about_all_jobs_do_not_tell_of_it(owner: Client) -> None:
    for name in LISTS:
        shows_nothing(owner.get(reverse(name)))
    shows_nothing(owner.get(reverse("admin:app_list", args=["jobs"])))
    for query in ("?_popup=1", "?_to_field=id&_popup=1", "?all=1", "?_facets=True"):
        for url in (JOBS, EXECUTIONS, AUDIT):
            shows_nothing(owner.get(url + query))


def test_a_search_or_a_filter_does_not_find_it(owner: Client) -> None:
    for url in (JOBS, EXECUTIONS, AUDIT):
        assert owner.get(url, {"q": "Zebra"}).context["cl"].result_count == 0
        assert owner.get(url, {"q": "quagga"}).context["cl"].result_count == 0
    hidden = JobExecution.objects.filter(job_id="quagga").earliest("pk")
    for url, query in [
        (EXECUTIONS, {"job__id__exact": "quagga"}),
        (EXECUTIONS, {"q": str(hidden.pk)}),
        (AUDIT, {"job_id": "quagga"}),
        (JOBS, {"id": "quagga"}),
    ]:
        assert owner.get(url, query).context["cl"].result_count == 0


@pytest.mark.parametrize(("name", "kwargs"), OF_A_ROW)
def test_its_own_pages_are_not_there(user: User, name: str, kwargs: dict[str, str]) -> None:
    rows: dict[str, Any] = {
        "jobexecution": JobExecution.objects.filter(job_id="quagga"),
        "job": Job.objects.filter(pk="quagga"),
    }
    model = name.split("_")[1]
    kwargs = {**kwargs, "object_id": str(rows[model].earliest("pk").pk)}
    if "name" in kwargs:
        kwargs["name"] = "run" if model == "job" else "cancel"
    url = reverse(name, kwargs=kwargs)
    before = list(AuditEvent.objects.filter(is_refused=False).values())
    missing = reverse(name, kwargs={**kwargs, "object_id": "7000000"})
    for method in ("get", "post"):
        answer = getattr(logged_in(user), method)(url, {"post": "yes"})
        assert answer.status_code in (302, 403, 404, 405)
        assert b"Zebra" not in answer.content
        like = getattr(logged_in(user), method)(missing, {"post": "yes"})
        assert (answer.status_code, answer.headers.get("Location", "")) == (
            like.status_code,
            like.headers.get("Location", ""),
        ), "whether there is such a row is told, too"
    assert list(AuditEvent.objects.filter(is_refused=False).values()) == before


def test_its_events_are_not_there(owner: Client) -> None:
    event = AuditEvent.objects.filter(job_id="quagga").earliest("pk")
    for page in ("change", "history", "delete"):
        answer = owner.get(reverse(f"admin:jobs_auditevent_{page}", args=[event.pk]))
        assert answer.status_code in (302, 403, 404)


def test_no_field_completes_it(owner: Client) -> None:
    for model, field in (("jobexecution", "job"), ("jobuserpermission", "content_object")):
        query = {"app_label": "jobs", "model_name": model, "field_name": field, "term": "Zeb"}
        answer = owner.get(reverse("admin:autocomplete"), query)
        assert answer.status_code == 403 or answer.json()["results"] == []


def test_what_one_did_to_it_before_one_lost_the_right_is_not_told_any_more(
    user: User, owner: Client
) -> None:
    owner.post(job_url("mine", "delete"), {"post": "yes"})
    assert not LogEntry.objects.exists(), "the audit has it, where rights are looked at"
    assert AuditEvent.objects.filter(action="job.delete", job_id="mine").exists()


def test_the_history_of_a_job_is_its_audit(owner: Client) -> None:
    answer = owner.get(job_url("mine", "history"))
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{AUDIT}?job_id=mine")


def test_its_name_does_not_come_by_a_job_that_one_may_see(owner: Client) -> None:
    """Nor by the run of a job of theirs that says to retry one of it."""
    hidden = JobExecution.objects.filter(job_id="quagga").earliest("pk")
    mine = make_execution("mine", job_name="Mine", retry_of=hidden, source="retry")
    shows_nothing(owner.get(execution_url(mine)))
    shows_nothing(owner.get(job_url("mine")))
    shows_nothing(owner.get(job_url("mine", "rights")))
    shows_nothing(owner.get(ADD))
