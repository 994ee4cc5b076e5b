from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from jobs.errors import SchedulerError
from jobs.estate import credentials
from jobs.estate.adapters.registry import find_adapter
from jobs.estate.admin.base import Managed, ModelAdmin, ModelForm
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.units import format_bytes

WHERE = ("engine", "host", "port", "tls_mode", "ca")
"""What decides to whom, and how safely, the stored password is sent."""


class DatabaseInstanceForm(ModelForm[DatabaseInstance]):
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Stored encrypted and never shown. Leave it empty to keep the stored one."),
    )

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
            "tags",
            "is_active",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        adapter = find_adapter(cleaned.get("engine", ""))
        password = cleaned.get("password", "")
        if adapter is not None and adapter.is_file:
            if password:
                self.add_error("password", _("A file has none; leave this empty."))
            self.instance.password_encrypted = ""
        elif password:
            self._set_password(password)
        elif self.instance.has_password and not set(WHERE).isdisjoint(self.changed_data):
            # Else whoever may edit could have the password sent to a server of their own.
            self.add_error(
                "password", _("Enter it again, because it would go to another server than before.")
            )
        return cleaned

    def _set_password(self, password: str) -> None:
        try:
            self.instance.password_encrypted = credentials.encrypt(password)
        except SchedulerError as error:
            self.add_error("password", error.message)


@admin.register(DatabaseInstance)
class DatabaseInstanceAdmin(Managed, ModelAdmin[DatabaseInstance]):
    form = DatabaseInstanceForm
    list_display = ("name", "engine", "host", "port", "latest_total", "is_active")
    list_filter = ("engine", "is_active")
    search_fields = ("name", "host")
    fieldsets = (
        (None, {"fields": ("name", "engine", "is_active", "tags")}),
        (_("Where"), {"fields": ("host", "port", "database")}),
        (_("Login"), {"fields": ("username", "password", "tls_mode", "ca")}),
        (_("Patience"), {"fields": ("connect_timeout_s", "statement_timeout_s")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatabaseInstance]:
        return DatabaseInstance.objects.with_latest_total().order_by("name")

    @admin.display(description=_("latest total"), ordering="latest_total")
    def latest_total(self, instance: Any) -> str:
        return format_bytes(instance.latest_total)

    @method_decorator(sensitive_post_parameters("password"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The instances alone: their databases and snapshots go with them, and can be many."""
        names = [str(instance) for instance in objs]
        plural = str(DatabaseInstance._meta.verbose_name_plural)
        allowed = self.has_delete_permission(request)
        missing = set() if allowed else {str(DatabaseInstance._meta.verbose_name)}
        return names, {plural: len(names)}, missing, []
