"""Alert channels. Their addresses are typed in, and never shown again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from jobs.admin.alert_page import DISABLED, ENABLED, AlertForm, AlertPage
from jobs.admin.display import badge, lines, moment
from jobs.admin.rights import actor_of
from jobs.control import alert_channel as control
from jobs.control.audit import Actor
from jobs.errors import NotFound
from jobs.models import AlertChannel, AlertRule


class AddressInput(forms.TextInput):
    """Seen while it is typed, as it is long, and not sent back."""

    def format_value(self, value: Any) -> None:
        return None


class ChannelForm(AlertForm):
    noun = "channel"

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=control.MAX_URL,
        widget=AddressInput(attrs={"autocomplete": "off", "class": "vURLField"}),
        help_text=gettext_lazy(
            "As apprise reads it, such as mailtos://user:password@example.org?to=dba@example.org "
            "or jsons://hooks.example.org/path; docs/alerts.md has more. Stored encrypted and "
            "never shown."
        ),
    )

    class Meta:
        model = AlertChannel
        fields = ("name", "url", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            address = self.fields["url"]
            address.label, address.required = _("New address"), False
            address.help_text = f"{address.help_text} {_('Leave it empty to keep the stored one.')}"

    @method_decorator(sensitive_variables())
    def save_through_control(self) -> AlertChannel:
        data = {name: self.cleaned_data[name] for name in control.FIELDS}
        if self.instance.pk is None:
            return control.create(data, actor=self.actor)
        return control.change(self.instance.pk, data, actor=self.actor)


@admin.register(AlertChannel)
class AlertChannelAdmin(AlertPage):
    audited_as = "channel"
    form = ChannelForm
    change_form_template = "admin/jobs/change_form.html"
    empty_sentence = gettext_lazy("There is none yet, so nobody is told when a job fails.")
    list_display = ("about", "standing", "rule_names")
    list_filter = ("is_enabled",)
    search_fields = ("name", "shown")
    fields = ("name", "shown", "url", "is_enabled", "last_sent", "last_failure")
    readonly_fields = ("shown", "last_sent", "last_failure")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request).prefetch_related("rules")
        return found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is not None else ("name", "url", "is_enabled")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.test_view))
        test = path("<path:object_id>/test/", view, name="jobs_alertchannel_test")
        return [test, *super().get_urls()]

    @method_decorator(sensitive_post_parameters("url"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = dict(extra_context or {})
        if object_id is not None:
            url = reverse("admin:jobs_alertchannel_test", args=[object_id])
            context["buttons"] = [{"url": url, "label": _("Send test")}]
        return super().changeform_view(request, object_id, form_url, context)

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        channel = self.get_object(request, object_id)
        if channel is None:
            raise Http404
        try:
            error = control.send_test(channel.pk, actor=actor_of(request))
        except NotFound:
            raise Http404 from None
        if error:
            sentence = _("The test did not reach “%(name)s”: %(error)s")
            told = sentence % {"name": channel.name, "error": error}
            self.message_user(request, told, messages.ERROR)
        else:
            sentence = _("The test was sent to “%(name)s”; see whether it has come.")
            self.message_user(request, sentence % {"name": channel.name}, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:jobs_alertchannel_change", args=[object_id]))

    def remove(self, obj: AlertChannel, actor: Actor) -> None:
        control.delete(obj.pk, actor=actor)

    def needed_by(self, objs: Sequence[Any] | QuerySet[Any]) -> list[str]:
        rules = AlertRule.objects.filter(channels__in=[obj.pk for obj in objs]).distinct()
        return [
            _("Rule “%(name)s”") % {"name": name} for name in rules.values_list("name", flat=True)
        ]

    @admin.display(description=gettext_lazy("channel"), ordering="name")
    def about(self, channel: AlertChannel) -> SafeString:
        return lines(channel.name, channel.shown)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, channel: AlertChannel) -> SafeString:
        sent = moment(channel.last_sent_at)
        told = format_html(_("last sent {}"), sent) if sent else _("never sent")
        if not channel.is_enabled:
            return lines(badge("disabled", str(DISABLED)), told)
        if channel.is_failing:
            return lines(badge("failed", _("failing")), channel.last_error, told)
        return lines(badge("scheduled", str(ENABLED)), told)

    @admin.display(description=gettext_lazy("last sent"))
    def last_sent(self, channel: AlertChannel) -> SafeString | str:
        return moment(channel.last_sent_at) or _("never")

    @admin.display(description=gettext_lazy("last error"))
    def last_failure(self, channel: AlertChannel) -> SafeString | str:
        if not channel.is_failing:
            return _("none")
        return lines(channel.last_error, moment(channel.last_error_at))

    @admin.display(description=gettext_lazy("rules"))
    def rule_names(self, channel: AlertChannel) -> SafeString:
        names = [rule.name for rule in channel.rules.all()]
        if not names:
            return lines(_("no rule"), _("it is told nothing"))
        count = ngettext("%(n)d rule", "%(n)d rules", len(names)) % {"n": len(names)}
        return lines(count, ", ".join(names))
