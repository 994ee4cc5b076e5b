from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.executions import chain
from jobs.executions.chain import attempts_of
from jobs.models import Source
from tests.factories import make_execution


def test_a_chain_is_found_from_each_of_its_attempts(db: None) -> None:
    first = make_execution("nightly")
    second = make_execution("nightly", source=Source.RETRY, retry_of=first)
    third = make_execution("nightly", source=Source.MANUAL, retry_of=second)
    also = make_execution("nightly", source=Source.MANUAL, retry_of=first)
    make_execution("nightly")
    for execution in (first, second, third, also):
        with CaptureQueriesContext(connection) as captured:
            found = attempts_of(execution.pk)
        assert found == [first.pk, second.pk, third.pk, also.pk]
        assert len(captured) == 1


def test_what_was_removed_ends_a_chain(db: None) -> None:
    gone = make_execution("nightly")
    second = make_execution("nightly", source=Source.RETRY, retry_of=gone)
    third = make_execution("nightly", source=Source.RETRY, retry_of=second)
    gone.delete()
    assert attempts_of(third.pk) == [second.pk, third.pk]


def test_a_long_chain_is_cut(db: None, monkeypatch) -> None:
    monkeypatch.setattr(chain, "LONGEST", 3)
    last = first = make_execution("nightly")
    for _number in range(5):
        last = make_execution("nightly", source=Source.RETRY, retry_of=last)
    assert len(attempts_of(first.pk)) == 3
    assert len(attempts_of(last.pk)) == 3


def test_a_row_that_retries_itself_ends_nothing(db: None) -> None:
    """SQL may write anything."""
    odd = make_execution("nightly")
    odd.retry_of = odd
    odd.save()
    assert set(attempts_of(odd.pk)) == {odd.pk}
