"""Users and roles as they were last read, and what became different about them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.filters import AnyOf, Id, Text, Words, YesNo
from jobs.api.row import RowDetail, RowList
from jobs.api.shown import Moment
from jobs.estate.api.view import EstateView, OfInstance, OfInstanceFilters
from jobs.estate.models import Account, AccountChange, AccountChangeKind, Flag
from jobs.estate.models.account import with_flag


class AccountSerializer(OfInstance):
    """What is short enough for a list; null is "not known"."""

    model = Account

    name = serializers.CharField()
    host = serializers.CharField()
    is_role = serializers.BooleanField()
    can_login = serializers.BooleanField()
    is_superuser = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    has_password = serializers.BooleanField()
    expires_at = Moment()
    flags = serializers.ListField(child=serializers.ChoiceField(Flag.choices))
    first_seen = Moment()
    last_seen = Moment()
    removed_at = Moment()


class AccountDetailSerializer(AccountSerializer):
    state = serializers.JSONField()
    raw = serializers.JSONField()


class AccountFilters(OfInstanceFilters):
    name = Text("name")
    host = Text("host", required=False)
    flag = AnyOf(Flag.values, with_flag)
    is_role = YesNo("is_role")
    is_superuser = YesNo("is_superuser")
    removed = YesNo("removed_at", "isnull", exclude=True)


class AccountList(EstateView, RowList):
    """List users and roles, as they were last read."""

    model = Account
    filterset = AccountFilters
    shown = AccountSerializer

    def rows(self) -> QuerySet[Any]:
        return Account.objects.select_related("instance").defer("state", "raw")


class AccountDetail(EstateView, RowDetail):
    """Show a user or role, with its attributes, memberships and grants."""

    model = Account
    noun = "account"
    shown = AccountDetailSerializer

    def rows(self) -> QuerySet[Any]:
        return Account.objects.select_related("instance")


class AccountChangeSerializer(OfInstance):
    model = AccountChange

    account_id = serializers.IntegerField()
    name = serializers.CharField(source="account.name")
    host = serializers.CharField(source="account.host")
    session_id = serializers.IntegerField()
    at = Moment()
    kind = serializers.CharField()
    difference = serializers.JSONField()
    flags = serializers.ListField(child=serializers.ChoiceField(Flag.choices))


class AccountChangeFilters(OfInstanceFilters):
    account = Id("account_id")
    session = Id("session_id")
    kind = Words("kind", AccountChangeKind.values)
    flag = AnyOf(Flag.values, with_flag)


class AccountChangeList(EstateView, RowList):
    """List what became different about users and roles."""

    model = AccountChange
    filterset = AccountChangeFilters
    shown = AccountChangeSerializer

    def rows(self) -> QuerySet[Any]:
        rows = AccountChange.objects.select_related("instance", "account")
        return rows.defer("account__state", "account__raw")
