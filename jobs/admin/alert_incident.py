"""What went wrong, as the rules found it: read-only, for whoever may see the job."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.display import badge, lines, moment
from jobs.admin.rights import RightsAdmin
from jobs.models import AlertIncident, Job


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("open")), ("closed", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("open", "closed"):
            return queryset.filter(closed_at__isnull=self.value() == "open")
        return queryset


@admin.register(AlertIncident)
class AlertIncidentAdmin(RightsAdmin):
    audited_as = "incident"
    change_list_template = "admin/jobs/card_list.html"
    empty_sentence = gettext_lazy("Nothing has gone wrong of which a rule tells.")
    list_display = ("what", "about", "standing", "last_run")
    list_filter = (OpenFilter, "kind")
    search_fields = ("job_id", "job_name", "rule_name")
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = ("what", "about", "state", "began", "last_seen", "ended", "last_run")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without those of which too little has happened to tell anybody."""
        rows: Any = super().get_queryset(request)
        there = Job.objects.filter(pk=OuterRef("job_id"))
        found: QuerySet[Any] = rows.opened().annotate(has_job=Exists(there))
        return found

    @admin.display(description=gettext_lazy("what"))
    def what(self, incident: AlertIncident) -> SafeString:
        row = ngettext("%(n)d time in a row", "%(n)d times in a row", incident.count)
        return lines(
            incident.get_kind_display(),
            row % {"n": incident.count} if incident.count > 1 else "",
            _("rule “%(name)s”") % {"name": incident.rule_name},
        )

    @admin.display(description=gettext_lazy("job"))
    def about(self, incident: Any) -> SafeString:
        if not incident.has_job:
            return lines(incident.job_name or incident.job_id, incident.job_id)
        url = reverse("admin:jobs_job_change", args=[quote(incident.job_id)])
        link = format_html('<a href="{}">{}</a>', url, incident.job_name or incident.job_id)
        return lines(link, incident.job_id)

    @admin.display(description=gettext_lazy("state"))
    def state(self, incident: AlertIncident) -> SafeString:
        return badge("failed", _("open")) if incident.is_open else badge("succeeded", _("over"))

    @admin.display(description=gettext_lazy("state"))
    def standing(self, incident: AlertIncident) -> SafeString:
        ended = self.ended(incident)
        return lines(
            self.state(incident),
            format_html(_("since {}"), self.began(incident)),
            format_html(_("until {}"), ended) if ended else "",
        )

    @admin.display(description=gettext_lazy("began"))
    def began(self, incident: AlertIncident) -> SafeString | None:
        return moment(incident.began_at)

    @admin.display(description=gettext_lazy("last seen"))
    def last_seen(self, incident: AlertIncident) -> SafeString | None:
        return moment(incident.last_at)

    @admin.display(description=gettext_lazy("ended"), empty_value="–")
    def ended(self, incident: AlertIncident) -> SafeString | None:
        return moment(incident.closed_at)

    @admin.display(description=gettext_lazy("execution"), empty_value="–")
    def last_run(self, incident: AlertIncident) -> SafeString | None:
        if incident.execution_id is None:
            return None
        url = reverse("admin:jobs_jobexecution_change", args=[incident.execution_id])
        name = incident.job_name or incident.job_id
        return format_html('<a href="{}">{} #{}</a>', url, name, incident.execution_id)
