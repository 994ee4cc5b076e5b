"""Functions: the registered tasks, and what they take."""

from __future__ import annotations

from typing import Any, TypedDict

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.page import CountMeta
from jobs.api.view import ApiView
from jobs.registry import TaskSpec, all_tasks


class DefaultTrigger(TypedDict):
    """Of the job that is there from the start; an empty time zone is the server's."""

    trigger_type: str
    trigger_params: dict[str, Any]
    timezone: str


class FunctionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field, as all here
    doc = serializers.CharField()
    schema = serializers.DictField(
        source="arguments.schema", help_text=_("JSON Schema (2020-12) of its arguments.")
    )
    default_trigger = serializers.SerializerMethodField()
    policies = serializers.DictField(help_text=_("What its jobs inherit, where it says so."))
    allow_kwargs_override = serializers.BooleanField()

    def get_default_trigger(self, task: TaskSpec) -> DefaultTrigger | None:
        if task.trigger_type is None:
            return None
        return {
            "trigger_type": task.trigger_type,
            "trigger_params": dict(task.trigger_params),
            "timezone": task.timezone,
        }


class FunctionList(ApiView):
    rights = {"GET": "view_job"}

    @Endpoint(shows=[FunctionSerializer], meta=CountMeta)
    def get(self, request: Request) -> Answer:
        """List the functions that jobs can be made of, with what they take."""
        self.query()
        tasks = all_tasks()
        return Answer(FunctionSerializer(tasks, many=True).data, meta={"count": len(tasks)})
