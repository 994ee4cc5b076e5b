"""What a transactional test leaves to the next one."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command

from jobs.models import JobUserPermission
from jobs.registry import isolated_registry, scheduled_task
from tests.conftest import empty_tables
from tests.factories import grant, make_job, make_user


def rows() -> dict[str, int]:
    counts = {model._meta.label: model._default_manager.count() for model in apps.get_models()}
    return {label: count for label, count in counts.items() if count}


@pytest.mark.django_db(transaction=True)
def test_the_tables_are_left_as_flush_leaves_them() -> None:
    with isolated_registry():
        scheduled_task(name="send_report")(lambda: None)
        grant(make_user("view_job"), "run_job", make_job())
    assert JobUserPermission.objects.exists()
    empty_tables()
    left = rows()
    call_command("flush", interactive=False, verbosity=0)
    assert rows() == left
    assert set(left) == {"auth.Permission", "contenttypes.ContentType"}
