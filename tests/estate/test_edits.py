from __future__ import annotations

import pytest

from jobs.errors import Invalid
from jobs.estate.models import DatabaseInstance
from jobs.estate.services.edits import AlreadyThere, ChangedMeanwhile, edit_instance, save

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

VALUES = {
    "name": "main",
    "engine": "postgresql",
    "host": "db.example",
    "port": 5432,
    "username": "watcher",
}


def test_a_name_that_somebody_took_between_the_check_and_the_writing_is_a_conflict() -> None:
    first, second = DatabaseInstance(), DatabaseInstance()
    for instance in (first, second):
        edit_instance(instance, VALUES)
    save(first)
    with pytest.raises(ChangedMeanwhile, match="main"):
        save(second)
    assert DatabaseInstance.objects.count() == 1


def test_only_what_became_different_counts_as_changed() -> None:
    instance = DatabaseInstance()
    assert edit_instance(instance, VALUES) == list(VALUES)
    save(instance)
    assert edit_instance(instance, {**VALUES, "port": 5433, "password": "new"}) == [
        "port",
        "password",
    ]
    save(instance)
    assert edit_instance(instance, {**VALUES, "port": 5433}) == []


def test_nothing_is_saved_of_what_is_refused() -> None:
    instance = DatabaseInstance()
    with pytest.raises(Invalid) as caught:
        edit_instance(instance, {**VALUES, "timezone": "Mars/Olympus", "port": None})
    assert caught.value.errors.keys() == {"timezone", "port"}
    assert not DatabaseInstance.objects.exists()


def test_a_name_that_is_taken_is_a_conflict_unless_more_is_wrong() -> None:
    taken = DatabaseInstance()
    edit_instance(taken, VALUES)
    save(taken)
    with pytest.raises(AlreadyThere) as caught:
        edit_instance(DatabaseInstance(), VALUES)
    assert caught.value.errors.keys() == {"name"}
    with pytest.raises(Invalid) as refused:
        edit_instance(DatabaseInstance(), {**VALUES, "port": None})
    assert refused.value.errors.keys() == {"name", "port"}
