"""What is defined: the file's items, the decorators' and the built-in ones, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from jobs import definition_file
from jobs.conf import conf
from jobs.control.input import DEFAULTS, FIELDS, clean_job
from jobs.definition_file import DefinitionsInvalid, FileUnreadable
from jobs.definition_plan import Definition, definition_of
from jobs.errors import Invalid
from jobs.models import Job
from jobs.registry import TaskSpec, all_tasks

FALLBACK: tuple[Mapping[str, Any], ...] = (
    {
        "id": "sync_accounts",
        "name": "账户同步",
        "function": "sync_accounts",
        "trigger_type": "cron",
        "trigger_params": {"hour": 1, "minute": 0},
        "enabled": True,
        "description": "同步所有活动实例的账户与权限。"
        "Sync the accounts and rights of all active instances.",
    },
    {
        "id": "cleanup_logs",
        "name": "清理旧日志",
        "function": "cleanup_logs",
        "trigger_type": "cron",
        "trigger_params": {"hour": 2, "minute": 0},
        "enabled": True,
        "description": "按保留天数清理执行历史、日志与旧的容量快照。"
        "Delete history, logs and size snapshots that are past their retention.",
    },
    {
        "id": "monitor_partition_health",
        "name": "监控分区健康状态",
        "function": "monitor_partition_health",
        "trigger_type": "cron",
        "trigger_params": {"hour": 0, "minute": 30},
        "enabled": True,
        "description": "检查所有活动实例的分区表。"
        "Check the partitioned tables of all active instances.",
    },
    {
        "id": "collect_database_sizes",
        "name": "容量同步",
        "function": "collect_database_sizes",
        "trigger_type": "cron",
        "trigger_params": {"hour": 3, "minute": 0},
        "enabled": True,
        "description": "采集所有活动实例的数据库容量。"
        "Collect the sizes of all databases on active instances.",
    },
    {
        "id": "calculate_database_size_aggregations",
        "name": "统计聚合",
        "function": "calculate_database_size_aggregations",
        "trigger_type": "cron",
        "trigger_params": {"hour": 4, "minute": 0},
        "enabled": True,
        "description": "按日、周、月、季度统计数据库容量。"
        "Aggregate database sizes by day, week, month and quarter.",
    },
)
"""The built-in jobs, as the shipped file has them."""

SWITCH_KEY = "enabled"
"""What an item calls the job's `is_enabled`."""

FILE_KEYS = ("id", "name", "function", "trigger_type", "trigger_params", SWITCH_KEY, "description")
OPTIONAL_FIELDS = tuple(name for name in FIELDS if name not in {*FILE_KEYS, "is_enabled"})
ALL_KEYS = (*FILE_KEYS, *OPTIONAL_FIELDS)

WHOLE = re.compile("0|[1-9][0-9]{0,9}")

