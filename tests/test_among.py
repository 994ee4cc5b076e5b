from __future__ import annotations

from collections.abc import Collection

import pytest
from django.contrib.auth.models import Group

from jobs.among import Among

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys() -> list[int]:
    return [Group.objects.create(name=f"among {number}").pk for number in range(5)]


def test_it_finds_what_in_finds(keys: list[int]) -> None:
    groups = Group.objects.filter(name__startswith="among")
    given: list[Collection[int]] = [[], keys[:1], keys[1:3] * 2, {*keys, 2**63 - 1, -1}]
    for numbers in given:
        found = groups.filter(Among("pk", numbers))
        assert set(found) == set(groups.filter(pk__in=numbers))
        assert set(groups.exclude(Among("pk", numbers))) == set(groups.exclude(pk__in=numbers))


def test_any_number_of_numbers_is_one_parameter(keys: list[int]) -> None:
    rows = Group.objects.filter(Among("pk", range(100_000_000, 100_100_000)))
    _, parameters = rows.query.sql_with_params()
    assert len(parameters) == 1
    assert not rows.exists()


def test_rows_are_changed_and_deleted_by_it_too(keys: list[int]) -> None:
    rows = Group.objects.filter(Among("pk", keys[:1]))
    assert rows.update(name="other") == 1
    assert rows.delete()[0] == 1
