"""Health: how the scheduler does, and whether this web process answers."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from jobs.api.envelope import Answer
from jobs.api.strict import Nothing
from jobs.api.view import ApiView
from jobs.executions.database import database_now
from jobs.health import health


class Health(ApiView):
    rights = {"GET": "view_job"}

    def get(self, request: Request) -> Answer:
        self.query(Nothing)
        return Answer(health(database_now()))


class Liveness(ApiView):
    """For load balancers: this process answers. It asks no database and nobody's name."""

    authentication_classes = []
    throttle_classes = []
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Answer:
        return Answer({"status": "alive"}, _("This process answers."))
