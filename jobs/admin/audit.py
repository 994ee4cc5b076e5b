"""Who changed what: read-only, for managers."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.display import differences, json_block, lines, moment
from jobs.admin.paging import BoundedPaginator
from jobs.admin.rights import RightsAdmin
from jobs.models import AuditEvent, Job


@admin.register(AuditEvent)
class AuditEventAdmin(RightsAdmin):
    audited_as = "audit"
    view_right = "manage_job"
    paginator = BoundedPaginator
    show_full_result_count = False
    list_display = ("when", "actor", "via", "action", "about", "changes")
    list_filter = ("action", "via", "is_refused")
    search_fields = ("actor", "job_id", "target", "message")
    sortable_by = ()
    fields = (
        "when",
        "actor",
        "via",
        "token",
        "address",
        "action",
        "target",
        "job",
        "is_refused",
        "message",
        "before_block",
        "after_block",
    )
    readonly_fields = fields

    @admin.display(description=gettext_lazy("at"))
    def when(self, event: AuditEvent) -> SafeString | None:
        return moment(event.at)

    @admin.display(description=gettext_lazy("job"))
    def job(self, event: AuditEvent) -> str | SafeString | None:
        if not Job.objects.filter(pk=event.job_id).exists():
            return event.job_id or None
        url = reverse("admin:jobs_job_change", args=[quote(event.job_id)])
        return format_html('<a href="{}">{}</a>', url, event.job_id)

    @admin.display(description=gettext_lazy("target"))
    def about(self, event: AuditEvent) -> SafeString:
        return lines(event.target, event.job_id)

    @admin.display(description=gettext_lazy("changes"))
    def changes(self, event: AuditEvent) -> str | SafeString | None:
        if event.is_refused:
            return _("refused: %(message)s") % {"message": event.message}
        if event.before is None or event.after is None:
            return event.message or None
        return differences(event.before, event.after)

    @admin.display(description=gettext_lazy("before"))
    def before_block(self, event: AuditEvent) -> SafeString | None:
        return json_block(event.before)

    @admin.display(description=gettext_lazy("after"))
    def after_block(self, event: AuditEvent) -> SafeString | None:
        return json_block(event.after)
