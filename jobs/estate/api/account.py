"""Users and roles as they were last read, and what became different about them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.execution_serializers import MAX_ID, Moment
from jobs.api.strict import Choice
from jobs.estate.api.view import EstateDetail, EstateList, InstancePageQuery, OfInstance, is_null
from jobs.estate.models import Account, AccountChange, AccountChangeKind, Flag
from jobs.estate.models.account import with_flag


class AccountSerializer(OfInstance):
    """What is short enough for a list; null is "not known"."""

    name = serializers.CharField()
    host = serializers.CharField()
    is_role = serializers.BooleanField()
    can_login = serializers.BooleanField()
    is_superuser = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    has_password = serializers.BooleanField()
    expires_at = Moment()
    flags = serializers.JSONField()
    first_seen = Moment()
    last_seen = Moment()
    removed_at = Moment()


class AccountDetailSerializer(AccountSerializer):
    state = serializers.JSONField()
    raw = serializers.JSONField()


class AccountQuery(InstancePageQuery):
    name = serializers.CharField(required=False, max_length=255)
    host = serializers.CharField(required=False, max_length=255, allow_blank=True)
    flag = Choice(Flag.choices, required=False)
    is_role = serializers.BooleanField(required=False)
    is_superuser = serializers.BooleanField(required=False)
    removed = serializers.BooleanField(required=False)


class AccountList(EstateList):
    model = Account
    reader = AccountQuery
    shown = AccountSerializer
    filters = {
        "instance": "instance__name",
        "name": "name",
        "host": "host",
        "flag": with_flag,
        "is_role": "is_role",
        "is_superuser": "is_superuser",
        "removed": is_null("removed_at"),
    }

    def rows(self) -> QuerySet[Any]:
        return Account.objects.select_related("instance").defer("state", "raw")


class AccountDetail(EstateDetail):
    model = Account
    noun = "account"
    shown = AccountDetailSerializer

    def rows(self) -> QuerySet[Any]:
        return Account.objects.select_related("instance")


class AccountChangeSerializer(OfInstance):
    account_id = serializers.IntegerField()
    name = serializers.CharField(source="account.name")
    host = serializers.CharField(source="account.host")
    session_id = serializers.IntegerField()
    at = Moment()
    kind = serializers.CharField()
    difference = serializers.JSONField()
    flags = serializers.JSONField()


class AccountChangeQuery(InstancePageQuery):
    account = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    session = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    kind = Choice(AccountChangeKind.choices, required=False)
    flag = Choice(Flag.choices, required=False)


class AccountChangeList(EstateList):
    model = AccountChange
    reader = AccountChangeQuery
    shown = AccountChangeSerializer
    filters = {
        "instance": "instance__name",
        "account": "account_id",
        "session": "session_id",
        "kind": "kind",
        "flag": with_flag,
    }

    def rows(self) -> QuerySet[Any]:
        rows = AccountChange.objects.select_related("instance", "account")
        return rows.defer("account__state", "account__raw")
