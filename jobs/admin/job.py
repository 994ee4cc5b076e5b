"""Jobs: rights, commands and deletion. Every change goes through `jobs.control.job`.

The list stands in `job_list`, the page of one job in `job_page`.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import model_ngettext, unquote
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import definitions
from jobs.admin.commands import as_action
from jobs.admin.job_commands import BUTTONS, DELETE, offered_for
from jobs.admin.job_explain import JobExplainAdmin
from jobs.admin.job_history import JobHistoryAdmin
from jobs.admin.job_live import JobLiveAdmin
from jobs.admin.job_page import JobPageAdmin
from jobs.admin.job_reload import JobReloadAdmin
from jobs.admin.job_requests import JobRequestAdmin
from jobs.admin.job_rights import JobRightsAdmin
from jobs.admin.rights import actor_of, user_of
from jobs.control import job as control
from jobs.control.audit import refusals_recorded
from jobs.errors import SchedulerError
from jobs.models import Job
from jobs.models.rights import has_right

LIST = "_list"
"""A field of the list's form: its parameters."""


@admin.register(Job)
class JobAdmin(
    JobLiveAdmin,
    JobRequestAdmin,
    JobReloadAdmin,
    JobRightsAdmin,
    JobExplainAdmin,
    JobHistoryAdmin,
    JobPageAdmin,
):
    audited_as = "job"
    commands = BUTTONS
    actions = [*(as_action(command) for command in BUTTONS), "delete_selected", "export_selected"]

    def job_id_of(self, job: Job) -> str:
        return job.pk

    def offered(self, job: Job) -> set[str]:
        return offered_for(job)

    def news(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        return self.changes(request, {job.pk: ""})

    def after_command(self, request: HttpRequest, job: Job) -> str:
        """Back to the list as it was narrowed, if the button stood there."""
        if LIST in request.POST:
            return f"{self._url('changelist')}?{QueryDict(request.POST[LIST]).urlencode()}"
        return super().after_command(request, job)

    @admin.action(permissions=["export"], description=gettext_lazy("Export selected jobs as YAML"))
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return HttpResponse(
            definitions.export(list(queryset.values_list("pk", flat=True))),
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="scheduler_tasks.yaml"'},
        )

    # Rights

    def has_export_permission(self, request: HttpRequest) -> bool:
        """The file tells all of a job, so it takes more than the right on one."""
        return has_right(user_of(request), "view_job")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return has_right(user_of(request), "manage_job")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request, "manage_job", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_protected = isinstance(obj, Job) and obj.is_builtin
        return not is_protected and self.may(request, "manage_job", obj)

    # Delete

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The jobs alone: rights on them go too, and their history stays."""
        names = [f"{job.name} ({job.pk})" for job in objs]
        return names, {model_ngettext(self.opts, len(names)): len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        control.delete(obj.pk, actor=actor_of(request))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            with refusals_recorded(actor_of(request), "job.delete", job_id=unquote(object_id)):
                return super().delete_view(request, object_id, extra_context)
        except SchedulerError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(self._url("changelist"))

    @admin.action(permissions=[DELETE.right], description=DELETE.bulk_label)  # type: ignore[arg-type]  # lazy text is fine
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """In place of Django's own, which deletes rows past control."""
        if request.POST.get("post"):
            self.command_many(request, queryset, DELETE)
            return None
        names, counts, perms_lacking, protected = self.get_deleted_objects(queryset, request)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete jobs"),
            "objects_name": model_ngettext(queryset),
            "deletable_objects": [names],
            "model_count": counts.items(),
            "queryset": queryset,
            "perms_lacking": perms_lacking,
            "protected": protected,
            "opts": self.opts,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/delete_selected_confirmation.html", context)
