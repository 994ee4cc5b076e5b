"""API tokens: everybody's own; a superuser sees and makes those of all. None is ever changed
or deleted, only revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from jobs.admin.display import badge, lines, moment
from jobs.admin.rights import OfferedActions, actor_of, user_of
from jobs.control import token as control
from jobs.control.audit import Actor, refusals_recorded
from jobs.errors import SchedulerError
from jobs.executions.database import database_clock
from jobs.models import ApiToken
from jobs.models.rights import has_right_anywhere


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # no subscript at run time
    """Validation asks `control` to make the token, so that its refusals stand at their fields.

    `owner` is whose it is where nobody can be chosen; both are set by the page.
    """

    actor: Actor
    owner: User
    text = ""
    """Of the token that was made."""

    days = forms.IntegerField(
        label=gettext_lazy("Days"),
        initial=control.DEFAULT_DAYS,
        min_value=1,
        max_value=control.MAX_DAYS,
        help_text=gettext_lazy("Then it expires."),
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "scope")

    @method_decorator(sensitive_variables())
    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            with refusals_recorded(self.actor, "token.create"):
                self.instance, self.text = control.create(
                    self.cleaned_data.get("user", self.owner),
                    name=self.cleaned_data["name"],
                    scope=self.cleaned_data["scope"],
                    days=self.cleaned_data["days"],
                    actor=self.actor,
                )
        except SchedulerError as error:
            if not error.errors:
                self.add_error(None, error.message)
            for name, sentences in error.errors.items():
                self.add_error(name if name in self.fields else None, list(sentences))


@admin.register(ApiToken)
class ApiTokenAdmin(OfferedActions):
    audited_as = "token"
    form = TokenForm
    change_list_template = "admin/jobs/card_list.html"
    empty_sentence = gettext_lazy("There is none yet. A program that calls the API needs one.")
    list_display = ("title", "holder", "standing", "last_use")
    list_display_links = ("title",)
    list_filter = ("scope",)
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "beginning")
    sortable_by = ()
    actions = ("revoke",)
    shown = ("title", "owner", "scope", "state", "made", "ends", "used", "revoked")

    class Media:
        css = {"all": ["jobs/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        tokens: QuerySet[Any] = super().get_queryset(request).annotate(seen_at=database_clock())
        user = user_of(request)
        return tokens if user.is_superuser else tokens.filter(user=user)

    # Rights

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_right_anywhere(user_of(request), "view_job")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # To make one

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return self.shown
        own = ("name", "scope", "days")
        return ("user", *own) if user_of(request).is_superuser else own

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.shown if obj is not None else ()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor, form.owner = actor_of(request), user_of(request)
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        one_at_a_time = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, {**context, **one_at_a_time}, *args, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        return {"user": user_of(request).pk, **super().get_changeform_initial_data(request)}

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        form.instance.text = form.text
        return form.instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the form's validation has made it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing is related."""

    @method_decorator(sensitive_variables())
    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The one page that shows the token's text: no message, which would be stored, and no
        redirect, whose target could be opened again."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The token “%(name)s”") % {"name": obj.name},
            "opts": self.opts,
            "token": obj,
            "ends": moment(obj.expires_at),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/jobs/apitoken/created.html", context)

    @method_decorator(never_cache)
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().add_view(request, *args, **kwargs)

    # To revoke one

    @admin.action(description=gettext_lazy("Revoke selected tokens"), permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        done = [control.revoke(token.pk, actor=actor_of(request)) for token in queryset]
        sentence = ngettext("%(n)d token is revoked.", "%(n)d tokens are revoked.", len(done))
        self.message_user(request, sentence % {"n": len(done)}, messages.SUCCESS)

    # What is shown

    @admin.display(description=gettext_lazy("name"))
    def title(self, token: ApiToken) -> SafeString:
        return lines(token.name, f"{token.beginning}…")

    @admin.display(description=gettext_lazy("user"), ordering="user")
    def holder(self, token: ApiToken) -> SafeString:
        return lines(self.owner(token), token.get_scope_display())

    @admin.display(description=gettext_lazy("state"))
    def standing(self, token: Any) -> SafeString:
        ends = self.ends(token)
        return lines(self.state(token), format_html(_("expires {}"), ends) if ends else "")

    @admin.display(description=gettext_lazy("last used"))
    def last_use(self, token: ApiToken) -> SafeString:
        if token.last_used_at is None:
            return lines(_("never used"))
        used = format_html(_("used {}"), moment(token.last_used_at))
        return lines(used, token.last_used_from or "")

    @admin.display(description=gettext_lazy("user"))
    def owner(self, token: ApiToken) -> str:
        return token.user.get_username()

    @admin.display(description=gettext_lazy("state"))
    def state(self, token: Any) -> SafeString:
        if token.revoked_at is not None:
            return badge("disabled", _("revoked"))
        if token.is_expired(token.seen_at):
            return badge("disabled", _("expired"))
        return badge("scheduled", _("live"))

    @admin.display(description=gettext_lazy("created"))
    def made(self, token: ApiToken) -> SafeString:
        return lines(moment(token.created_at), _("by %(who)s") % {"who": token.created_by})

    @admin.display(description=gettext_lazy("expires"))
    def ends(self, token: ApiToken) -> SafeString | None:
        return moment(token.expires_at)

    @admin.display(description=gettext_lazy("last used"))
    def used(self, token: ApiToken) -> SafeString | str:
        if token.last_used_at is None:
            return _("never")
        return lines(moment(token.last_used_at), token.last_used_from or "")

    @admin.display(description=gettext_lazy("revoked"))
    def revoked(self, token: ApiToken) -> SafeString | str:
        if token.revoked_at is None:
            return _("no")
        return lines(moment(token.revoked_at), _("by %(who)s") % {"who": token.revoked_by})
