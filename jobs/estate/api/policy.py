"""Partition policies: list, create, show, change, delete."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from jobs.api import filters
from jobs.api.audit import record_change
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.row import CREATED, RowDetail, RowList
from jobs.api.strict import MAX_ID, Choice, Flag, Strict, Text, Whole
from jobs.estate.api.view import EstateView, OfInstance, OfInstanceFilters
from jobs.estate.models import Interval, PartitionPolicy
from jobs.estate.services.edits import AlreadyThere, ChangedMeanwhile, edit_policy, save

MAX_SMALL = 32_767


class PolicySerializer(OfInstance):
    model = PartitionPolicy

    database = serializers.CharField()
    schema = serializers.CharField()
    table = serializers.CharField()
    interval = serializers.CharField()
    step = serializers.IntegerField()
    premake = serializers.IntegerField()
    retention = serializers.IntegerField()
    is_active = serializers.BooleanField()


class PolicyBody(Strict):
    """What is absent stays as it is or, of a new policy, as the model has it. Names of tables
    are taken as they are, spaces at their ends included."""

    instance = Text(required=False, max_length=100)
    database = Text(required=False, max_length=255, trim_whitespace=False)
    schema = Text(required=False, max_length=255, trim_whitespace=False, allow_blank=True)
    table = Text(required=False, max_length=255, trim_whitespace=False)
    interval = Choice(Interval.choices, required=False)
    step = Whole(required=False, allow_null=True, min_value=1, max_value=MAX_ID)
    premake = Whole(required=False, min_value=0, max_value=MAX_SMALL)
    retention = Whole(required=False, allow_null=True, min_value=1, max_value=MAX_SMALL)
    is_active = Flag(required=False)


class NewPolicyBody(PolicyBody):
    """What is absent is as the model has it."""

    instance = Text(max_length=100)
    database = Text(max_length=255, trim_whitespace=False)
    table = Text(max_length=255, trim_whitespace=False)
    interval = Choice(Interval.choices)


class PolicyFilters(OfInstanceFilters):
    database = filters.Text("database")
    table = filters.Text("table")
    is_active = filters.YesNo("is_active")


class PolicyScoped(EstateView):
    model = PartitionPolicy
    noun = "policy"
    shown = PolicySerializer

    def rows(self) -> QuerySet[Any]:
        return PartitionPolicy.objects.select_related("instance")


class PolicyList(PolicyScoped, RowList):
    """List the partition policies."""

    needs = {"GET": "view", "POST": "manage"}
    filterset = PolicyFilters

    @CREATED.but(
        action="policy.create", body=NewPolicyBody, raises=(AlreadyThere, ChangedMeanwhile)
    )
    def post(self, request: Request) -> Answer:
        """Add a policy: which partitions a table should have, ahead and behind."""
        values = self.body()
        with transaction.atomic():
            policy = PartitionPolicy()
            changed = edit_policy(policy, values)
            save(policy)
            record_change(self, "policy.create", str(policy), changed)
        return self.created(
            self.row(str(policy.pk)),
            _("The policy for “%(table)s” is created.") % {"table": policy},
            reverse("estate:policy", args=[policy.pk]),
        )


class PolicyDetail(PolicyScoped, RowDetail):
    """Show a partition policy."""

    needs = {"GET": "view", "PATCH": "manage", "DELETE": "manage"}

    @Endpoint(
        action="policy.change",
        body=PolicyBody,
        shows="shown",
        raises=(AlreadyThere, ChangedMeanwhile),
    )
    def patch(self, request: Request, pk: str) -> Answer:
        """Change fields of a policy; those that are absent stay as they are."""
        self.row(pk)
        values = self.body()
        with transaction.atomic():
            policy = self.locked(pk)
            changed = edit_policy(policy, values)
            if changed:
                save(policy)
                record_change(self, "policy.change", str(policy), changed)
        message = _("The policy for “%(table)s” is changed.") % {"table": policy}
        return Answer(self.shown(self.row(pk)).data, message)

    @Endpoint(action="policy.delete")
    def delete(self, request: Request, pk: str) -> Answer:
        """Delete a policy. The table and its partitions stay."""
        self.row(pk)
        self.body()
        with transaction.atomic():
            policy = self.locked(pk)
            record_change(self, "policy.delete", str(policy))
            policy.delete()
        return Answer(None, _("The policy for “%(table)s” is deleted.") % {"table": policy})
