"""The list of audit events: its columns and its search. Quick with a million of them."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.audit_filters import (
    ActionFilter,
    JobFilter,
    RefusedFilter,
    ViaFilter,
    WithinFilter,
)
from jobs.admin.display import badge, differences, lines, moment
from jobs.admin.narrowed_list import NarrowedList, NarrowedListAdmin
from jobs.models import AuditEvent, Job

RECENT_ROWS = 20_000
"""Among which a search looks for a part of what is said."""
MOST_FOUND = 1_000
"""Of a search, the latest of each part of it."""
MOST_JOBS_FOUND = 500
MOST_OF_A_VALUE = 200
"""Characters of one side of a change."""


class AuditList(NarrowedList):
    tab_filter = RefusedFilter
    select_filters = (ActionFilter, ViaFilter, WithinFilter)


class AuditListAdmin(NarrowedListAdmin):
    list_display = ("when", "who", "what", "about", "changes")
    list_filter = (RefusedFilter, JobFilter, ActionFilter, ViaFilter, WithinFilter)
    search_fields = ("actor", "token", "job_id", "target", "message")
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By index, never by reading the table: of all events those of a user, and of jobs that
        are called so; of the latest ones what they say."""
        term = search_term.strip()
        if not term:
            return queryset, False
        newest = AuditEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
        said = reduce(or_, (Q(**{f"{name}__icontains": term}) for name in self.search_fields))
        parts = (
            Q(actor=term),
            Q(job_id__in=_jobs_named(term)),
            Q(pk__gt=newest - RECENT_ROWS) & said,
        )
        # One by one, and sorted by what is no index: else PostgreSQL may read all events
        # backwards, in the hope to find enough soon.
        newest_first = (F("pk") + 0).desc()
        found: set[int] = set()
        for part in parts:
            keys = queryset.filter(part).order_by(newest_first).values_list("pk", flat=True)
            found.update(keys[:MOST_FOUND])
        return queryset.filter(pk__in=found), False

    @admin.display(description=gettext_lazy("at"))
    def when(self, event: AuditEvent) -> SafeString | None:
        return moment(event.at)

    @admin.display(description=gettext_lazy("who"))
    def who(self, event: AuditEvent) -> SafeString:
        token = _("token “%(name)s”") % {"name": event.token} if event.token else ""
        return lines(event.actor, event.get_via_display(), token, event.address)

    @admin.display(description=gettext_lazy("action"))
    def what(self, event: AuditEvent) -> SafeString:
        refused = badge("refused", _("refused")) if event.is_refused else ""
        return lines(event.action, refused)

    @admin.display(description=gettext_lazy("target"), empty_value="")
    def about(self, event: AuditEvent) -> SafeString:
        return lines(event.target, event.job_id)

    @admin.display(description=gettext_lazy("changes"), empty_value="")
    def changes(self, event: AuditEvent) -> SafeString:
        """Of something new or gone not its whole state, which its page shows."""
        if event.before is None or event.after is None:
            return lines(event.message)
        return lines(differences(event.before, event.after, most=MOST_OF_A_VALUE), event.message)


def _jobs_named(term: str) -> list[str]:
    """Ids of jobs whose id or name holds the term, and the term itself: the job may be gone."""
    jobs = Job.objects.filter(Q(pk__icontains=term) | Q(name__icontains=term)).order_by("pk")
    return [term, *jobs.values_list("pk", flat=True)[:MOST_JOBS_FOUND]]
