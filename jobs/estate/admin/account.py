from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.display import badge, lines, moment, text_block
from jobs.admin.paging import BoundedPaginator
from jobs.estate.admin.account_display import (
    attribute_lines,
    difference_block,
    flag_badges,
    grant_line,
    listed,
    membership_line,
)
from jobs.estate.admin.base import (
    EMPTY,
    EstatePage,
    InstanceFilter,
    ModelAdmin,
    ReadOnly,
    shown_moment,
)
from jobs.estate.models.account import Account, Flag, with_flag
from jobs.estate.models.account_change import AccountChange

MOST_LINES = 1000
"""Of the grants of one account that a page shows."""

MOST_CHANGES = 50
MOST_LINES_OF_A_CHANGE = 20


def shown_answer(name: str, label: Any) -> Callable[[Any, Any], str]:
    """A method that shows the field `name` in words: a tick or a cross would praise or blame."""

    @admin.display(description=label)
    def show(page: Any, row: Any) -> str:
        value = getattr(row, name)
        if value is None:
            return _("not known")
        return _("yes") if value else _("no")

    return show


class FlagFilter(admin.SimpleListFilter):
    title = gettext_lazy("flag")
    parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Flag.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        flag = self.value()
        return queryset.filter(with_flag(flag)) if flag in Flag.values else queryset


class PresenceFilter(admin.SimpleListFilter):
    title = gettext_lazy("presence")
    parameter_name = "removed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("no", gettext_lazy("There")), ("yes", gettext_lazy("Removed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("no", "yes"):
            return queryset
        return queryset.filter(removed_at__isnull=self.value() == "no")


class AccountList(ChangeList):
    """Without the columns that a list has no use for and that may be large."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        return super().get_queryset(request, *args, **kwargs).defer("state", "raw")


@admin.register(Account)
class AccountAdmin(EstatePage, ReadOnly, ModelAdmin[Account]):
    change_form_template = "admin/estate/account/change_form.html"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    empty_sentence = gettext_lazy(
        "None has been read yet: the job “Account sync” (sync_accounts) does."
    )
    list_display = ("about", "what", "flagged", "presence")
    list_filter = (
        FlagFilter,
        PresenceFilter,
        ("instance", InstanceFilter),
        "is_role",
        "is_superuser",
        "is_locked",
    )
    list_select_related = ("instance",)
    search_fields = ("name", "host")
    ordering = ("instance_id", "name", "host")  # what the unique constraint's index has
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("instance", "kind", "flagged", "unread")}),
        (gettext_lazy("Login"), {"fields": ("login", "locked", "password", "expiry")}),
        (
            gettext_lazy("Rights"),
            {"fields": ("superuser", "memberships", "grants", "attributes")},
        ),
        (gettext_lazy("Presence"), {"fields": ("seen_first", "seen_last", "removed")}),
        (gettext_lazy("As the server says"), {"fields": ("raw_block",)}),
    )
    seen_first = shown_moment("first_seen", gettext_lazy("first seen"))
    seen_last = shown_moment("last_seen", gettext_lazy("last seen"))
    superuser = shown_answer("is_superuser", gettext_lazy("superuser"))
    login = shown_answer("can_login", gettext_lazy("can log in"))
    locked = shown_answer("is_locked", gettext_lazy("locked"))
    password = shown_answer("has_password", gettext_lazy("has a password"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AccountList

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Account | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context.update(title=label(obj), subtitle=None)
            context["changes"] = [_shown(one) for one in obj.changes.all()[:MOST_CHANGES]]
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description=gettext_lazy("account"))
    def about(self, account: Account) -> SafeString:
        return lines(label(account), account.instance.name)

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, account: Account) -> str:
        return _("role") if account.is_role else _("user")

    @admin.display(description=gettext_lazy("kind"))
    def what(self, account: Account) -> SafeString:
        return lines(self.kind(account), badge("locked", _("locked")) if account.is_locked else "")

    @admin.display(description=gettext_lazy("flags"))
    def flagged(self, account: Account) -> str | SafeString:
        return flag_badges(account.flags) or EMPTY

    @admin.display(description=gettext_lazy("not read"))
    def unread(self, account: Account) -> SafeString:
        """What the last reading could not tell: of some it is known how it was, of others not."""
        unknown = set(account.state["unknown"])
        kept = [name for name in account.state["unread"] if name not in unknown]
        return lines(
            ", ".join(account.state["unread"]) or EMPTY,
            _("Shown as last read: %(names)s.") % {"names": ", ".join(kept)} if kept else "",
        )

    @admin.display(description=gettext_lazy("expires at"))
    def expiry(self, account: Account) -> str | SafeString:
        never = _("never") if account.state["never_expires"] else EMPTY
        return moment(account.expires_at) or never

    @admin.display(description=gettext_lazy("last seen"))
    def presence(self, account: Account) -> SafeString:
        if account.removed_at is not None:
            return lines(badge("removed", _("removed")), moment(account.removed_at))
        return lines(moment(account.last_seen))

    @admin.display(description=gettext_lazy("removed at"))
    def removed(self, account: Account) -> str | SafeString:
        return moment(account.removed_at) or EMPTY

    @admin.display(description=gettext_lazy("attributes"))
    def attributes(self, account: Account) -> str | SafeString:
        return listed(attribute_lines(account.state["attributes"]), MOST_LINES) or EMPTY

    @admin.display(description=gettext_lazy("member of"))
    def memberships(self, account: Account) -> str | SafeString:
        lines = [membership_line(one) for one in account.state["memberships"]]
        return listed(lines, MOST_LINES) or _("of no role")

    @admin.display(description=gettext_lazy("grants"))
    def grants(self, account: Account) -> str | SafeString:
        lines = [grant_line(grant) for grant in account.state["grants"]]
        if not lines and account.is_superuser:
            return _("none, and none needed: a superuser may do everything")
        return listed(lines, MOST_LINES) or _("none")

    @admin.display(description=gettext_lazy("catalog"))
    def raw_block(self, account: Account) -> SafeString | None:
        text = json.dumps(account.raw, ensure_ascii=False, indent=2)
        return text_block(text, folded=_("Its columns"))


def label(account: Account) -> str:
    if account.name:
        return str(account)
    return _("(anonymous)") + (f"@{account.host}" if account.host else "")


def _shown(change: AccountChange) -> dict[str, Any]:
    return {
        "at": moment(change.at),
        "kind": badge(change.kind, change.get_kind_display()),
        "difference": difference_block(change.difference, MOST_LINES_OF_A_CHANGE),
        "flags": flag_badges(change.flags) or EMPTY,
    }
