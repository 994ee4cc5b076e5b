"""What is counted of requests: whoever sends what, there are few series."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from jobs.metrics.exposition import Page
from jobs.metrics.http import HttpMetricsMiddleware, add_http

REQUESTS, SECONDS = "schedcore_http_requests_total", "schedcore_http_request_duration_seconds"

pytestmark = pytest.mark.django_db


def counted() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    page = Page()
    add_http(page)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def count(name: str = REQUESTS, **labels: str) -> float:
    return counted().get((name, frozenset(labels.items())), 0)


def test_a_request_counts_under_its_route_and_class() -> None:
    before = count(method="GET", route="scheduler:job", status="4xx")
    timed = count(f"{SECONDS}_count", method="GET", route="scheduler:job")
    for job_id in ("one", "two"):
        assert Client().get(f"/scheduler/api/jobs/{job_id}").status_code == 401
    assert count(method="GET", route="scheduler:job", status="4xx") == before + 2
    assert count(f"{SECONDS}_count", method="GET", route="scheduler:job") == timed + 2
    assert count(f"{SECONDS}_bucket", method="GET", route="scheduler:job", le="+Inf") == timed + 2


def test_liveness_and_metrics_have_names_too() -> None:
    for path, route, status in (("/healthz", "healthz", "2xx"), ("/metrics", "metrics", "4xx")):
        before = count(method="GET", route=route, status=status)
        Client().get(path)
        assert count(method="GET", route=route, status=status) == before + 1


def test_paths_that_are_not_there_are_one_series() -> None:
    before = len(counted())
    none = count(method="GET", route="none", status="4xx")
    Client().get("/nope")
    first = len(counted())
    for number in range(20):
        Client().get(f"/nope/{number}")
    assert len(counted()) == first
    assert first - before <= 12
    assert count(method="GET", route="none", status="4xx") == none + 21


def test_methods_that_nobody_knows_are_one_series() -> None:
    Client().generic("BREW", "/nope")
    before = len(counted())
    for number in range(20):
        Client().generic(f"BREW{number}", "/nope")
    assert len(counted()) == before


def test_a_failure_counts() -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=503)

    request = HttpRequest()
    request.method = "GET"
    before = count(method="GET", route="none", status="5xx")
    HttpMetricsMiddleware(fail)(request)
    assert count(method="GET", route="none", status="5xx") == before + 1


def test_what_is_answered_before_any_view_counts_too(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    before = count(method="GET", route="none", status="3xx")
    assert Client().get("/admin/").status_code == 301
    assert count(method="GET", route="none", status="3xx") == before + 1
