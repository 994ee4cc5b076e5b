from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from jobs.admin.audited import Audited
from jobs.estate.admin.base import AgainAfterConflict, EstatePage, ModelForm
from jobs.estate.admin.instance_form import DatabaseInstanceForm, TestedInstanceForm, is_test
from jobs.estate.admin.instance_list import InstanceListAdmin
from jobs.estate.admin.instance_page import InstancePageAdmin
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.services import diagnosis

LEVELS = {"success": messages.SUCCESS, "warning": messages.WARNING, "error": messages.ERROR}


@admin.register(DatabaseInstance)
class DatabaseInstanceAdmin(
    EstatePage, AgainAfterConflict, InstanceListAdmin, InstancePageAdmin, Audited
):
    audited_as = "instance"
    empty_sentence = gettext_lazy("None is looked after yet. Add one, and test its connection.")
    form = DatabaseInstanceForm
    actions = ("test_connections",)
    fieldsets = (
        (None, {"fields": ("name", "engine", "is_active", "tags")}),
        (gettext_lazy("Where"), {"fields": ("host", "port", "database")}),
        (gettext_lazy("Login"), {"fields": ("username", "password", "tls_mode", "ca")}),
        (gettext_lazy("Patience"), {"fields": ("connect_timeout_s", "statement_timeout_s")}),
        (gettext_lazy("Sizes"), {"fields": ("timezone", "size_limit_bytes")}),
        (gettext_lazy("Changes"), {"fields": ("change_username", "change_password")}),
    )

    def get_form(
        self,
        request: HttpRequest,
        obj: DatabaseInstance | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ModelForm[DatabaseInstance]]:
        if is_test(request):
            kwargs["form"] = TestedInstanceForm
        return super().get_form(request, obj, change, **kwargs)

    def has_test_permission(self, request: HttpRequest) -> bool:
        """Else who may only look could probe the network."""
        return self.may_manage(request)

    @admin.action(description=gettext_lazy("Test connection"), permissions=["test"])
    def test_connections(self, request: HttpRequest, queryset: QuerySet[DatabaseInstance]) -> None:
        instances = list(queryset[: diagnosis.MOST + 1])
        if len(instances) > diagnosis.MOST:
            sentence = _("At most %(most)s can be tested at a time; none was.")
            self.message_user(request, sentence % {"most": diagnosis.MOST}, messages.ERROR)
            return
        for instance, found in zip(instances, diagnosis.diagnose_all(instances), strict=True):
            self._tell(request, instance, found)

    def _tell(
        self, request: HttpRequest, instance: DatabaseInstance, found: diagnosis.Diagnosis
    ) -> None:
        level = LEVELS[level_of(found)]
        for sentence in found.sentences():
            self.message_user(
                request,
                _("“%(name)s”: %(sentence)s") % {"name": instance.name, "sentence": sentence},
                level,
            )

    @method_decorator(sensitive_post_parameters("password", "change_password"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        page = super().changeform_view(request, object_id, form_url, extra_context)
        if is_test(request) and isinstance(page, TemplateResponse) and page.context_data:
            # Here, because the view itself keeps a transaction open.
            form = page.context_data["adminform"].form
            found = None if form.errors else diagnosis.diagnose(form.instance)
            if request.get_preferred_type(["text/html", "application/json"]) != "text/html":
                return JsonResponse(answer(form.errors, found))
            if found is not None:
                self._tell(request, form.instance, found)
        return page

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The instances alone: their databases and snapshots go with them, and can be many."""
        names = [str(instance) for instance in objs]
        plural = str(DatabaseInstance._meta.verbose_name_plural)
        allowed = self.has_delete_permission(request)
        missing = set() if allowed else {str(DatabaseInstance._meta.verbose_name)}
        return names, {plural: len(names)}, missing, []


def level_of(found: diagnosis.Diagnosis) -> str:
    if found.is_well:
        return "success"
    return "error" if found.problem else "warning"


def answer(
    errors: Mapping[str, Sequence[str]], found: diagnosis.Diagnosis | None
) -> dict[str, Any]:
    """For the script of the form: what is wrong at its fields, or how the visit went."""
    if found is None:
        sentence = _("Nothing was tried: correct the fields that are marked first.")
        return {
            "level": "error",
            "sentences": [sentence],
            "errors": {field: list(map(str, those)) for field, those in errors.items()},
        }
    return {"level": level_of(found), "sentences": list(found.sentences()), "errors": {}}
