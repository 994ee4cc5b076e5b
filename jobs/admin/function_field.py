"""The list of registered tasks, each with the first sentence of its docstring."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from jobs.registry import all_tasks, find_task

ABOUT_LENGTH = 160


class FunctionSelect(forms.Select):
    """A select whose options tell a script what they are about."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        task = find_task(str(value))
        if task is not None:
            option["attrs"]["data-about"] = first_sentence(task.doc)
        return option


def function_choices(present: str) -> list[tuple[str, str]]:
    """Registered tasks, and first what the job has now: nothing yet, or a task that has gone."""
    choices = [(task.name, f"{task.label} ({task.name})") for task in all_tasks()]
    if not present:
        return [("", "---------"), *choices]
    if present not in dict(choices):
        gone = _("%(name)s (not registered any more)") % {"name": present}
        return [(present, gone), *choices]
    return choices


def first_sentence(doc: str) -> str:
    """Of a docstring, on one line."""
    text = " ".join(doc.split("\n\n", 1)[0].split())
    sentence = text.split(". ", 1)[0].rstrip(".")
    return sentence if len(sentence) <= ABOUT_LENGTH else f"{sentence[:ABOUT_LENGTH]}…"
