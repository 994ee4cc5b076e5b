"""What Prometheus reads."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from jobs.api.definition import Anything
from jobs.api.endpoint import Endpoint
from jobs.api.view import ApiView
from jobs.conf import conf
from jobs.metrics.exposition import CONTENT_TYPE
from jobs.metrics.page import metrics

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP")
"""Whoever sends one of these came through a proxy, or pretends to."""


class Metrics(ApiView):
    content_negotiation_class = Anything
    rights = {"GET": "view_job"}

    @Endpoint(content={"text/plain": {"type": "string"}})
    def get(self, request: Request) -> HttpResponse:
        """Tell Prometheus how the scheduler does and what it has done.

        In the text form 0.0.4. Needs no login from the addresses of `SCHEDCORE_METRICS_NETWORKS`.
        """
        self.query()
        return HttpResponse(metrics(), content_type=CONTENT_TYPE)

    def check_permissions(self, request: Request) -> None:
        if not is_listed(request):
            super().check_permissions(request)


def is_listed(request: HttpRequest | Request) -> bool:
    """Whether it comes from an address that needs no token, and not through a proxy, whose own
    address would stand for everybody's."""
    if not conf().metrics_networks or any(name in request.META for name in FORWARDED):
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:  # as behind a Unix socket
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in conf().metrics_networks)
