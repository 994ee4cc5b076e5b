from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone as django_timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.audited import Audited
from jobs.admin.display import badge, lines, moment
from jobs.estate.admin.base import (
    EMPTY,
    EstatePage,
    InstanceFilter,
    Managed,
    ModelAdmin,
    ModelForm,
    shown_moment,
)
from jobs.estate.admin.bytes import SizeLimitField
from jobs.estate.admin.database_page import sizes_of
from jobs.estate.admin.instance_list import growth, trend_line
from jobs.estate.models.database import Database
from jobs.estate.services.charts import database_trends, newest_size
from jobs.estate.units import format_bytes


class DatabaseList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        until = django_timezone.now().date()
        trends = database_trends([row.pk for row in self.result_list], until=until)
        for row in self.result_list:
            row.trend = trends[row.pk]


class DatabaseForm(ModelForm[Database]):
    size_limit_bytes = SizeLimitField()


@admin.register(Database)
class DatabaseAdmin(EstatePage, Managed, Audited, ModelAdmin[Database]):
    """Found by the sync, not made by hand; only the limit is for people to set."""

    audited_as = "database"
    form = DatabaseForm
    change_form_template = "admin/estate/database/change_form.html"
    empty_sentence = gettext_lazy(
        "None is known yet: the job “Capacity sync” (collect_database_sizes) finds them."
    )
    list_display = ("about", "size", "seen")
    fields = ("name", "instance", "kind", "seen_first", "seen_last", "dropped")
    readonly_fields = fields
    list_filter = (
        ("instance", InstanceFilter),
        "is_system",
        ("dropped_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("instance",)
    search_fields = ("name",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    seen_first = shown_moment("first_seen", gettext_lazy("first seen"))
    seen_last = shown_moment("last_seen", gettext_lazy("last seen"))
    dropped = shown_moment("dropped_at", gettext_lazy("dropped at"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DatabaseList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Database]:
        rows: QuerySet[Database] = super().get_queryset(request)
        return rows.annotate(latest=newest_size())

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.fields, "size_limit_bytes")

    def has_add_permission(self, request: HttpRequest, obj: Database | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Database | None = None) -> bool:
        return False

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Database | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context.update(title=obj.name, subtitle=None, sizes=sizes_of(request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, database: Database) -> str:
        return _("of the server itself") if database.is_system else _("of a user")

    @admin.display(description=gettext_lazy("database"), ordering="name")
    def about(self, database: Database) -> SafeString:
        return lines(
            database.name,
            database.instance.name,
            _("system database") if database.is_system else "",
        )

    @admin.display(description=gettext_lazy("size"), ordering="latest")
    def size(self, database: Any) -> SafeString:
        return lines(
            EMPTY if database.latest is None else format_bytes(database.latest),
            trend_line(database.trend),
            growth(database.trend),
        )

    @admin.display(description=gettext_lazy("seen"), ordering="last_seen")
    def seen(self, database: Database) -> SafeString:
        since = format_html(_("since {}"), moment(database.first_seen))
        if database.dropped_at is None:
            return lines(moment(database.last_seen), since)
        return lines(badge("removed", _("dropped")), moment(database.dropped_at), since)
