"""The list of instances: what each is, whether it was reached, how big it is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone as django_timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.charts.spark import spark
from jobs.admin.display import badge, lines
from jobs.estate.admin.base import EMPTY, Managed, ModelAdmin, may_see
from jobs.estate.admin.bytes import bytes_a_day
from jobs.estate.admin.visit import visit_lines
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.session import SyncSession
from jobs.estate.services.charts import SmallTrend, small_trends
from jobs.estate.services.overview import with_overview
from jobs.estate.units import format_bytes


class InstanceList(ChangeList):
    """What is shown of the rows of a page besides their own columns, read for all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        now = django_timezone.now()
        trends = small_trends([row.pk for row in self.result_list], until=now.date())
        sees_sessions = may_see(request, SyncSession)
        for row in self.result_list:
            row.trend = trends[row.pk]
            row.visit = visit_lines(row, now, is_linked=sees_sessions)


class InstanceListAdmin(Managed, ModelAdmin[DatabaseInstance]):
    list_display = ("about", "product", "last_visit", "size")
    list_filter = ("engine", "is_active")
    search_fields = ("name", "host")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return InstanceList

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatabaseInstance]:
        return with_overview(DatabaseInstance.objects.order_by("name"))

    @admin.display(description=gettext_lazy("instance"), ordering="name")
    def about(self, instance: DatabaseInstance) -> SafeString:
        sleeps = badge("disabled", _("not active")) if not instance.is_active else ""
        return lines(instance.name, address(instance), sleeps)

    @admin.display(description=gettext_lazy("server"), ordering="engine")
    def product(self, instance: Any) -> SafeString:
        """An engine that is registered no more keeps its word."""
        return lines(instance.get_engine_display(), instance.version)

    @admin.display(description=gettext_lazy("last visit"), ordering="last_at")
    def last_visit(self, instance: Any) -> SafeString:
        visit: SafeString = instance.visit
        return visit

    @admin.display(description=gettext_lazy("size"), ordering="latest_total")
    def size(self, instance: Any) -> SafeString:
        n = instance.database_count
        return lines(
            EMPTY if instance.latest_total is None else format_bytes(instance.latest_total),
            ngettext("%(n)d database", "%(n)d databases", n) % {"n": n},
            trend_line(instance.trend),
        )


def address(instance: DatabaseInstance) -> str | SafeString:
    if not instance.host:
        return instance.database
    # A narrow column breaks it before the port, not within.
    return format_html("{}<wbr>:{}", instance.host, instance.port)


def trend_line(trend: SmallTrend) -> SafeString:
    known = [size for size in trend.sizes if size is not None]
    if len(known) < 2:
        return SafeString("")
    n = len(trend.days)
    words = ngettext(
        "%(n)d day: from %(first)s to %(last)s", "%(n)d days: from %(first)s to %(last)s", n
    )
    said = {"n": n, "first": format_bytes(known[0]), "last": format_bytes(known[-1])}
    return spark(trend.sizes, name=words % said)


def growth(trend: SmallTrend) -> str:
    per_day = trend.outlook().growth_bytes_per_day
    return "" if per_day is None else bytes_a_day(per_day)
