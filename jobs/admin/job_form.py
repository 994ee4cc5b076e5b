"""The form of a job. Its checks are control's, and a form that is valid has been carried out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django import forms
from django.contrib.admin import widgets
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import trigger_fields
from jobs.admin.form_texts import as_sent
from jobs.admin.function_field import FunctionSelect, function_choices
from jobs.admin.job_arguments import ArgumentsPart
from jobs.admin.job_conflict import Change, changes_of, compare, read_signed, signed, state_of
from jobs.admin.job_trigger import TriggerPart
from jobs.admin.policy_fields import explain_policies
from jobs.admin.zone_field import ZoneSelect
from jobs.api.job_id import create_by_function
from jobs.control import job as control
from jobs.control.audit import Actor, differing, refusals_recorded
from jobs.control.input import (
    FIELDS,
    POLICIES,
    TRIGGER_FIELDS,
    clean_changes,
    clean_job,
    clean_trigger,
)
from jobs.control.job import JobExists, VersionConflict
from jobs.errors import SchedulerError
from jobs.executions.database import database_now
from jobs.models import AuditEvent, Job
from jobs.triggers import TriggerType

SIMPLE = ("id", "name", "description", "function", "timezone", "is_enabled", "executor", *POLICIES)
"""Fields of a definition that are one field of the form each."""

PARTS = ("args", "kwargs", "trigger_params")
"""Fields of a definition that are taken apart."""


class Intent(StrEnum):
    """What a button asks for, by the name under which it is sent; only SAVE saves."""

    SAVE = "_save"
    PREVIEW = "_preview"
    ARGUMENTS = "_arguments"
    TRIGGER = "_trigger"
    COPY = "_copy"


class JobForm(forms.ModelForm):  # type: ignore[type-arg]  # no subscript at run time
    """Validation asks `control` to make the change, so that its refusals stand at their fields.

    The admin validates a form once, in the transaction that it saves in; there is nothing
    left to save. `actor` is set by the page.
    """

    actor: Actor

    function = forms.ChoiceField(
        label=gettext_lazy("Function"), widget=FunctionSelect(attrs={"data-combobox": ""})
    )
    trigger_type = forms.ChoiceField(
        label=gettext_lazy("Trigger"),
        widget=forms.RadioSelect,
        choices=[
            (TriggerType.CRON.value, gettext_lazy("Cron")),
            (TriggerType.INTERVAL.value, gettext_lazy("Interval")),
            (TriggerType.DATE.value, gettext_lazy("Date")),
        ],
    )
    timezone = forms.CharField(
        label=gettext_lazy("Time zone"),
        required=False,
        widget=ZoneSelect(attrs={"data-combobox": ""}),
        help_text=gettext_lazy("Whose clock the times above are meant by."),
    )
    executor = forms.ChoiceField(
        label=gettext_lazy("Executor"),
        choices=[
            ("threads", gettext_lazy("threads: of the scheduler, quick to start")),
            ("processes", gettext_lazy("processes: of their own, which can be killed")),
        ],
        help_text=gettext_lazy("Where it runs."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    """The job as the page has shown it, signed."""

    class Meta:
        model = Job
        fields = (*SIMPLE, *PARTS, "trigger_type")
        widgets = {"description": widgets.AdminTextareaWidget(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_adding = bool(self.instance._state.adding)
        self.may_edit = "is_enabled" in self.fields
        self.intent = next((one for one in Intent if one in self.data), Intent.SAVE)
        self.conflict: list[Change] = []
        if not self.may_edit:
            return
        self.has_identity = "function" in self.fields
        self.sent = (
            {name: str(self.data.get(name, "")) for name in self.data} if self.is_bound else None
        )
        self.laid_out = set(PARTS)
        if self.is_adding:
            del self.fields["version"], self.fields["seen"]
            self._field("id").required = False
            self._field("id").label = _("ID")
            self._field("id").help_text = _(
                "1 to 100 letters, digits, dots, dashes or underscores; fixed once saved. "
                "Empty: named after the function."
            )
        self._lay_out()

    def is_valid(self) -> bool:
        return super().is_valid() and self.intent is Intent.SAVE

    # What the form asks for

    def _lay_out(self) -> None:
        """The fields that depend on what is stored and on what was typed."""
        self.base = self._seen() or ({} if self.is_adding else state_of(self.instance))
        for name in self.laid_out:
            self.fields.pop(name, None)
        before = set(self.fields)
        if self.sent is not None:
            self.data = self.sent
        self._lay_out_trigger()
        function = self._lay_out_arguments() if self.has_identity else self.instance.function
        self.laid_out = set(self.fields) - before
        explain_policies(self.fields, function)
        if not self.is_adding:
            self.initial.update(version=self.instance.version, seen=signed(self.instance))

    def _lay_out_trigger(self) -> None:
        if self.intent is Intent.TRIGGER and self.sent:
            self.sent.pop(trigger_fields.RAW, None)
        self.trigger = TriggerPart(self.base, self.sent, is_new=self.is_adding)
        self.fields.update(self.trigger.fields)
        self.initial.update(self.trigger.initial)

    def _lay_out_arguments(self) -> str:
        stored = self.base.get("function", "")
        function: str = stored if self.sent is None else self.sent.get("function", "")
        wish = (self.sent or {}).get(Intent.ARGUMENTS, "")
        self.arguments = ArgumentsPart(function, self.base, self.sent, wish=wish)
        self.fields.update(self.arguments.fields)
        self.initial.update(self.arguments.initial)
        self._field("function").choices = function_choices(stored)
        return function

    def _seen(self) -> dict[str, Any] | None:
        """The job as the page has shown it, when it was sent; None if that cannot be read."""
        return read_signed((self.sent or {}).get("seen", ""))

    def _field(self, name: str) -> Any:
        return self.fields[name]

    # What was asked for

    def clean_description(self) -> str:
        # Browsers send each line break as two characters.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def _post_clean(self) -> None:
        """In place of the model's checks, which know less than control's."""
        if self.intent is not Intent.SAVE:
            self._clean_trial()
            return
        self._refuse_what_would_be_lost()
        if self.errors:
            self._judge_trigger()
            return
        action = "job.create" if self.is_adding else "job.change"
        job_id = self.cleaned_data.get("id") or self.instance.pk
        try:
            with refusals_recorded(self.actor, action, job_id=job_id):
                self.instance = self._asked_of_control()
        except SchedulerError as error:
            self._show(error)

    def _clean_trial(self) -> None:
        """Say only what is wrong with that which the button asks for."""
        about = {*self.trigger.fields, "trigger_type", "timezone"}
        for name in list(self.errors):
            if self.intent is not Intent.PREVIEW or name not in about:
                del self.errors[name]
        if self.has_identity:
            for name, problem in self.arguments.problems.items():
                self.add_error(name, problem)
        if self.intent is Intent.PREVIEW:
            self._judge_trigger()

    def _judge_trigger(self) -> None:
        """Say what is wrong with the trigger, whatever else is."""
        asked = self.asked_trigger()
        if not asked or asked == {name: self.base.get(name) for name in TRIGGER_FIELDS}:
            return
        try:
            clean_trigger(asked, now=database_now())
        except SchedulerError as error:
            self._show(error)

    def asked_trigger(self) -> dict[str, Any]:
        """The trigger as it stands in the form; empty if it is not known."""
        if not self.is_bound:
            stored = {**self.trigger.initial, "timezone": self.base.get("timezone", "")}
            return {**self.trigger.given(stored), "timezone": stored["timezone"]}
        if self.errors.keys() & {*self.trigger.fields, "trigger_type", "timezone"}:
            return {}
        cleaned = self.cleaned_data
        return {**self.trigger.given(cleaned), "timezone": cleaned["timezone"]}

    def _refuse_what_would_be_lost(self) -> None:
        if "trigger_type" in self.cleaned_data:
            panels = self.trigger.ignored(self.cleaned_data)
            if panels:
                self.add_error("trigger_type", trigger_fields.refusal(panels))
        lost = self.arguments.lost() if self.has_identity else []
        if lost:
            sentence = _(
                "This function does not take what was typed for another one: %(names)s. "
                "Its own arguments are shown now; check them, and save again."
            )
            self.add_error("function", sentence % {"names": ", ".join(lost)})

    def _asked_of_control(self) -> Job:
        cleaned = self.cleaned_data
        given = {name: cleaned[name] for name in SIMPLE if name in cleaned}
        given |= self.trigger.given(cleaned)
        if self.has_identity:
            given |= self.arguments.given(cleaned)
        if self.is_adding:
            return self._created(given)
        try:
            return control.change(
                self.instance.pk, given, actor=self.actor, expected_version=cleaned["version"]
            )
        except VersionConflict as conflict:
            return self._settled(given, conflict)

    def _created(self, given: dict[str, Any]) -> Job:
        try:
            return create_by_function({**given, "id": given["id"] or None}, actor=self.actor)
        except JobExists:
            # Perhaps it was this very form, whose first answer was lost on its way.
            job = Job.objects.filter(pk=given["id"]).first()
            if job is not None and _was_made(job, given, self.actor):
                return job
            raise

    def _settled(self, given: Mapping[str, Any], conflict: VersionConflict) -> Job:
        """The job, if nothing is left to save; else both changes stand in the form: it raises."""
        job = Job.objects.get(pk=self.instance.pk)
        base, theirs = self._seen(), state_of(job)
        if base is None:
            raise conflict
        mine = clean_changes({name: base[name] for name in FIELDS}, given, now=database_now())
        together, changed, both = compare(base, mine, theirs)
        if not differing(together, {name: theirs[name] for name in FIELDS}):
            return job
        self.conflict = changes_of(job, changed, both, base=base, mine=mine, theirs=theirs)
        merged = Job(**together, version=job.version)
        merged._state.adding = False
        self.sent = {**as_sent(type(self)(instance=merged)), "seen": signed(job)}
        self.instance = job
        self._lay_out()
        raise conflict

    # What is wrong

    def _show(self, error: SchedulerError) -> None:
        if isinstance(error, VersionConflict) and self.conflict:
            self._show_conflict()
            return
        if not error.errors:
            self.add_error(None, error.message)
        for path, sentences in error.errors.items():
            name, part = self._place(path)
            if name not in self.fields:
                name, part = None, path
            for sentence in sentences:
                self.add_error(name, f"{part}: {sentence}" if part else sentence)

    def _place(self, path: str) -> tuple[str | None, str]:
        group, __, part = path.partition(".")
        if group in ("args", "kwargs") and self.has_identity:
            return self.arguments.place(path)
        if group == trigger_fields.RAW:
            return self.trigger.place(path, self.cleaned_data)
        return group, part

    def _show_conflict(self) -> None:
        """Say it at each field that both have changed; the page lists all of it."""
        self.add_error(
            None,
            _("Somebody else has changed this job since you opened it. Nothing is saved yet."),
        )
        for change in self.conflict:
            name, _part = self._place(change.name)
            if change.yours is not None and name in self.fields:
                sentence = _("%(who)s has changed this meanwhile to: %(now)s")
                self.add_error(name, sentence % {"who": change.who, "now": change.now})


def _was_made(job: Job, given: Mapping[str, Any], actor: Actor) -> bool:
    """Whether the last thing that happened to the job is that `actor` made it just so."""
    last = AuditEvent.objects.filter(job_id=job.pk, is_refused=False).first()
    if last is None or (last.actor, last.action) != (actor.name, "job.create"):
        return False
    asked = clean_job(given, now=database_now())
    return not differing(asked, {name: getattr(job, name) for name in FIELDS})
