"""Instances: list, create, show, change, delete, test."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from jobs.api.audit import record_change
from jobs.api.envelope import Answer
from jobs.api.filters import Filters, Text, YesNo
from jobs.api.strict import Nothing
from jobs.estate.api.instance_serializers import (
    InstanceBody,
    InstanceSerializer,
)
from jobs.estate.api.view import EstateDetail, EstateList, EstateView
from jobs.estate.models import DatabaseInstance
from jobs.estate.services.diagnosis import Diagnosis, Problem, diagnose
from jobs.estate.services.edits import edit_instance, save
from jobs.estate.services.overview import with_overview


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


class InstanceList(InstanceScoped, EstateList):
    needs = {"GET": "view", "POST": "manage"}
    filterset = InstanceFilters

    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Answer:
        values = self.body(InstanceBody)
        with transaction.atomic():
            instance = DatabaseInstance()
            changed = edit_instance(instance, values)
            save(instance)
            record_change(self, "instance.create", instance.name, changed)
        url = reverse("estate:instance", args=[instance.pk])
        return Answer(
            self.shown(self.row(str(instance.pk))).data,
            _("The instance “%(name)s” is created.") % {"name": instance.name},
            status=HTTPStatus.CREATED,
            headers={"Location": url},
        )


class InstanceDetail(InstanceScoped, EstateDetail):
    needs = {"GET": "view", "PATCH": "manage", "DELETE": "manage"}

    @method_decorator(sensitive_variables())
    def patch(self, request: Request, pk: str) -> Answer:
        self.row(pk)
        values = self.body(InstanceBody)
        with transaction.atomic():
            instance = self.locked(pk)
            changed = edit_instance(instance, values)
            if changed:
                save(instance)
                record_change(self, "instance.change", instance.name, changed)
        message = _("The instance “%(name)s” is changed.") % {"name": instance.name}
        return Answer(self.shown(self.row(pk)).data, message)

    def delete(self, request: Request, pk: str) -> Answer:
        self.row(pk)
        self.body(Nothing)
        with transaction.atomic():
            instance = self.locked(pk)
            record_change(self, "instance.delete", instance.name)
            instance.delete()
        message = _("The instance “%(name)s” is deleted, with all that was known of it.")
        return Answer(None, message % {"name": instance.name})


class InstanceTest(InstanceScoped):
    """Try to connect: as the instance stands or, with a body, as a PATCH of it would make it.
    Saves nothing."""

    needs = {"POST": "manage"}

    @method_decorator(sensitive_variables())
    def post(self, request: Request, pk: str) -> Answer:
        instance = self.row(pk)
        values = self.body(InstanceBody)
        if values:
            edit_instance(instance, values)
        found = diagnose(instance)
        return Answer(diagnosis_data(found), " ".join(found.sentences()))


def diagnosis_data(found: Diagnosis) -> dict[str, Any]:
    seen = found.seen
    return {
        "is_well": found.is_well,
        "problem": _problem(found.problem),
        "change_problem": _problem(found.change_problem),
        "version": seen.server.version if seen else None,
        "timezone": seen.server.timezone if seen else None,
        "databases": seen.databases if seen else None,
        "missing_rights": [asdict(right) for right in seen.missing_rights] if seen else [],
        "seconds": round(found.seconds, 3),
    }


def _problem(problem: Problem | None) -> dict[str, str] | None:
    return asdict(problem) if problem else None
