"""Which instances a pass is to visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from jobs.errors import Invalid
from jobs.estate.adapters.registry import get_adapter
from jobs.estate.models.instance import DatabaseInstance

MAX_CONCURRENCY = 64


@dataclass(frozen=True, slots=True)
class Choice:
    """None means any; an instance must have one of the tags. What is inactive is never chosen."""

    instances: Sequence[str] | None = None
    engines: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    concurrency: int = 4


def chosen_instances(choice: Choice) -> list[DatabaseInstance]:
    """By name. Raises Invalid for names and engines that there are not."""
    if not 1 <= choice.concurrency <= MAX_CONCURRENCY:
        sentence = _("Must be from 1 to %(most)s, not %(given)s.") % {
            "most": MAX_CONCURRENCY,
            "given": choice.concurrency,
        }
        raise Invalid({"concurrency": [sentence]})
    for engine in choice.engines or ():
        get_adapter(engine)
    found = list(DatabaseInstance.objects.active().order_by("name"))
    _require(choice.instances or (), {instance.name for instance in found})
    return [instance for instance in found if _is_chosen(instance, choice)]


def _require(names: Sequence[str], active: set[str]) -> None:
    unknown = sorted(set(names) - active)
    if unknown:
        sentence = _("There is no active instance of this name: %(names)s.") % {
            "names": ", ".join(f"“{name}”" for name in unknown)
        }
        raise Invalid({"instances": [sentence]})


def _is_chosen(instance: DatabaseInstance, choice: Choice) -> bool:
    return (
        (choice.instances is None or instance.name in choice.instances)
        and (choice.engines is None or instance.engine in choice.engines)
        and (choice.tags is None or not set(choice.tags).isdisjoint(instance.tags))
    )
