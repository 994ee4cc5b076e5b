"""Instances: list, create, show, change, delete, test."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from jobs.api.audit import record_change
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.filters import Filters, Text, YesNo
from jobs.api.row import CREATED, RowDetail, RowList
from jobs.estate.api.instance_serializers import (
    InstanceBody,
    InstanceSerializer,
    NewInstanceBody,
)
from jobs.estate.api.view import EstateView
from jobs.estate.models import DatabaseInstance
from jobs.estate.services.diagnosis import Diagnosis, Problem, diagnose
from jobs.estate.services.edits import AlreadyThere, ChangedMeanwhile, edit_instance, save
from jobs.estate.services.overview import with_overview


class ProblemData(TypedDict):
    code: str
    message: str


class MissingRightData(TypedDict):
    """What a right is needed for, and what to grant."""

    purpose: str
    right: str


class DiagnosisData(TypedDict):
    """`problem` says why it was not reached, `change_problem` what is wrong with the user for
    changes. `databases` is their number, null where they may not be listed."""

    is_well: bool
    problem: ProblemData | None
    change_problem: ProblemData | None
    version: str | None
    timezone: str | None
    databases: int | None
    missing_rights: list[MissingRightData]
    seconds: float


class InstanceScoped(EstateView):
    model = DatabaseInstance
    noun = "instance"
    shown = InstanceSerializer

    def rows(self) -> QuerySet[Any]:
        return with_overview(DatabaseInstance.objects.all())


class InstanceFilters(Filters):
    name = Text("name", max_length=100)
    engine = Text("engine", max_length=30)
    is_active = YesNo("is_active")


class InstanceList(InstanceScoped, RowList):
    """List the instances that are looked after."""

    needs = {"GET": "view", "POST": "manage"}
    filterset = InstanceFilters

    @CREATED.but(
        action="instance.create", body=NewInstanceBody, raises=(AlreadyThere, ChangedMeanwhile)
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Answer:
        """Add an instance. Its passwords are encrypted, and are never shown."""
        values = self.body()
        with transaction.atomic():
            instance = DatabaseInstance()
            changed = edit_instance(instance, values)
            save(instance)
            record_change(self, "instance.create", instance.name, changed)
        return self.created(
            self.row(str(instance.pk)),
            _("The instance “%(name)s” is created.") % {"name": instance.name},
            reverse("estate:instance", args=[instance.pk]),
        )


class InstanceDetail(InstanceScoped, RowDetail):
    """Show an instance."""

    needs = {"GET": "view", "PATCH": "manage", "DELETE": "manage"}

    @Endpoint(
        action="instance.change",
        body=InstanceBody,
        shows="shown",
        raises=(AlreadyThere, ChangedMeanwhile),
    )
    @method_decorator(sensitive_variables())
    def patch(self, request: Request, pk: str) -> Answer:
        """Change fields of an instance; those that are absent stay as they are."""
        self.row(pk)
        values = self.body()
        with transaction.atomic():
            instance = self.locked(pk)
            changed = edit_instance(instance, values)
            if changed:
                save(instance)
                record_change(self, "instance.change", instance.name, changed)
        message = _("The instance “%(name)s” is changed.") % {"name": instance.name}
        return Answer(self.shown(self.row(pk)).data, message)

    @Endpoint(action="instance.delete")
    def delete(self, request: Request, pk: str) -> Answer:
        """Delete an instance, with all that was known of it."""
        self.row(pk)
        self.body()
        with transaction.atomic():
            instance = self.locked(pk)
            record_change(self, "instance.delete", instance.name)
            instance.delete()
        message = _("The instance “%(name)s” is deleted, with all that was known of it.")
        return Answer(None, message % {"name": instance.name})


class InstanceTest(InstanceScoped):
    needs = {"POST": "manage"}

    @Endpoint(
        action="instance.test", body=InstanceBody, shows=DiagnosisData, raises=(AlreadyThere,)
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request, pk: str) -> Answer:
        """Try to connect to an instance.

        As it stands or, with a body, as a PATCH of it would make it. Saves nothing.
        """
        instance = self.row(pk)
        values = self.body()
        if values:
            edit_instance(instance, values)
        found = diagnose(instance)
        return Answer(diagnosis_data(found), " ".join(found.sentences()))


def diagnosis_data(found: Diagnosis) -> DiagnosisData:
    seen = found.seen
    return {
        "is_well": found.is_well,
        "problem": _problem(found.problem),
        "change_problem": _problem(found.change_problem),
        "version": seen.server.version if seen else None,
        "timezone": seen.server.timezone if seen else None,
        "databases": seen.databases if seen else None,
        "missing_rights": [
            {"purpose": missing.purpose, "right": missing.right}
            for missing in (seen.missing_rights if seen else ())
        ],
        "seconds": round(found.seconds, 3),
    }


def _problem(problem: Problem | None) -> ProblemData | None:
    return {"code": problem.code, "message": problem.message} if problem else None
