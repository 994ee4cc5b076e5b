"""Who changed what, and who was refused: read-only, for managers.

The list stands in `audit_list`.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.audit_list import AuditListAdmin
from jobs.admin.display import badge, json_block
from jobs.models import AuditEvent, Job


@admin.register(AuditEvent)
class AuditEventAdmin(AuditListAdmin):
    audited_as = "audit"
    view_right = "manage_job"
    fields = (
        "when",
        "actor",
        "via",
        "token",
        "address",
        "action",
        "outcome",
        "target",
        "job",
        "message",
        "before_block",
        "after_block",
    )
    readonly_fields = fields

    @admin.display(description=gettext_lazy("job"))
    def job(self, event: AuditEvent) -> str | SafeString | None:
        if not Job.objects.filter(pk=event.job_id).exists():
            return event.job_id or None
        url = reverse("admin:jobs_job_change", args=[quote(event.job_id)])
        return format_html('<a href="{}">{}</a>', url, event.job_id)

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, event: AuditEvent) -> SafeString:
        return badge("refused", _("refused")) if event.is_refused else badge("succeeded", _("done"))

    @admin.display(description=gettext_lazy("before"))
    def before_block(self, event: AuditEvent) -> SafeString | None:
        return json_block(event.before)

    @admin.display(description=gettext_lazy("after"))
    def after_block(self, event: AuditEvent) -> SafeString | None:
        return json_block(event.after)
