"""It answers as Django's own does, and asks once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from jobs.permission_backend import PermissionBackend

pytestmark = pytest.mark.django_db


def make(*, own: str = "", of_groups: str = "", **fields: Any) -> User:
    """A user with rights of these code names."""
    user = User.objects.create_user("somebody", **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=own.split()))
    for codename in of_groups.split():
        group = Group.objects.create(name=codename)
        group.permissions.set(Permission.objects.filter(codename=codename))
        user.groups.add(group)
    User.objects.create_user("other").user_permissions.set(Permission.objects.all())
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"own": "view_job add_user"},
        {"of_groups": "run_job view_user"},
        {"own": "view_job", "of_groups": "view_job manage_job"},
        {"own": "view_job", "is_superuser": True},
        {"own": "view_job", "is_active": False},
    ],
)
def test_its_answer_is_that_of_django(fields: dict[str, Any]) -> None:
    user = make(**fields)
    expected = ModelBackend().get_all_permissions(User.objects.get(pk=user.pk))
    assert PermissionBackend().get_all_permissions(user) == expected
    assert bool(expected) == (bool(fields) and fields.get("is_active", True))
    assert user.has_perm("jobs.view_job") == ("jobs.view_job" in expected)


def test_an_object_and_nobody_hold_none_of_them() -> None:
    backend = PermissionBackend()
    assert backend.get_all_permissions(make(own="view_job"), object()) == set()
    assert backend.get_all_permissions(AnonymousUser()) == set()


def test_the_rights_are_one_statement_and_are_kept(django_assert_num_queries: Any) -> None:
    user = make(own="view_job", of_groups="run_job")
    with django_assert_num_queries(1):
        held = [user.has_perm(f"jobs.{name}") for name in ("view_job", "run_job", "manage_job")]
    assert held == [True, True, False]
