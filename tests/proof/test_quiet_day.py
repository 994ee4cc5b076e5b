"""A day on which all goes well is quiet in the log: under 100 lines at INFO."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from jobs import definitions
from jobs.models import JobExecution, Status
from tests.factories import ACTOR, make_token, make_user
from tests.proof.clockwork import clockwork
from tests.proof.rows import make
from tests.proof.sleeper import Sleeper

STEP_S = 900
DAY_S = 24 * 3600
MOST_LINES = 100

pytestmark = pytest.mark.django_db


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.events: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.events[str(vars(record).get("event", record.name))] += 1


@pytest.fixture
def lines() -> Any:
    root, handler = logging.getLogger(), Lines()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def test_a_day_of_a_scheduler_and_a_probed_web_server(
    lines: Lines, client: Client, settings: Any
) -> None:
    """The five default jobs, one that runs all the time, probes and a program that looks on."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=3600.0, api_rate=0)
    _token, text = make_token(make_user("view_job"))
    headers = {"Authorization": f"Token {text}"}
    with clockwork() as clock:
        definitions.ensure(ACTOR)
        make("often", trigger_params={"seconds": STEP_S})
        scheduler = Sleeper(clock)
        for _step in range(DAY_S // STEP_S):
            clock.advance(STEP_S)
            scheduler.step()
            while run := scheduler.begins():
                scheduler.ends(run)
            assert client.get("/healthz").status_code == 200
            assert client.get("/scheduler/api/health", headers=headers).status_code == 200
        scheduler.step()
        verdicts = Counter(JobExecution.objects.values_list("status", flat=True))
    assert verdicts == {Status.SUCCEEDED: DAY_S // STEP_S + 5}
    assert lines.events["scheduler.hour"] == 24
    assert lines.events.total() < MOST_LINES / 2, lines.events  # what the tasks say comes on top
