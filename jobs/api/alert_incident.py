"""Alert incidents: what rules found wrong with the jobs that one may see."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated

from jobs.api import filters
from jobs.api.filters import Filters
from jobs.api.permissions import OnAnyJob
from jobs.api.row import RowList
from jobs.api.shown import Moment, Shown
from jobs.models import AlertIncident, Kind


class IncidentSerializer(Shown):
    """`count` verdicts in a row, the last of which is `execution_id`; null of a job that had no
    success. `closed_at` is null while it is open."""

    model = AlertIncident

    id = serializers.IntegerField()
    rule = serializers.CharField(source="rule_name")
    kind = serializers.CharField()
    job_id = serializers.CharField()
    job_name = serializers.CharField()
    began_at = Moment()
    last_at = Moment()
    opened_at = Moment()
    closed_at = Moment()
    count = serializers.IntegerField()
    execution_id = serializers.IntegerField()


class IncidentFilters(Filters):
    job = filters.Text("job_id", max_length=100, help_text=gettext_lazy("The id of the job."))
    kind = filters.Words("kind", Kind.values)
    is_over = filters.YesNo("closed_at", method="of_state")

    def of_state(self, rows: QuerySet[Any], _name: str, is_over: bool) -> QuerySet[Any]:
        return rows.filter(closed_at__isnull=not is_over)


class IncidentList(RowList):
    """List what rules found wrong with jobs, the newest first."""

    model, shown = AlertIncident, IncidentSerializer
    permission_classes = [IsAuthenticated, OnAnyJob]
    rights = {"GET": "view_job"}
    filterset = IncidentFilters

    def rows(self) -> QuerySet[Any]:
        return AlertIncident.objects.opened().visible_to(self.request.user)
