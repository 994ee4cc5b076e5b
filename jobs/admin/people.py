"""Users and groups: Django's own pages, whose every change leaves an audit event.

Of rights and groups it tells what was and what is, of anything else that it was changed.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from jobs.admin.audited import Audited
from jobs.admin.rights import actor_of, user_of
from jobs.control.audit import record

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(Audited, UserAdmin):  # type: ignore[type-arg]  # no subscript at run time
    audited_as = "user"

    def told(self, obj: Any) -> dict[str, Any]:
        user = User.objects.get(pk=obj.pk)
        return {
            "username": user.username,
            "is_active": user.is_active,
            "is_staff": user.is_staff,
            "is_superuser": user.is_superuser,
            "groups": sorted(user.groups.values_list("name", flat=True)),
            "permissions": _names(user.user_permissions.all()),
        }

    def changed(self, form: Any) -> list[str]:
        """The form of a new user has three fields for the password."""
        names = super().changed(form)
        return sorted({"password" if "password" in name else name for name in names})

    @transaction.atomic
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        before = self.get_object(request, unquote(id))
        answer: HttpResponse = super().user_change_password(request, id, form_url)
        after = self.get_object(request, unquote(id))
        if before and after and before.password != after.password:
            self.record(request, "change", after, message="password")
        return answer


@admin.register(Group)
class PeopleAdmin(Audited, GroupAdmin):
    audited_as = "group"

    def told(self, obj: Any) -> dict[str, Any]:
        group = Group.objects.get(pk=obj.pk)
        return {"name": group.name, "permissions": _names(group.permissions.all())}


@transaction.atomic
@sensitive_variables()
def change_own_password(request: HttpRequest) -> HttpResponse:
    """In place of the site's own page, which tells nobody."""
    user = user_of(request)
    before = user.password
    answer: HttpResponse = admin.site.password_change(request)
    if user.password != before:
        record(actor_of(request), "user.change", target=user.get_username(), message="password")
    return answer


def _names(permissions: QuerySet[Permission]) -> list[str]:
    return sorted(
        f"{app}.{name}"
        for app, name in permissions.values_list("content_type__app_label", "codename")
    )
