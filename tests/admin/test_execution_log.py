from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin.execution_log import MOST_LOG_LINES, Window
from jobs.models import JobExecution, LogLevel
from tests.admin.pages import execution_url
from tests.factories import make_execution, make_log_line


def window(client: Client, execution: JobExecution, **query: object) -> Window:
    found: Window = client.get(execution_url(execution), query).context["log"]
    return found


def said(found: Window) -> list[str]:
    return [line.message for line in found.lines]


@pytest.fixture
def execution(db: None) -> JobExecution:
    """One that has said three lines more than a page shows."""
    execution = make_execution("nightly")
    for number in range(MOST_LOG_LINES + 3):
        make_log_line(execution, f"line {number}")
    return execution


def test_the_newest_lines_of_a_long_log_are_shown(viewer: Client, execution: JobExecution) -> None:
    found = window(viewer, execution)
    assert said(found) == [f"line {n}" for n in range(3, MOST_LOG_LINES + 3)]
    assert (found.has_earlier, found.has_later) == (True, False)


def test_earlier_and_later_lines_are_reached_by_links(
    viewer: Client, execution: JobExecution
) -> None:
    newest = window(viewer, execution)
    earlier = window(viewer, execution, before=newest.first)
    assert said(earlier) == ["line 0", "line 1", "line 2"]
    assert (earlier.has_earlier, earlier.has_later) == (False, True)
    first = window(viewer, execution, after=0)
    assert said(first) == [f"line {n}" for n in range(MOST_LOG_LINES)]
    assert (first.has_earlier, first.has_later) == (False, True)
    later = window(viewer, execution, after=first.last)
    assert said(later) == [f"line {MOST_LOG_LINES + n}" for n in range(3)]
    assert (later.has_earlier, later.has_later) == (True, False)


@pytest.mark.parametrize("number", ["x", "", "-1", "²", "9" * 40, "1.5"])
def test_a_place_that_is_none_shows_the_newest_lines(
    viewer: Client, execution: JobExecution, number: str
) -> None:
    assert said(window(viewer, execution, before=number)) == said(window(viewer, execution))


def test_only_a_log_whose_newest_lines_are_shown_goes_on(
    viewer: Client, execution: JobExecution
) -> None:
    url = execution_url(execution)
    assert "data-newest" in viewer.get(url).content.decode()
    assert "data-newest" not in viewer.get(url, {"after": 0}).content.decode()


def test_the_whole_log_is_downloaded_as_a_text(viewer: Client, execution: JobExecution) -> None:
    make_log_line(execution, "<b> 容量\nsecond", level=LogLevel.ERROR)
    with CaptureQueriesContext(connection) as captured:
        response = viewer.get(execution_url(execution, "log"))
        text = b"".join(response.streaming_content).decode()
    lines = text.splitlines()
    assert len(lines) == MOST_LOG_LINES + 5
    assert lines[0].endswith("INFO line 0")
    assert lines[-2].endswith("ERROR <b> 容量")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="execution-{execution.pk}.log"'
    assert len(captured) < 10


def test_a_run_that_said_nothing_says_so(viewer: Client) -> None:
    page = viewer.get(execution_url(make_execution("nightly"))).content.decode()
    assert "It said nothing." in page


def test_levels_that_nobody_knows_are_shown_as_numbers(viewer: Client) -> None:
    execution = make_execution("nightly")
    make_log_line(execution, "odd", level=35)
    (line,) = window(viewer, execution).lines
    assert line.level_name == "35"
