from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin.display import badge, lines
from jobs.admin.paging import BoundedPaginator
from jobs.estate.admin.account import MOST_LINES, MOST_LINES_OF_A_CHANGE, FlagFilter, label
from jobs.estate.admin.account_display import difference_block, flag_badges
from jobs.estate.admin.base import (
    EMPTY,
    EstatePage,
    InstanceFilter,
    ModelAdmin,
    ReadOnly,
    shown_moment,
)
from jobs.estate.models.account_change import AccountChange


@admin.register(AccountChange)
class AccountChangeAdmin(EstatePage, ReadOnly, ModelAdmin[AccountChange]):
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    empty_sentence = _("No account has changed since the accounts were first read.")
    list_display = ("noticed", "about", "what", "short_difference")
    list_filter = (
        "kind",
        FlagFilter,
        ("instance", InstanceFilter),
        ("at", admin.DateFieldListFilter),
    )
    list_select_related = ("account", "instance")
    search_fields = ("account__name", "account__host")
    sortable_by = ()
    fields = (
        "noticed",
        "what",
        "account_link",
        "instance",
        "full_difference",
        "flagged",
        "session_link",
    )
    noticed = shown_moment("at", _("noticed at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountChange]:
        return super().get_queryset(request).defer("account__state", "account__raw")

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: AccountChange | None = None,
    ) -> HttpResponse:
        if obj is not None:
            title = f"{label(obj.account)}: {obj.get_kind_display()}"
            context.update(title=title, subtitle=None)
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description=_("kind"))
    def what(self, change: AccountChange) -> SafeString:
        return badge(change.kind, change.get_kind_display())

    @admin.display(description=_("account"))
    def account_link(self, change: AccountChange) -> SafeString:
        url = reverse("admin:estate_account_change", args=[change.account_id])
        return format_html('<a href="{}">{}</a>', url, label(change.account))

    @admin.display(description=_("account"))
    def about(self, change: AccountChange) -> SafeString:
        return lines(self.account_link(change), change.instance.name)

    @admin.display(description=_("difference"))
    def short_difference(self, change: AccountChange) -> SafeString:
        """With the flags that it brought, which are why somebody looks."""
        return format_html(
            '{}<div class="sc-flags">{}</div>',
            difference_block(change.difference, MOST_LINES_OF_A_CHANGE) or "",
            flag_badges(change.flags) or "",
        )

    @admin.display(description=_("difference"))
    def full_difference(self, change: AccountChange) -> SafeString | None:
        return difference_block(change.difference, MOST_LINES)

    @admin.display(description=_("flags gained"))
    def flagged(self, change: AccountChange) -> str | SafeString:
        return flag_badges(change.flags) or EMPTY

    @admin.display(description=_("session"))
    def session_link(self, change: AccountChange) -> str | SafeString:
        if change.session_id is None:
            return EMPTY
        url = reverse("admin:estate_syncsession_change", args=[change.session_id])
        return format_html('<a href="{}">#{}</a>', url, change.session_id)
