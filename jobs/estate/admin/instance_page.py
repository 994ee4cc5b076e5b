"""The page of one instance: what is known of it; below, its form."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.admin.page_words import page_words
from jobs.estate.admin import instance_sections as sections
from jobs.estate.admin.base import Managed, ModelAdmin, may_see
from jobs.estate.admin.instance_cards import (
    Card,
    growth_card,
    limit_card,
    size_card,
    visit_card,
)
from jobs.estate.admin.instance_charts import SizesForm, size_picture, stack_chart
from jobs.estate.admin.instance_form import is_test
from jobs.estate.admin.instance_list import address
from jobs.estate.models.account import Account
from jobs.estate.models.account_change import AccountChange
from jobs.estate.models.database import Database
from jobs.estate.models.finding import PartitionFinding, Severity
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import RecordStatus
from jobs.estate.models.session import SyncSession
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.services.charts import database_outlooks, largest_databases, size_chart

MOST_DATABASES = 15
MOST_LIMITS = 5

TONES = {Severity.ERROR: "bad", Severity.WARNING: "held"}


class InstancePageAdmin(Managed, ModelAdmin[DatabaseInstance]):
    change_form_template = "admin/estate/databaseinstance/change_form.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: DatabaseInstance | None = None,
    ) -> HttpResponse:
        if self.may_manage(request):
            context["page_words"] = {**page_words(), **_test_words()}
        if obj is not None:
            # As it stands, not as somebody is about to change it.
            is_typed = request.method == "POST"
            stored = self.get_queryset(request).get(pk=obj.pk) if is_typed else obj
            context.update(title=stored.name, subtitle=None)
            # Worked out when the page is written, so that a mere test never pays for it.
            context["known"] = partial(known_of, request, stored)
            context["is_form_open"] = bool(context["errors"]) or is_test(request)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_change(self, request: HttpRequest, obj: DatabaseInstance) -> HttpResponse:
        answer = super().response_change(request, obj)
        if "_continue" in request.POST:
            answer["Location"] += "#settings"
        return answer


def known_of(request: HttpRequest, instance: Any) -> dict[str, Any]:
    """Of an instance `with_overview`: numbers, pictures and the first rows of all that the user
    may see."""
    now = django_timezone.now()
    today = now.astimezone(instance.zone).date()
    asked = SizesForm(request, instance)
    largest = largest_databases(instance, MOST_DATABASES) if may_see(request, Database) else []
    chart = size_chart(instance, largest, until=today, days=asked.days)
    outlook = chart.outlook(asked.limit_bytes)
    sees_sessions = may_see(request, SyncSession)
    n = instance.database_count
    limit = limit_card(outlook, today)
    cards = [
        visit_card(instance, now, is_linked=sees_sessions),
        size_card(outlook, ngettext("in %(n)d database", "in %(n)d databases", n) % {"n": n}),
        growth_card(outlook),
        limit,
    ]
    zone = _("Days in %(zone)s.") % {"zone": instance.zone}
    known: dict[str, Any] = {
        "instance": instance,
        "address": address(instance),
        "asked": asked,
        "reached": asked.answer(limit),
        "error": instance.last_error if instance.last_status == RecordStatus.FAILED else "",
        "total_chart": size_picture(
            chart.days, chart.total, outlook, title=_("All databases"), note=zone
        ),
    }
    if may_see(request, DatabaseSizeSnapshot):
        known["snapshots_url"] = sections.all_url(
            "databasesizesnapshot", database__instance__id__exact=instance.pk
        )
    if may_see(request, Database):
        known["stack_chart"] = stack_chart(chart, zone)
        known["limits"] = [
            {
                "url": reverse("admin:estate_database_change", args=[one.database_id]),
                "name": one.name,
                "card": limit_card(one.outlook, today),
            }
            for one in database_outlooks(instance, until=today)[:MOST_LIMITS]
        ]
        known["databases"] = sections.databases(largest, chart.trends())
        known["databases_url"] = sections.all_url("database", instance__id__exact=instance.pk)
    if may_see(request, Account):
        known["accounts"] = sections.account_counts(instance)
        known["accounts_url"] = sections.all_url("account", instance__id__exact=instance.pk)
    if may_see(request, AccountChange):
        known["changes"] = sections.account_changes(instance)
        known["changes_url"] = sections.all_url("accountchange", instance__id__exact=instance.pk)
    if may_see(request, PartitionFinding):
        count, known["findings"] = sections.findings(instance)
        known["findings_url"] = sections.all_url(
            "partitionfinding", resolved="no", instance__id__exact=instance.pk
        )
        cards.append(_findings_card(count, known["findings"], known["findings_url"]))
    if sees_sessions:
        known["visits"] = sections.visits(instance)
        known["visits_url"] = sections.all_url("syncsession", instance=instance.pk)
    return {**known, "cards": cards}


def _findings_card(count: int, rows: list[dict[str, Any]], url: str) -> Card:
    if not count:
        return Card(_("Open findings"), "0", _("Partitions are as they should be."), "", url)
    worst = Severity(rows[0]["severity"])
    note = _("the worst: %(severity)s") % {"severity": worst.label}
    return Card(_("Open findings"), str(count), note, TONES.get(worst, ""), url)


def _test_words() -> dict[str, str]:
    """What the script of the form says."""
    return {
        "testing": _("Testing the connection…"),
        "test_lost": _("No answer from the server; the test may not have been made. Try again."),
        "test_refused": _("The server refused to test it: load the page again."),
        "test_expired": _("Your session has ended; nothing was tested. What you typed is kept."),
    }
