"""What the list of jobs asks every few seconds: which of its rows are different by now.

The page says which rows it has, each with its revision, and is sent those that differ: a row
costs nothing while nothing happens. The strip and the tabs, which are about all jobs, are asked
for apart and less often, because they cost more.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from jobs.admin.job_list import JobListAdmin
from jobs.admin.job_rows import read_rows
from jobs.admin.leader import scheduler_strip
from jobs.admin.rights import user_of
from jobs.models.job import ID_PATTERN

MOST_ROWS = 200
"""Rows that are asked after at a time; as many as a page can have."""


class JobLiveAdmin(JobListAdmin):
    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("live/", require_POST(guarded(self.live_view)), name="jobs_job_live"),
            path("strip/", require_GET(guarded(self.strip_view)), name="jobs_job_strip"),
            *super().get_urls(),
        ]

    @method_decorator(gzip_page)
    def live_view(self, request: HttpRequest) -> HttpResponse:
        """To `{"rows": {id: revision}}`: the rows that differ, the ids of those that are gone."""
        known = _known(request.body)
        return JsonResponse(self.changes(request, known))

    def changes(self, request: HttpRequest, known: dict[str, str]) -> dict[str, Any]:
        rows = read_rows(user_of(request), list(known))
        different = [row for row in rows if row.revision != known[row.pk]]
        return {
            "now": time.time(),
            "rows": {
                row["id"]: {key: row[key] for key in ("revision", "state", "cells")}
                for row in self.shown(different, self.list_display)
            },
            "gone": sorted(known.keys() - {row.pk for row in rows}),
        }

    def strip_view(self, request: HttpRequest) -> HttpResponse:
        """The strip and the tabs as they stand now; takes the list's own parameters."""
        context = {"strip": scheduler_strip(user_of(request)), "cl": self._list(request)}
        return TemplateResponse(request, "admin/jobs/job/live.html", context)

    def _list(self, request: HttpRequest) -> ChangeList:
        """As it is narrowed; raises BadRequest for what no list can be narrowed by."""
        try:
            return self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            raise BadRequest from None


def _known(body: bytes) -> dict[str, str]:
    """Raises BadRequest."""
    try:
        known = json.loads(body)["rows"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise BadRequest from None
    if not isinstance(known, dict) or len(known) > MOST_ROWS:
        raise BadRequest
    if not all(re.fullmatch(ID_PATTERN, job_id, re.ASCII) for job_id in known):
        raise BadRequest
    return known
