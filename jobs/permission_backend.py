"""Django's rights of users, in one statement where it asks two of its ORM.

Every page and every request to the API begins with them.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection


class PermissionBackend(ModelBackend):
    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The user's own and those of the groups, kept with the user object as Django does."""
        if obj is not None or user_obj.is_superuser or not user_obj.is_active:
            return super().get_all_permissions(user_obj, obj)
        known: set[str] | None = user_obj.__dict__.get("_perm_cache")
        if known is None:
            known = user_obj._perm_cache = _held(user_obj.pk)
        return known


_OWN, _MEMBERS = User.user_permissions.through._meta.db_table, User.groups.through._meta.db_table
_OF_GROUPS = Group.permissions.through._meta.db_table
_SQL = f"""
    SELECT c.app_label, p.codename FROM {Permission._meta.db_table} p
    JOIN {ContentType._meta.db_table} c ON c.id = p.content_type_id
    WHERE p.id IN (SELECT permission_id FROM {_OWN} WHERE user_id = %s)
    OR p.id IN (
        SELECT g.permission_id FROM {_OF_GROUPS} g
        JOIN {_MEMBERS} m ON m.group_id = g.group_id WHERE m.user_id = %s
    )
"""  # noqa: S608  of constants


def _held(user_id: int | None) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [user_id, user_id])
        return {f"{label}.{name}" for label, name in cursor.fetchall()}
