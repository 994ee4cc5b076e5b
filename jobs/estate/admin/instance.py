from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from jobs.admin.audited import Audited
from jobs.admin.display import badge, lines
from jobs.estate.admin.base import Managed, ModelAdmin, ModelForm
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import RecordStatus
from jobs.estate.models.session import Category
from jobs.estate.services import diagnosis
from jobs.estate.services.overview import with_overview
from jobs.estate.services.passwords import DESTINATION, STORED, take_passwords
from jobs.estate.units import format_bytes

EMPTY = "-"

COLOURS = {RecordStatus.COMPLETED: "succeeded", RecordStatus.FAILED: "failed"}
"""The stylesheet's words."""

MOST_SHOWN = 200
"""Characters of an error in the list; the session has all of it."""


def is_test(request: HttpRequest) -> bool:
    """Whether the button “Test connection” was pressed."""
    return request.method == "POST" and "_test" in request.POST


def password_field(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "Stored encrypted and never shown. Leave it empty to keep the stored one."
        ),
    )


class DatabaseInstanceForm(ModelForm[DatabaseInstance]):
    password = password_field(gettext_lazy("Password"))
    change_password = password_field(gettext_lazy("Password for changes"))

    class Meta:
        model = DatabaseInstance
        fields = (
            "name",
            "engine",
            "host",
            "port",
            "username",
            "password",
            "database",
            "tls_mode",
            "ca",
            "connect_timeout_s",
            "statement_timeout_s",
            "timezone",
            "size_limit_bytes",
            "change_username",
            "change_password",
            "tags",
            "is_active",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        errors = take_passwords(
            self.instance,
            {field: cleaned.get(field) or None for field in STORED},
            engine=cleaned.get("engine", ""),
            change_username=cleaned.get("change_username", ""),
            has_moved=not set(DESTINATION).isdisjoint(self.changed_data),
        )
        for field, sentence in errors.items():
            self.add_error(field, sentence)
        return cleaned


class TestedInstanceForm(DatabaseInstanceForm):
    """What was typed is checked as ever, and never saved."""

    __test__ = False

    def is_valid(self) -> bool:
        super().is_valid()
        return False


@admin.register(DatabaseInstance)
class DatabaseInstanceAdmin(Managed, Audited, ModelAdmin[DatabaseInstance]):
    audited_as = "instance"
    form = DatabaseInstanceForm
    change_form_template = "admin/estate/databaseinstance/change_form.html"
    list_display = (
        "about",
        "product",
        "last_visit",
        "database_count",
        "latest_total",
        "is_active",
    )
    list_filter = ("engine", "is_active")
    search_fields = ("name", "host")
    actions = ("test_connections",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("name", "engine", "is_active", "tags")}),
        (gettext_lazy("Where"), {"fields": ("host", "port", "database")}),
        (gettext_lazy("Login"), {"fields": ("username", "password", "tls_mode", "ca")}),
        (gettext_lazy("Patience"), {"fields": ("connect_timeout_s", "statement_timeout_s")}),
        (gettext_lazy("Sizes"), {"fields": ("timezone", "size_limit_bytes")}),
        (gettext_lazy("Changes"), {"fields": ("change_username", "change_password")}),
    )

    class Media:
        css = {"all": ["jobs/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatabaseInstance]:
        return with_overview(DatabaseInstance.objects.order_by("name"))

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

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def about(self, instance: DatabaseInstance) -> SafeString:
        address = f"{instance.host}:{instance.port}" if instance.host else instance.database
        return lines(instance.name, address)

    @admin.display(description=gettext_lazy("engine"), ordering="engine")
    def product(self, instance: Any) -> SafeString:
        """An engine that is registered no more keeps its word."""
        return lines(instance.get_engine_display(), instance.version)

    @admin.display(description=gettext_lazy("last visit"))
    def last_visit(self, instance: Any) -> str | SafeString:
        """Whether it was reached, and why not."""
        if instance.last_status is None:
            return EMPTY
        label = RecordStatus(instance.last_status).label
        about = Category(instance.last_category).label
        colour = COLOURS.get(instance.last_status, "")
        return lines(badge(colour, f"{about}: {label}"), instance.last_error[:MOST_SHOWN])

    @admin.display(description=gettext_lazy("databases"), ordering="database_count")
    def database_count(self, instance: Any) -> int:
        count: int = instance.database_count
        return count

    @admin.display(description=gettext_lazy("latest total"), ordering="latest_total")
    def latest_total(self, instance: Any) -> str:
        return format_bytes(instance.latest_total)

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
        level = messages.ERROR if found.problem else messages.WARNING
        for sentence in found.sentences():
            self.message_user(
                request,
                _("“%(name)s”: %(sentence)s") % {"name": instance.name, "sentence": sentence},
                messages.SUCCESS if found.is_well else level,
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
            if not form.errors:
                self._tell(request, form.instance, diagnosis.diagnose(form.instance))
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
