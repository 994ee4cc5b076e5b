"""Rights on 500 of 10,000 jobs: lists are filtered in the database, by as many statements as for
one job, and by no plan that asks for each row anew."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.models import AuditEvent, Job, JobExecution, JobGroupPermission, JobUserPermission
from jobs.models.audit import Via
from tests.factories import grant, make_execution, make_user, permissions

GRANTED = 500

QUERIES = {
    "/scheduler/api/jobs?page_size=50": 5,
    "/scheduler/api/executions?limit=50": 6,
    "/scheduler/api/audit?limit=50": 6,
    "/admin/jobs/jobexecution/": 11,
    "/admin/jobs/auditevent/": 9,
}


def make_world() -> tuple[User, User]:
    """10,000 jobs, each changed once and some run; who manages 500 of them, half by a group,
    and who manages one."""
    now = datetime.now(UTC)
    jobs = Job.objects.bulk_create(
        Job(id=f"job-{n:05}", name="x", function="f", trigger_type="date", anchor=now)
        for n in range(20 * GRANTED)
    )
    AuditEvent.objects.bulk_create(
        AuditEvent(actor="ann", via=Via.API, action="job.change", job_id=job.pk) for job in jobs
    )
    for job in jobs[::20] + jobs[10:11]:
        make_execution(job.pk)
    of_many, of_one = (make_user(name=name, is_staff=True) for name in ("of-many", "of-one"))
    group = Group.objects.create(name="them")
    of_many.groups.add(group)
    (manage,) = permissions("manage_job")
    theirs = jobs[::20]
    JobUserPermission.objects.bulk_create(
        JobUserPermission(user=of_many, permission=manage, content_object=job)
        for job in theirs[::2]
    )
    JobGroupPermission.objects.bulk_create(
        JobGroupPermission(group=group, permission=manage, content_object=job)
        for job in theirs[1::2]
    )
    grant(of_one, "manage_job", jobs[10])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return of_many, of_one


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.django_db
def test_lists_are_filtered_in_the_database() -> None:
    of_many, of_one = make_world()
    of_job_list = []
    for user, granted in ((of_many, GRANTED), (of_one, 1)):
        client = Client()
        client.force_login(user)
        client.get("/admin/")  # what is looked up once in a process
        assert {url: queries_of(client, url) for url in QUERIES} == QUERIES
        of_job_list.append(queries_of(client, "/admin/jobs/job/"))
        for rows in (
            Job.objects.visible_to(user).order_by("pk"),
            JobExecution.objects.visible_to(user).order_by("-pk"),
            AuditEvent.objects.visible_to(user).order_by("-pk"),
        ):
            assert rows.count() == granted
            plan: str = rows[:50].explain()
            assert "SubPlan" not in plan, plan
            assert "CORRELATED" not in plan, plan
    assert of_job_list[0] == of_job_list[1]
