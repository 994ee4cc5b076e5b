"""The form of a job. Its checks are control's, and a form that is valid has been carried out."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib.admin import widgets
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils import timezone as django_timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.display import moment
from jobs.control import job as control
from jobs.control.audit import Actor, refusals_recorded
from jobs.control.input import POLICIES
from jobs.control.job import VersionConflict
from jobs.errors import SchedulerError
from jobs.models import AuditEvent, Job
from jobs.registry import all_tasks, policies_of, retry_policies_of
from jobs.triggers import TriggerType
from jobs.triggers.zones import known_zones

ASKED = (
    "id",
    "name",
    "description",
    "function",
    "args",
    "kwargs",
    "trigger_type",
    "trigger_params",
    "timezone",
    "is_enabled",
    "executor",
    *POLICIES,
)
"""The fields of a definition that have a field in the form."""

TRIGGER_EXAMPLES = (
    ("cron", '{"cron_expression": "0 3 * * *"}', gettext_lazy("every day at 03:00")),
    ("cron", '{"day_of_week": "mon-fri", "hour": "8", "minute": "*/15"}', ""),
    ("interval", '{"minutes": 15}', gettext_lazy("weeks, days, hours, minutes, seconds")),
    ("date", '{"run_date": "2030-01-31T03:00:00"}', gettext_lazy("once, in the job’s time zone")),
)


class JSONText(forms.JSONField):
    """JSON that is shown again exactly as it was typed, and says where it is wrong."""

    widget = widgets.AdminTextareaWidget(
        attrs={"rows": 3, "class": "sc-json", "spellcheck": "false"}
    )

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return None
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValidationError(_("This is not JSON: %(error)s.") % {"error": error}) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= 80 else json.dumps(value, ensure_ascii=False, indent=2)


class ZoneInput(widgets.AdminTextInputWidget):
    """A text that the browser completes from the zones known here."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        zones = format_html_join(
            "", '<option value="{}"></option>', ((zone,) for zone in sorted(known_zones()))
        )
        box = super().render(name, value, {**(attrs or {}), "list": "sc-zones"}, renderer)
        return format_html('{}<datalist id="sc-zones">{}</datalist>', box, zones)


class JobForm(forms.ModelForm):  # type: ignore[type-arg]  # no subscript at run time
    """Validation asks `control` to make the change, so that its refusals stand at their fields.

    The admin validates a form once, in the transaction that it saves in; there is nothing
    left to save. `actor` is set by the page.
    """

    actor: Actor

    function = forms.ChoiceField(label=gettext_lazy("Function"))
    args = JSONText(
        label=gettext_lazy("Positional arguments"),
        required=False,
        initial=list,
        help_text=gettext_lazy("A JSON list. Named arguments are easier to read."),
    )
    kwargs = JSONText(
        label=gettext_lazy("Arguments"),
        required=False,
        initial=dict,
        help_text=format_lazy('{} <code>{{"days": 7}}</code>', gettext_lazy("By name, as in")),
    )
    trigger_params = JSONText(
        label=gettext_lazy("Trigger parameters"),
        initial={"cron_expression": "0 3 * * *"},
    )
    executor = forms.ChoiceField(
        label=gettext_lazy("Executor"),
        choices=[
            ("threads", gettext_lazy("threads: of the scheduler, quick to start")),
            ("processes", gettext_lazy("processes: of their own, which can be killed")),
        ],
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Job
        fields = ASKED
        widgets = {
            "description": widgets.AdminTextareaWidget(attrs={"rows": 2}),
            "timezone": ZoneInput,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_adding:
            del self.fields["version"]
            self.initial.setdefault("trigger_type", TriggerType.CRON)
        else:
            self.initial["version"] = self.instance.version
        if "function" in self.fields:
            self._field("function").choices = _functions(self.instance.function)
        if "timezone" in self.fields:  # not where the user may only read
            self._explain()

    @property
    def is_adding(self) -> bool:
        return bool(self.instance._state.adding)

    def clean_description(self) -> str:
        # Browsers send each line break as two characters.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def clean_args(self) -> Any:
        value = self.cleaned_data["args"]
        return [] if value is None else value

    def clean_kwargs(self) -> Any:
        value = self.cleaned_data["kwargs"]
        return {} if value is None else value

    def _post_clean(self) -> None:
        """In place of the model's checks, which know less than control's."""
        if self.errors:
            return
        action = "job.create" if self.is_adding else "job.change"
        job_id = self.cleaned_data.get("id") or self.instance.pk
        try:
            with refusals_recorded(self.actor, action, job_id=job_id):
                self.instance = self._asked_of_control()
        except SchedulerError as error:
            self._show(error)

    def _asked_of_control(self) -> Job:
        given = {name: self.cleaned_data[name] for name in ASKED if name in self.cleaned_data}
        if self.is_adding:
            return control.create(given, actor=self.actor)
        return control.change(
            self.instance.pk,
            given,
            actor=self.actor,
            expected_version=self.cleaned_data["version"],
        )

    def _show(self, error: SchedulerError) -> None:
        if not error.errors:
            self.add_error(None, error.message)
        for path, sentences in error.errors.items():
            name, __, part = path.partition(".")
            at = name if name in self.fields else None
            about = part if at else path
            for sentence in sentences:
                self.add_error(at, f"{about}: {sentence}" if about else sentence)
        if isinstance(error, VersionConflict):
            last = AuditEvent.objects.filter(job_id=self.instance.pk, is_refused=False).first()
            if last is not None:
                self.add_error(None, _last_change(last))

    def _explain(self) -> None:
        """Examples, and the defaults that a field left empty inherits."""
        self._field("trigger_params").help_text = _examples()
        self._field("timezone").help_text = _default_zone()
        job = Job(function=self.instance.function)
        for name, value in {**asdict(policies_of(job)), **asdict(retry_policies_of(job))}.items():
            field = self._field(name)
            if isinstance(value, bool):
                field.widget.choices = [
                    ("unknown", _("inherited: yes") if value else _("inherited: no")),
                    ("true", _("yes")),
                    ("false", _("no")),
                ]
            else:
                default = _("Empty: %(value)s, as inherited.") % {"value": value}
                field.help_text = format_lazy("{} {}", field.help_text, default)

    def _field(self, name: str) -> Any:
        return self.fields[name]


def _functions(present: str) -> list[tuple[str, str]]:
    """Registered tasks, and first what the job has now: nothing yet, or a task that has gone."""
    choices = [(task.name, f"{task.label} ({task.name})") for task in all_tasks()]
    if not present:
        return [("", "---------"), *choices]
    if present not in dict(choices):
        gone = _("%(name)s (not registered any more)") % {"name": present}
        return [(present, gone), *choices]
    return choices


def _examples() -> SafeString:
    rows = format_html_join(
        "",
        "<li>{}: <code>{}</code> {}</li>",
        ((kind, code, text) for kind, code, text in TRIGGER_EXAMPLES),
    )
    return format_html('<ul class="sc-examples">{}</ul>', rows)


def _default_zone() -> str:
    return _("Of the trigger, as in Europe/Berlin. Empty: %(zone)s, the server’s.") % {
        "zone": django_timezone.get_default_timezone_name()
    }


def _last_change(event: AuditEvent) -> SafeString:
    return format_html(
        _("The last change: {action} by {who}, {when}."),
        action=event.action,
        who=event.actor,
        when=moment(event.at),
    )
