"""What channels were told, and what they are yet to be told: read-only, for who manages all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.alert_page import ChannelFilter, ManagersPage
from jobs.admin.display import badge, lines, moment, text_block
from jobs.models import AlertMessage


@admin.register(AlertMessage)
class AlertMessageAdmin(ManagersPage):
    audited_as = "message"
    empty_sentence = gettext_lazy("Nobody was told anything yet.")
    list_display = ("about", "standing")
    list_display_links = ("about",)
    list_filter = (("channel", ChannelFilter),)
    search_fields = ("subject",)
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = ("title", "channel_name", "state", "created", "sent", "text")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("message"))
    def about(self, message: AlertMessage) -> SafeString:
        return lines(self.title(message), _("to %(channels)s") % {"channels": message.channel_name})

    @admin.display(description=gettext_lazy("state"))
    def standing(self, message: AlertMessage) -> SafeString:
        created = format_html(_("created {}"), self.created(message))
        return lines(self.state(message), self.sent(message), created)

    @admin.display(description=gettext_lazy("subject"))
    def title(self, message: AlertMessage) -> str:
        return message.subject or _("is being put together")

    @admin.display(description=gettext_lazy("state"))
    def state(self, message: AlertMessage) -> SafeString:
        if message.sent_at is not None:
            return badge("succeeded", _("sent"))
        if message.gave_up_at is not None:
            return lines(badge("failed", _("given up")), message.error)
        tried = ngettext("%(n)d attempt", "%(n)d attempts", message.attempts)
        tried = tried % {"n": message.attempts} if message.attempts else ""
        return lines(badge("queued", _("waiting")), tried, message.error)

    @admin.display(description=gettext_lazy("created"))
    def created(self, message: AlertMessage) -> SafeString | None:
        return moment(message.created_at)

    @admin.display(description=gettext_lazy("sent"), empty_value="–")
    def sent(self, message: AlertMessage) -> SafeString | None:
        return moment(message.sent_at)

    @admin.display(description=gettext_lazy("text"), empty_value="–")
    def text(self, message: AlertMessage) -> Any:
        return text_block(message.body)
