"""Functions: the registered tasks, and what they take."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.page import CountMeta
from jobs.api.view import ApiView
from jobs.registry import TaskSpec, all_tasks


class FunctionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field, as all here
    doc = serializers.CharField()
    schema = serializers.JSONField(source="arguments.schema")
    default_trigger = serializers.SerializerMethodField()
    policies = serializers.JSONField()
    allow_kwargs_override = serializers.BooleanField()

    def get_default_trigger(self, task: TaskSpec) -> dict[str, Any] | None:
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
