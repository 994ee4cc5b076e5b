"""Alert rules, and what each would do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.alert_page import DISABLED, ENABLED, AlertForm, AlertPage, ChannelFilter
from jobs.admin.display import badge, duration, lines
from jobs.alerts.preview import Preview, preview
from jobs.control import alert_rule as control
from jobs.control.audit import Actor
from jobs.executions.database import database_now
from jobs.models import AlertRule

EVERY_JOB = "*"

PREVIEW = "_preview"
"""Name of the button that asks what the rule would do."""


class RuleForm(AlertForm):
    noun = "rule"

    class Meta:
        model = AlertRule
        fields = control.FIELDS
        widgets = {"channels": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels: Any = self.fields["channels"]
        if not channels.queryset.exists():
            channels.help_text = _("There is none yet: the plus adds one.")

    def asked(self) -> dict[str, Any]:
        """What was typed, as `control` takes it."""
        channels = [channel.name for channel in self.cleaned_data["channels"]]
        return {**{n: self.cleaned_data[n] for n in control.FIELDS}, "channels": channels}

    def save_through_control(self) -> AlertRule:
        if self.instance.pk is None:
            return control.create(self.asked(), actor=self.actor)
        return control.change(self.instance.pk, self.asked(), actor=self.actor)


class PreviewedRuleForm(RuleForm):
    """What was typed is checked as ever, and never saved."""

    def save_through_control(self) -> AlertRule:
        cleaned, _channels = control.clean(self.asked())
        return AlertRule(pk=self.instance.pk, **cleaned)

    def is_valid(self) -> bool:
        super().is_valid()
        return False


@admin.register(AlertRule)
class AlertRuleAdmin(AlertPage):
    audited_as = "rule"
    form = RuleForm
    change_form_template = "admin/jobs/alertrule/change_form.html"
    empty_sentence = gettext_lazy("There is none yet, so nobody is told when a job fails.")
    list_display = ("about", "condition", "channel_names", "state")
    list_filter = ("kind", "is_enabled", ("channels", ChannelFilter))
    search_fields = ("name", "pattern")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request).prefetch_related("channels")
        return found

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if request.method == "POST" and PREVIEW in request.POST:
            kwargs["form"] = PreviewedRuleForm
        return super().get_form(request, obj, change, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form = context["adminform"].form
        is_asked = isinstance(form, PreviewedRuleForm) and not form.errors
        is_saved = not form.is_bound and form.instance.pk is not None
        if is_asked or is_saved:
            context["preview"] = _shown(preview(form.instance, database_now()))
        if isinstance(form, PreviewedRuleForm) and not form.errors:
            context["errors"] = None  # nothing is wrong; it was only not saved
        return super().render_change_form(request, context, *args, **kwargs)

    def remove(self, obj: AlertRule, actor: Actor) -> None:
        control.delete(obj.pk, actor=actor)

    @admin.display(description=gettext_lazy("rule"), ordering="name")
    def about(self, rule: AlertRule) -> SafeString:
        is_every = rule.pattern == EVERY_JOB
        return lines(
            rule.name, _("all jobs") if is_every else _("jobs %(ids)s") % {"ids": rule.pattern}
        )

    @admin.display(description=gettext_lazy("when"))
    def condition(self, rule: AlertRule) -> SafeString:
        kind = rule.get_kind_display()
        if rule.duration_s:
            kind = f"{kind} {duration(rule.duration_s)}"
        row = ngettext("%(n)d time in a row", "%(n)d times in a row", rule.threshold)
        return lines(kind, row % {"n": rule.threshold} if rule.threshold > 1 else "")

    @admin.display(description=gettext_lazy("channels"))
    def channel_names(self, rule: AlertRule) -> str:
        names = ", ".join(channel.name for channel in rule.channels.all())
        return _("to %(channels)s") % {"channels": names} if names else _("to nobody")

    @admin.display(description=gettext_lazy("state"))
    def state(self, rule: AlertRule) -> SafeString:
        if rule.is_enabled:
            return badge("scheduled", str(ENABLED))
        return badge("disabled", str(DISABLED))


def _shown(found: Preview) -> dict[str, Any]:
    sentence = ngettext(
        "It is about %(n)d job as things stand.",
        "It is about %(n)d jobs as things stand.",
        found.matches,
    )
    more = found.matches - len(found.job_ids)
    return {
        "matches": sentence % {"n": found.matches},
        "job_ids": found.job_ids,
        "more": _("and %(n)d more") % {"n": more} if more else "",
        "text": found.text,
    }
