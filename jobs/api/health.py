"""Health: how the scheduler does, and whether this web process answers."""

from __future__ import annotations

from typing import Literal, TypedDict

from django.utils.translation import gettext as _
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.view import ApiView
from jobs.executions.database import database_now
from jobs.health.report import health
from jobs.health.shapes import HealthData


class Alive(TypedDict):
    status: Literal["alive"]


class Health(ApiView):
    rights = {"GET": "view_job"}

    @Endpoint(shows=HealthData)
    def get(self, request: Request) -> Answer:
        """Tell how the scheduler does: leader, figures, queue, jobs, and what is wrong.

        `status` is `healthy`, `warning` or `error`; each of `warnings` says what to do.
        """
        self.query()
        return Answer(health(database_now()))


class Liveness(ApiView):
    """For load balancers: this process answers. It asks no database and nobody's name."""

    authentication_classes = []
    throttle_classes = []
    permission_classes = [AllowAny]

    @Endpoint(shows=Alive)
    def get(self, request: Request) -> Answer:
        """Tell that this process answers. Needs no login."""
        return Answer({"status": "alive"}, _("This process answers."))
