"""What loading definitions would do to the jobs that stand: pure, nothing is read or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict

from django.utils.translation import gettext as _

from jobs.control.audit import as_recorded
from jobs.control.input import DEFAULTS, FIELDS
from jobs.models.job import BUILTIN_IDS, Job

Definition = Mapping[str, Any]
"""Every field of `jobs.control.input.FIELDS`, as JSON values."""

SWITCH = frozenset({"is_enabled"})
UNITS = (frozenset(FIELDS) - SWITCH - {"id"}, SWITCH)
"""What is edited by hand as a whole. Who switches a job off still gets its new trigger."""


class Reason(StrEnum):
    """Why a job stays as it is though the definitions say something else."""

    EDITED = "edited"
    SWITCHED = "switched"
    DELETED = "deleted"
    CUSTOM = "custom"
    DROPPED = "dropped"
    UNREADABLE = "unreadable"

    @property
    def sentence(self) -> str:
        return {
            Reason.EDITED: _("It was edited by hand."),
            Reason.SWITCHED: _("It was switched on or off by hand."),
            Reason.DELETED: _("It was deleted by hand."),
            Reason.CUSTOM: _("It was made by hand."),
            Reason.DROPPED: _("It is no longer defined; a forced reload removes it."),
            Reason.UNREADABLE: _("Without the file nobody can say whether it is still defined."),
        }[self]


class ChangeData(TypedDict):
    id: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class KeptData(TypedDict):
    id: str
    reason: str
    message: str


class PlanData(TypedDict):
    added: list[ChangeData]
    changed: list[ChangeData]
    deleted: list[ChangeData]
    unchanged: list[str]
    kept: list[KeptData]


@dataclass(frozen=True, slots=True)
class Change:
    """One job; of a change only the fields that differ, of an addition or deletion all.

    A job that is added has no `before`, one that is deleted no `after`. `is_by_hand`: somebody
    made or edited it, which a forced reload takes back.
    """

    job_id: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    is_by_hand: bool = False

    def as_dict(self) -> ChangeData:
        return {"id": self.job_id, "name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Kept:
    job_id: str
    reason: Reason

    def as_dict(self) -> KeptData:
        return {"id": self.job_id, "reason": self.reason.value, "message": self.reason.sentence}


@dataclass(frozen=True, slots=True)
class Plan:
    """Every tuple is sorted by id. A job with one part put and one kept stands in both."""

    added: tuple[Change, ...] = ()
    changed: tuple[Change, ...] = ()
    deleted: tuple[Change, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    loaded: Mapping[str, Definition] = field(default_factory=dict)
    """What is to be remembered as loaded, where that differs from what is."""

    @property
    def changes_jobs(self) -> bool:
        return bool(self.added or self.changed or self.deleted)

    def as_dict(self) -> PlanData:
        return {
            "added": [change.as_dict() for change in self.added],
            "changed": [change.as_dict() for change in self.changed],
            "deleted": [change.as_dict() for change in self.deleted],
            "unchanged": list(self.unchanged),
            "kept": [kept.as_dict() for kept in self.kept],
        }

    def sentences(self) -> Iterator[str]:
        """The plan for people, one line a job; unchanged jobs are only counted."""
        for change in self.added:
            yield _("Add “%(id)s” (%(name)s).") % {"id": change.job_id, "name": change.name}
        for change in self.changed:
            yield _("Change “%(id)s” (%(name)s): %(fields)s.") % {
                "id": change.job_id,
                "name": change.name,
                "fields": "; ".join(
                    f"{name} {(change.before or {}).get(name)!r} → {value!r}"
                    for name, value in (change.after or {}).items()
                ),
            }
        for change in self.deleted:
            yield _("Delete “%(id)s” (%(name)s).") % {"id": change.job_id, "name": change.name}
        for kept in self.kept:
            yield _("Leave “%(id)s” as it is: %(reason)s") % {
                "id": kept.job_id,
                "reason": kept.reason.sentence,
            }
        yield _("Unchanged: %(count)d.") % {"count": len(self.unchanged)}


def plan_load(
    items: Mapping[str, Definition],
    jobs: Mapping[str, Job],
    loaded: Mapping[str, Definition],
    *,
    is_first: bool,
) -> Plan:
    """An ordinary load: adds and updates, and leaves what people have done.

    `items` is what is defined, `jobs` what stands of it and of `loaded`, which is what was put
    there last; all by id. `is_first`: there is no job, so that all items are added.
    """
    builder = _Builder(loaded)
    for job_id, item in sorted(items.items()):
        job = jobs.get(job_id)
        last = loaded.get(job_id)
        if job is None:
            if not is_first and last is not None and job_id not in BUILTIN_IDS:
                builder.keep(job_id, Reason.DELETED)
            else:
                builder.add(job_id, item)
        elif last is not None:
            _merge(builder, job, item, {**DEFAULTS, **last})
        elif definition_of(job) == item:
            builder.unchanged.append(job_id)
        else:
            builder.keep(job_id, Reason.CUSTOM)
    for job_id in sorted((jobs.keys() & loaded.keys()) - items.keys()):
        builder.keep(job_id, Reason.DROPPED)
    return builder.plan()


def plan_reload(
    items: Mapping[str, Definition],
    jobs: Mapping[str, Job],
    loaded: Mapping[str, Definition],
    *,
    keep: Reason | None,
) -> Plan:
    """A forced reload: defined jobs are put back to their items, running on as new.

    The others are deleted, or left for the reason `keep`.
    """
    builder = _Builder(loaded)
    for job_id in sorted(items.keys() | jobs.keys()):
        item, job = items.get(job_id), jobs.get(job_id)
        if item is not None and job is not None:
            before = {**as_recorded(job), "problem": job.problem}
            after = {**before, **item, "is_paused": False, "paused_until": None, "problem": ""}
            by_hand = _is_edited(job, loaded.get(job_id))
            builder.change(job_id, item["name"], before, after, is_by_hand=by_hand)
            builder.loaded[job_id] = item
        elif item is not None:
            builder.add(job_id, item)
        elif keep is not None:
            builder.keep(job_id, keep)
        elif job is not None:
            builder.delete(job, is_by_hand=job_id not in loaded)
    return builder.plan()


def plan_restore(wanted: Mapping[str, Job], jobs: Mapping[str, Job]) -> Plan:
    """Back to jobs as they once stood."""
    builder = _Builder({})
    for job_id in sorted(wanted.keys() | jobs.keys()):
        then, job = wanted.get(job_id), jobs.get(job_id)
        if then is not None and job is not None:
            builder.change(job_id, then.name, _state(job), _state(then))
        elif then is not None:
            builder.added.append(Change(job_id, then.name, None, as_recorded(then)))
        elif job is not None:
            builder.delete(job)
    return builder.plan()


def definition_of(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in FIELDS}


class _Builder:
    def __init__(self, remembered: Mapping[str, Definition]) -> None:
        self.remembered = remembered
        self.added: list[Change] = []
        self.changed: list[Change] = []
        self.deleted: list[Change] = []
        self.unchanged: list[str] = []
        self.kept: list[Kept] = []
        self.loaded: dict[str, Definition] = {}

    def add(self, job_id: str, item: Definition) -> None:
        self.added.append(Change(job_id, item["name"], None, item))
        self.loaded[job_id] = item

    def change(
        self,
        job_id: str,
        name: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        *,
        is_by_hand: bool = False,
    ) -> None:
        """Note the fields of `before` that differ; without any, the job is unchanged."""
        differing = [key for key in before if before[key] != after[key]]
        if not differing:
            self.unchanged.append(job_id)
            return
        old = {key: before[key] for key in differing}
        new = {key: after[key] for key in differing}
        self.changed.append(Change(job_id, name, old, new, is_by_hand))

    def delete(self, job: Job, *, is_by_hand: bool = False) -> None:
        self.deleted.append(Change(job.pk, job.name, as_recorded(job), None, is_by_hand))

    def keep(self, job_id: str, reason: Reason) -> None:
        self.kept.append(Kept(job_id, reason))

    def plan(self) -> Plan:
        return Plan(
            added=tuple(self.added),
            changed=tuple(self.changed),
            deleted=tuple(self.deleted),
            unchanged=tuple(self.unchanged),
            kept=tuple(self.kept),
            loaded={
                job_id: item
                for job_id, item in self.loaded.items()
                if self.remembered.get(job_id) != item
            },
        )


def _merge(builder: _Builder, job: Job, item: Definition, last: Definition) -> None:
    """Take from the item each unit that nobody has edited since it was loaded."""
    current = definition_of(job)
    after = dict(current)
    remembered = {name: last.get(name) for name in FIELDS}
    edited: list[frozenset[str]] = []
    for unit in UNITS:
        wanted = {name: item[name] for name in unit}
        standing = {name: current[name] for name in unit}
        if standing == wanted or standing == {name: remembered[name] for name in unit}:
            after |= wanted
            remembered |= wanted
        else:
            edited.append(unit)
    builder.loaded[job.pk] = remembered
    if after != current:
        builder.change(job.pk, item["name"], current, after)
    elif not edited:
        builder.unchanged.append(job.pk)
    if edited:
        builder.keep(job.pk, Reason.SWITCHED if edited == [SWITCH] else Reason.EDITED)


def _is_edited(job: Job, last: Definition | None) -> bool:
    """Whether it differs from what was loaded `last`, or was never loaded."""
    if last is None or job.is_paused:
        return True
    remembered = {**DEFAULTS, **last}
    return definition_of(job) != {name: remembered.get(name) for name in FIELDS}


def _state(job: Job) -> dict[str, Any]:
    """As recorded, and where its interval counts from."""
    return {**as_recorded(job), "anchor": job.anchor.isoformat()}