MAX_SHOWN = 3
"""Problems of a refused file that health names; `loadtasks --plan` lists all."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """What is defined, checked and by id; `warnings` are sentences for health."""

    items: Mapping[str, Definition]
    warnings: tuple[str, ...] = ()
    is_fallback: bool = False
    """There was no file to read."""


def load() -> Definitions:
    """Read and check everything that is defined; raises DefinitionsInvalid with every problem.

    If the file is missing or unreadable the built-in jobs come from code, with a warning. A
    file that can be read and is invalid is never replaced.
    """
    path = conf().tasks_file
    try:
        raw = definition_file.parse(definition_file.read(path), path)
        found: tuple[str, ...] = ()
    except FileUnreadable as error:
        raw = []
        found = (_("%(why)s The built-in jobs come from code.") % {"why": error.message},)
    checks = _Checks(now=datetime.now(UTC))
    for index, item in enumerate(raw):
        checks.add(f"{definition_file.ROOT_KEY}[{index}]", item)
    for task in all_tasks():
        if task.trigger_type is not None:
            checks.add("@scheduled_task", _item_of(task), is_default=True)
    for item in FALLBACK:
        checks.add(_("built-in job"), item, is_default=True)
    if checks.errors:
        raise DefinitionsInvalid(path, checks.errors)
    return Definitions(checks.items, found, is_fallback=bool(found))


def warnings() -> list[str]:
    """What is wrong with the file at this moment, in sentences; cheap while it does not change."""
    path = conf().tasks_file
    try:
        stat = path.stat()
        signature = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
    except (OSError, ValueError):
        return list(_complaints())
    tasks = tuple(task.name for task in all_tasks())
    return list(_complaints_once(path, signature, tasks, translation.get_language()))


def item_of_job(job: Job) -> dict[str, Any]:
    """The item that a job stands for; optional keys only where they say something."""
    definition = {_key(name): value for name, value in definition_of(job).items()}
    definition["trigger_params"] = {
        name: int(value) if isinstance(value, str) and WHOLE.fullmatch(value) else value
        for name, value in sorted(job.trigger_params.items())
    }
    return {key: definition[key] for key in FILE_KEYS} | {
        key: definition[key] for key in OPTIONAL_FIELDS if definition[key] != DEFAULTS.get(key)
    }


class _Checks:
    """Items as they are defined, and what is wrong with them."""

    def __init__(self, *, now: datetime) -> None:
        self.now = now
        self.items: dict[str, Definition] = {}
        self.errors: dict[str, list[str]] = {}
        self.places: dict[str, str] = {}

    def add(self, place: str, item: Any, *, is_default: bool = False) -> None:
        """Check one item. A default of an id that is there is passed over, another is refused."""
        if not isinstance(item, Mapping):
            self.errors[place] = [
                _("This must be a mapping with the keys %(keys)s.") % {"keys": ", ".join(FILE_KEYS)}
            ]
            return
        job_id = item.get("id")
        label = f"{place} ({job_id[:100]})" if isinstance(job_id, str) else place
        if isinstance(job_id, str) and job_id in self.places:
            if not is_default:
                self.errors[f"{label}.id"] = [
                    _("This id stands in %(place)s already.") % {"place": self.places[job_id]}
                ]
            return
        if isinstance(job_id, str):
            self.places[job_id] = place
        unknown = [key for key in item if key not in ALL_KEYS]
        for key in unknown:
            self.errors[f"{label}.{key}"] = [
                _("There is no such key; an item has: %(keys)s.") % {"keys": ", ".join(ALL_KEYS)}
            ]
        data = {_field(key): value for key, value in item.items() if key in ALL_KEYS}
        try:
            cleaned = clean_job(data, now=self.now, allow_past=True)
        except Invalid as error:
            for name, sentences in error.errors.items():
                self.errors[f"{label}.{_key(name)}"] = sentences
            return
        if not unknown:
            # As it comes back from the database: keys are texts, sequences are lists.
            self.items[cleaned["id"]] = json.loads(json.dumps(cleaned))


def _item_of(task: TaskSpec) -> dict[str, Any]:
    """The item that a task's decorator stands for; in the server's language, whoever asks."""
    with translation.override(settings.LANGUAGE_CODE):
        name = str(task.label)
    return {
        "id": task.name,
        "name": name,
        "function": task.name,
        "trigger_type": task.trigger_type,
        "trigger_params": task.trigger_params,
        "timezone": task.timezone,
        "description": " ".join(task.doc.split("\n\n")[0].split()),
    }


def _field(key: str) -> str:
    return "is_enabled" if key == SWITCH_KEY else key


def _key(field: str) -> str:
    return SWITCH_KEY if field == "is_enabled" else field


@lru_cache(maxsize=8)
def _complaints_once(*_seen: object) -> tuple[str, ...]:
    """As of the first time that the file, the tasks and the language were `_seen` so."""
    return _complaints()


def _complaints() -> tuple[str, ...]:
    try:
        return load().warnings
    except DefinitionsInvalid as error:
        return (" ".join([error.heading, *error.problems[:MAX_SHOWN]]),)
