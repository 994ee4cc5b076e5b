"""The page with the list of jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.gzip import gzip_page

from jobs.admin import job_cells
from jobs.admin.bars import bars
from jobs.admin.commands import CommandsAdmin
from jobs.admin.job_changelist import FunctionFilter, JobList, StateFilter, TriggerFilter
from jobs.admin.job_controls import controls
from jobs.admin.job_words import job_words
from jobs.admin.leader import scheduler_strip
from jobs.admin.rights import user_of
from jobs.executions.database import database_clock
from jobs.models.rights import has_right

MEDIA = Media(
    css={"all": ["jobs/admin.css", "jobs/charts.css", "jobs/jobs.css"]},
    js=["admin/js/actions.js"],
)
"""The admin's own would bring jQuery and more, half a megabyte that nothing here uses."""


class JobListAdmin(CommandsAdmin):
    list_display = ("title", "schedule", "next_run", "last_runs", "last_run", "controls")
    list_display_links = None
    list_filter = (StateFilter, FunctionFilter, TriggerFilter)
    search_fields = ("id", "name", "description", "function")
    ordering = ("name", "pk")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        jobs: Any = super().get_queryset(request)
        now = database_clock()
        rows: QuerySet[Any] = jobs.with_schedule(now).annotate(seen_at=now)
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobList

    @method_decorator(gzip_page)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(
            request, {**(extra_context or {}), "media": MEDIA, "title": _("Jobs")}
        )
        context = getattr(response, "context_data", None) or {}
        if isinstance(cl := context.get("cl"), JobList):
            context["strip"] = scheduler_strip(user_of(request))
            context["headers"] = list(result_headers(cl))
            context["rows"] = self.shown(cl.result_list, self.get_list_display(request))
            context["words"] = job_words()
            context["now"] = time.time()
            context["may_reload"] = has_right(user_of(request), "manage_job")
        return response

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without the buttons for those who may only look."""
        return self.list_display if self.may(request, "run_job") else self.list_display[:-1]

    def shown(self, rows: Iterable[Any], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Rows as the template and the script take them."""
        return [
            {
                "id": job.pk,
                "name": job.name,
                "state": job.state,
                "revision": job.revision,
                "cells": {name: getattr(self, name)(job) for name in columns},
            }
            for job in rows
        ]

    @admin.display(description=gettext_lazy("job"), ordering="name")
    def title(self, job: Any) -> SafeString:
        return job_cells.title(job)

    @admin.display(description=gettext_lazy("schedule"))
    def schedule(self, job: Any) -> SafeString:
        return job_cells.schedule(job)

    @admin.display(
        description=gettext_lazy("next run"), ordering=F("next_run_time").asc(nulls_last=True)
    )
    def next_run(self, job: Any) -> SafeString:
        return job_cells.next_run(job)

    @admin.display(description=gettext_lazy("last 20"))
    def last_runs(self, job: Any) -> SafeString:
        return bars(job.runs)

    @admin.display(description=gettext_lazy("last run"))
    def last_run(self, job: Any) -> SafeString:
        return job_cells.last_run(job)

    @admin.display(description=gettext_lazy("actions"))
    def controls(self, job: Any) -> SafeString:
        return controls(job)
