"""Batches as PostgreSQL takes them: every value comes out of its array as it went in."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.executions.database import array, from_database, from_json, in_list, list_parameter
from jobs.models import JobExecution
from jobs.runtime.recorder import REFUSALS
from tests.factories import make_execution

postgresql_only = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite takes no arrays"
)

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50)
TRICKY = [
    "",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{",
    "}",
    "{,}",
    ",",
    " ",
    "\n",
    "\t\r\x0b",
    "'",
    "%s",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001  the zone comes with `timezones`
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.timezones(),
)


def came_out(values: list[Any], pg_type: str) -> list[Any]:
    """The values after their way through PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v FROM unnest(%s::{pg_type}[]) WITH ORDINALITY AS a (v, n) ORDER BY n",
            [array(values)],
        )
        return [value for (value,) in cursor.fetchall()]


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, max_size=20)


@postgresql_only
@pytest.mark.django_db
@settings(deadline=None)
@example(values=[*TRICKY, None])
@given(values=several(TEXTS))
def test_any_text_comes_out_as_it_went_in(values: list[str | None]) -> None:
    assert came_out(values, "text") == values


@postgresql_only
@pytest.mark.django_db
@settings(deadline=None)
@example(values=[-(2**63), 2**63 - 1, 0, None])
@given(values=several(st.integers(-(2**63), 2**63 - 1)))
def test_any_whole_number_comes_out_as_it_went_in(values: list[int | None]) -> None:
    assert came_out(values, "bigint") == values


@postgresql_only
@pytest.mark.django_db
@settings(deadline=None)
@example(values=[5e-324, 1.7976931348623157e308, -0.0, 0.1, None])
@given(values=several(st.floats(allow_nan=False)))
def test_any_number_comes_out_as_it_went_in(values: list[float | None]) -> None:
    found = came_out(values, "double precision")
    assert list(map(repr, found)) == list(map(repr, values))  # -0.0 is not 0.0


@postgresql_only
@pytest.mark.django_db
def test_what_is_no_number_comes_out_as_none_either() -> None:
    (found,) = came_out([math.nan], "double precision")
    assert math.isnan(found)


@postgresql_only
@pytest.mark.django_db
def test_truth_comes_out_as_it_went_in() -> None:
    assert came_out([True, False, None], "boolean") == [True, False, None]


@postgresql_only
@pytest.mark.django_db
@settings(deadline=None)
@example(values=[datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC), None])
@given(values=several(MOMENTS))
def test_any_moment_comes_out_as_it_went_in(values: list[datetime | None]) -> None:
    given_utc = [moment and moment.astimezone(UTC) for moment in values]
    assert [from_database(found) for found in came_out(values, "timestamptz")] == given_utc


@postgresql_only
@pytest.mark.django_db
@settings(deadline=None)
@given(values=st.lists(JSON, max_size=10))
def test_any_json_comes_out_as_it_went_in(values: list[Any]) -> None:
    texts = [json.dumps(value) for value in values]
    assert [from_json(found) for found in came_out(texts, "jsonb")] == values


@postgresql_only
@pytest.mark.django_db
@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_a_text_that_cannot_be_stored_is_refused_and_never_changed(text: str) -> None:
    """So that the recorder leaves out that one, and takes it for no fault of the database."""
    with transaction.atomic(), pytest.raises(REFUSALS):
        came_out(["fine", text], "text")


@pytest.mark.django_db
def test_rows_are_found_by_a_list_of_their_ids_on_either_database() -> None:
    wanted, other = [make_execution().pk for _number in range(3)], make_execution().pk
    for ids in (wanted, [], [*wanted, 2**62]):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM jobs_jobexecution WHERE {in_list('id', 'bigint')} ORDER BY id",
                [list_parameter(ids)],
            )
            found = [pk for (pk,) in cursor.fetchall()]
        assert found == (wanted if ids else [])
    assert JobExecution.objects.filter(pk=other).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("job_id", TRICKY)
def test_rows_are_found_by_whatever_text_they_are_called(job_id: str) -> None:
    make_execution(job_id)
    make_execution("other")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT job_id FROM jobs_jobexecution WHERE {in_list('job_id', 'varchar')}",
            [list_parameter([job_id, "another"])],
        )
        assert cursor.fetchall() == [(job_id,)]
