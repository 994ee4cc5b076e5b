"""Django's rights of users, in one statement where it asks two of its ORM.

Every page and every request to the API begins with them.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from jobs.executions.database import is_postgresql


class PermissionBackend(ModelBackend):
    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The user's own and those of the groups, kept with the user object as Django does."""
        if obj is not None or user_obj.is_superuser or not user_obj.is_active:
            return super().get_all_permissions(user_obj, obj)
        if "_perm_cache" not in user_obj.__dict__:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {held_by('%s')}", [user_obj.pk, user_obj.pk])
                keep(user_obj, *cursor.fetchone())
        known: set[str] = user_obj._perm_cache
        return known


def held_by(user_id: str) -> str:
    """An expression of SQL for `keep`: the rights of the user whose id that expression is, twice
    in it."""
    together = "string_agg" if is_postgresql() else "group_concat"
    return f"""(
        SELECT {together}(c.app_label || '.' || p.codename, '{_BETWEEN}') FROM (
            SELECT permission_id FROM {_OWN} WHERE user_id = {user_id} UNION
            SELECT g.permission_id FROM {_OF_GROUPS} g
            JOIN {_MEMBERS} m ON m.group_id = g.group_id WHERE m.user_id = {user_id}
        ) held
        JOIN {Permission._meta.db_table} p ON p.id = held.permission_id
        JOIN {ContentType._meta.db_table} c ON c.id = p.content_type_id
    )"""  # noqa: S608  of constants


def keep(user: User, held: str | None) -> None:
    """Let that object of a user hold what `held_by` has found; a superuser holds all."""
    if not user.is_superuser:
        user.__dict__["_perm_cache"] = set(held.split(_BETWEEN)) if held else set()


_BETWEEN = "\n"
_OWN, _MEMBERS = User.user_permissions.through._meta.db_table, User.groups.through._meta.db_table
_OF_GROUPS = Group.permissions.through._meta.db_table
