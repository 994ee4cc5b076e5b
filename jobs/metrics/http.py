"""Metrics of requests, counted in each web process and summed over those of this host.

Under gunicorn the processes share what they count by files in a folder that `schedcore.webserver`
makes and removes (prometheus_client's multiprocess mode). A server of one process needs none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample
from prometheus_client.values import MutexValue, ValueClass

from jobs.metrics import names
from jobs.metrics.exposition import Page, braces, number

BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""All others are one, since anybody can send any word."""

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    names.HTTP_REQUESTS.name,
    names.HTTP_REQUESTS.help,
    names.HTTP_REQUESTS.labels,
    registry=REGISTRY,
)
DURATION = Histogram(
    names.HTTP_DURATION.name,
    names.HTTP_DURATION.help,
    names.HTTP_DURATION.labels,
    buckets=BUCKETS_S,
    registry=REGISTRY,
)


class HttpMetricsMiddleware:
    """Outside of all others, so that it counts what they answer by themselves, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self._get_response(request)
        method = request.method if request.method in METHODS else "other"
        # Its name, not its path, which holds ids; and one for all that nothing is at.
        route = request.resolver_match.view_name if request.resolver_match else "none"
        DURATION.labels(method, route).observe(time.perf_counter() - began)
        REQUESTS.labels(method, route, f"{response.status_code // 100}xx").inc()
        return response


def add_http(page: Page) -> None:
    families = {family.name: family.samples for family in _registry().collect()}
    for metric in (names.HTTP_REQUESTS, names.HTTP_DURATION):
        samples = families.get(metric.name.removesuffix("_total"), ())
        page.extend(metric, _lines(samples))


def _registry() -> CollectorRegistry:
    if ValueClass is MutexValue:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _lines(samples: Iterable[Sample]) -> Iterator[str]:
    for sample in samples:
        if not sample.name.endswith("_created"):  # which this form of the text does not know
            labels = braces(list(sample.labels), list(sample.labels.values()))
            yield f"{sample.name}{labels} {number(sample.value)}"
