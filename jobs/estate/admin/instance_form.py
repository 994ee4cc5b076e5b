"""The form of an instance, to be saved or only tested."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from jobs.estate.admin.base import ModelForm
from jobs.estate.admin.bytes import SizeLimitField
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.services.passwords import DESTINATION, STORED, take_passwords


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
    size_limit_bytes = SizeLimitField()

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
