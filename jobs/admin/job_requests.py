"""What is asked of a job with something to fill in: run with other arguments, pause until.

Each is a page with a form; the list opens the same form in a dialog. As with the form of a job,
a form that is valid has been carried out.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.commands import CommandsAdmin, is_from_script, said
from jobs.admin.display import moment, zone_of
from jobs.admin.job_arguments import ArgumentsPart
from jobs.admin.job_commands import RUN
from jobs.admin.rights import actor_of, user_of
from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.control.audit import refusals_recorded
from jobs.control.rights import require_right_to_run
from jobs.errors import SchedulerError
from jobs.models import Job
from jobs.models.rights import Right, has_right


class JobRequest(forms.Form):
    """`job`, and `request` of whoever asks."""

    heading: str | Promise
    label: str | Promise
    right: Right
    action: str
    """What the audit calls it."""

    def __init__(self, data: Any, *, job: Job, request: HttpRequest) -> None:
        super().__init__(data)
        self.job = job
        self.request = request

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            actor = actor_of(self.request)
            try:
                with refusals_recorded(actor, self.action, job_id=self.job.pk):
                    self.carry_out(cleaned)
            except SchedulerError as error:
                self._show(error)
        return cleaned

    def carry_out(self, cleaned: dict[str, Any]) -> None:
        """Raises SchedulerError; `done` says afterwards what was done."""
        raise NotImplementedError

    def done(self) -> str | SafeString:
        raise NotImplementedError

    def place(self, path: str) -> tuple[str | None, str]:
        """The field for an error of control's, and the part of it that is wrong."""
        name, _dot, part = path.partition(".")
        return name, part

    def _show(self, error: SchedulerError) -> None:
        if not error.errors:
            self.add_error(None, error.message)
        for where, sentences in error.errors.items():
            name, part = self.place(where)
            for sentence in sentences:
                text = f"{part}: {sentence}" if part else sentence
                self.add_error(name if name in self.fields else None, text)


class RunRequest(JobRequest):
    heading = gettext_lazy("Run with other arguments")
    label = gettext_lazy("Run now")
    right = "run_job"
    action = "job.run"

    def __init__(self, data: Any, *, job: Job, request: HttpRequest) -> None:
        super().__init__(data, job=job, request=request)
        stored = {"args": job.args, "kwargs": job.kwargs}
        sent = None if data is None else {name: str(value) for name, value in data.items()}
        self.arguments = ArgumentsPart(job.function, stored, sent, wish="")
        self.fields.update(self.arguments.fields)
        del self.fields["args"]  # these stay the job's own
        if has_right(user_of(request), "manage_job", job.pk):
            self.fields["force"] = forms.BooleanField(
                label=_("Even if as many runs are going as the job allows"), required=False
            )

    def carry_out(self, cleaned: dict[str, Any]) -> None:
        kwargs = self.arguments.given(cleaned)["kwargs"]
        force = cleaned.get("force", False)
        require_right_to_run(
            user_of(self.request), self.job, args=self.job.args, kwargs=kwargs, force=force
        )
        self.execution = execution_control.run_now(
            self.job.pk, actor=actor_of(self.request), kwargs=kwargs, force=force
        )

    def place(self, path: str) -> tuple[str | None, str]:
        return self.arguments.place(path)

    def done(self) -> str | SafeString:
        return said(RUN, self.job, self.execution)


class PauseRequest(JobRequest):
    heading = gettext_lazy("Pause until")
    label = gettext_lazy("Pause")
    right = "manage_job"
    action = "job.pause"

    until = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: until somebody resumes it."),
    )

    def __init__(self, data: Any, *, job: Job, request: HttpRequest) -> None:
        super().__init__(data, job=job, request=request)
        zone = zone_of(job)
        self.fields["until"].label = _("Until (%(zone)s)") % {"zone": zone}
        if job.paused_until:
            self.initial["until"] = timezone.make_naive(job.paused_until, zone)

    def full_clean(self) -> None:
        with timezone.override(zone_of(self.job)):
            super().full_clean()

    def carry_out(self, cleaned: dict[str, Any]) -> None:
        until = cleaned["until"]
        self.job = control.pause(self.job.pk, actor=actor_of(self.request), until=until)

    def done(self) -> str | SafeString:
        until = self.job.paused_until
        if until is None:
            return _("Paused: %(name)s.") % {"name": self.job}
        return format_html(
            _("Paused until {}: {}."), moment(until, zone_of(self.job)), self.job.name
        )


class JobRequestAdmin(CommandsAdmin):
    requests: dict[str, type[JobRequest]] = {"run": RunRequest, "pause": PauseRequest}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.request_view)
        pages = [
            path(
                f"<str:object_id>/{name}/",
                view,
                {"form_class": form_class},
                name=f"jobs_job_{name}",
            )
            for name, form_class in self.requests.items()
        ]
        return [*pages, *super().get_urls()]

    def request_view(
        self, request: HttpRequest, object_id: str, form_class: type[JobRequest]
    ) -> HttpResponse:
        job = self.get_object(request, unquote(object_id))
        if job is None:
            raise Http404
        if not self.may(request, form_class.right, job):
            raise PermissionDenied
        form = form_class(
            request.POST if request.method == "POST" else None, job=job, request=request
        )
        if form.is_valid():
            return self.answer(request, job, messages.SUCCESS, form.done())
        context = {
            **self.admin_site.each_context(request),
            "title": form.heading,
            "subtitle": job.name,
            "opts": self.opts,
            "original": job,
            "form": form,
            "action": request.path,
            "media": self.media,
        }
        if is_from_script(request):
            html = render_to_string("admin/jobs/job/request_form.html", context, request)
            return JsonResponse({"form": html}, status=400 if form.is_bound else 200)
        return TemplateResponse(request, "admin/jobs/job/request.html", context)
