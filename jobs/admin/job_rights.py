"""The page of a job's rights: who holds which, and to give and take them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.commands import Button, CommandsAdmin
from jobs.admin.rights import actor_of, user_of
from jobs.control.audit import refusals_recorded
from jobs.control.rights import set_right
from jobs.errors import SchedulerError
from jobs.models import Job
from jobs.models.grant import Grant, grants_on, grants_on_all
from jobs.models.rights import Right, has_right

RIGHTS: dict[Right | str, Any] = {
    "view_job": gettext_lazy("view"),
    "run_job": gettext_lazy("view and run"),
    "manage_job": gettext_lazy("view, run and manage"),
}
NO_RIGHT = ""

MOST_SUGGESTED = 200
"""Names of users that a browser offers to those who may see users anyway."""


class GrantForm(forms.Form):
    """Validation asks `control` to give the right, so that its refusals stand at their fields.

    `request` is that of whoever gives it. Users are typed: to manage a job is no right to read
    the list of all users.
    """

    user = UsernameField(
        label=gettext_lazy("User"),
        required=False,
        help_text=gettext_lazy("The name with which they log in."),
    )
    group = forms.ChoiceField(label=gettext_lazy("or group"), required=False)
    right = forms.ChoiceField(
        label=gettext_lazy("Right"),
        required=False,
        initial="view_job",
        choices=[*RIGHTS.items(), (NO_RIGHT, gettext_lazy("none on this job alone"))],
    )

    def __init__(self, data: Any, *, job: Job, request: HttpRequest) -> None:
        super().__init__(data)
        self.job = job
        self.request = request
        names = Group.objects.order_by("name").values_list("name", flat=True)
        group: Any = self.fields["group"]
        group.choices = [("", "---------"), *((name, name) for name in names)]
        self.fields["user"].widget.attrs = {"list": "sc-users", "autocapitalize": "none"}

    def _post_clean(self) -> None:
        if self.errors:
            return
        actor = actor_of(self.request)
        try:
            with refusals_recorded(actor, "rights.change", job_id=self.job.pk):
                set_right(
                    self.job.pk,
                    self.cleaned_data["right"] or None,
                    user=self.cleaned_data["user"] or None,
                    group=self.cleaned_data["group"] or None,
                    requester=user_of(self.request),
                    actor=actor,
                )
        except SchedulerError as error:
            for name, sentences in (error.errors or {"": [error.message]}).items():
                self.add_error(name or None, list(sentences))

    def suggested(self) -> list[str]:
        if not user_of(self.request).has_perm("auth.view_user"):
            return []
        users = User.objects.filter(is_active=True).order_by("username")
        return list(users.values_list("username", flat=True)[:MOST_SUGGESTED])

    def done(self) -> str:
        given = self.cleaned_data
        said = {"name": given["user"] or given["group"], "right": RIGHTS.get(given["right"])}
        if given["right"] == NO_RIGHT:
            return _("“%(name)s” holds no right on this job alone any more.") % said
        return _("“%(name)s” may now %(right)s this job.") % said


class JobRightsAdmin(CommandsAdmin):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rights_view)
        page = path("<path:object_id>/rights/", view, name="jobs_job_rights")
        return [page, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        job = context.get("original")
        if job is not None and self.may(request, "manage_job", job):
            link = Button(_("Rights"), self._url("rights", quote(job.pk)))
            context["links"] = [*context.get("links", []), link]
        return super().render_change_form(request, context, *args, **kwargs)

    def rights_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, unquote(object_id))
        if job is None:
            raise Http404
        if not self.may(request, "manage_job", job):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        form = GrantForm(sent, job=job, request=request)
        if form.is_valid():
            self.message_user(request, form.done(), messages.SUCCESS)
            return HttpResponseRedirect(self._after_grant(request, job))
        # Who manages one job alone is not told of everybody.
        sees_all = has_right(user_of(request), "manage_job")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Rights on this job"),
            "subtitle": job.name,
            "opts": self.opts,
            "original": job,
            "form": form,
            "grants": [(grant, _choices(grant)) for grant in grants_on(job.pk)],
            "grants_on_all": [(grant, RIGHTS[grant.right]) for grant in grants_on_all()]
            if sees_all
            else None,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/jobs/job/rights.html", context)

    def _after_grant(self, request: HttpRequest, job: Job) -> str:
        """Here again, but for who has just taken away their own right to be here."""
        if self.may(request, "manage_job", job):
            return self._url("rights", quote(job.pk))
        if self.may(request, "view_job", job):
            return self._url("change", quote(job.pk))
        return self._url("changelist")


def _choices(grant: Grant) -> list[tuple[str, Any, bool]]:
    """Value, label, and whether it is what they hold."""
    return [
        *((right, label, right == grant.right) for right, label in RIGHTS.items()),
        (NO_RIGHT, _("none"), False),
    ]
