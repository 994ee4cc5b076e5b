"""`@scheduled_task`: which functions can be scheduled, what they take, and what they see of a run.

from jobs.registry import current_execution, scheduled_task

@scheduled_task
def send_report(*, recipient: str, days: int = 7) -> dict[str, int]:
    current_execution().progress(1, 2, "half way")
    return {"sent": 1}
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, TypeVar, overload

from asgiref.sync import async_to_sync
from django.apps import apps
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext as _

from jobs.arguments import Arguments, BadTask, origin_of, shortened
from jobs.conf import conf
from jobs.errors import UnknownFunction

F = TypeVar("F", bound=Callable[..., Any])

NAME_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True, slots=True)
class Policies:
    """The rules of a run; seconds, 0 for no limit."""

    coalesce: bool
    max_instances: int
    misfire_grace_time: int
    timeout: int


@dataclass(frozen=True, slots=True)
class RetryPolicies:
    """When a run that has ended is tried again; delay in seconds."""

    max_retries: int
    retry_delay: int
    retry_backoff: float
    rerun_if_interrupted: bool


class HasPolicies(Protocol):
    """A job, or as much of one as tells its own policies (None: inherited)."""

    @property
    def function(self) -> str: ...
    @property
    def coalesce(self) -> bool | None: ...
    @property
    def max_instances(self) -> int | None: ...
    @property
    def misfire_grace_time(self) -> int | None: ...
    @property
    def timeout(self) -> int | None: ...


class HasRetryPolicies(Protocol):
    """The same for a job's retries."""

    @property
    def function(self) -> str: ...
    @property
    def max_retries(self) -> int | None: ...
    @property
    def retry_delay(self) -> int | None: ...
    @property
    def retry_backoff(self) -> float | None: ...
    @property
    def rerun_if_interrupted(self) -> bool | None: ...


@dataclass(frozen=True)
class TaskSpec:
    """A registered task: its function, and what its decorator says of it."""

    name: str
    func: Callable[..., Any]
    label: str | Promise
    trigger_type: str | None = None
    trigger_params: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = ""
    policies: Mapping[str, Any] = field(default_factory=dict)
    allow_kwargs_override: bool = False

    @property
    def origin(self) -> str:
        """Where the function stands, for people."""
        return origin_of(self.func)

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.func) or ""

    @cached_property
    def arguments(self) -> Arguments:
        """What the function takes."""
        return Arguments(self.name, self.func)

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the function on JSON arguments; a coroutine is run to its end."""
        bound_args, bound_kwargs = self.arguments.bind(args, kwargs)
        result = self.func(*bound_args, **bound_kwargs)
        if inspect.isawaitable(result):
            return async_to_sync(_finish)(result)
        return result


class CurrentExecution:
    """What a task sees of its run. This base is what it sees outside one: harmless."""

    id: int | None = None
    job_id: str | None = None
    scheduled_for: datetime | None = None
    """The occurrence this run is for, in UTC, however late it runs."""
    attempt: int = 1
    epoch: int | None = None
    """The lease's fencing number: a later leader's is greater."""
    source: str | None = None
    requested_by: str = ""

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far the run is; also a `check()`."""

    def check(self) -> None:
        """Raise StopRun (not an Exception) if the run was cancelled or its time is over."""

    def warn(self, message: str) -> None:
        """Note something that does not make the run a failure, and is shown with it."""


class StopRun(BaseException):
    """Ends a run from within. No Exception, so that a task's own handler does not swallow it."""


_current: ContextVar[CurrentExecution | None] = ContextVar("current_execution", default=None)


def current_execution() -> CurrentExecution:
    """The run that this code is part of; outside a run, one on which every call is harmless."""
    return _current.get() or CurrentExecution()


@contextmanager
def executing(execution: CurrentExecution) -> Iterator[None]:
    """Make `execution` the current one of this thread of control."""
    token = _current.set(execution)
    try:
        yield
    finally:
        _current.reset(token)


_tasks: dict[str, TaskSpec] = {}


@overload
def scheduled_task(function: F, /) -> F: ...
@overload
def scheduled_task(
    *,
    name: str | None = None,
    label: str | Promise | None = None,
    trigger_type: str | None = None,
    trigger_params: Mapping[str, Any] | None = None,
    timezone: str = "",
    coalesce: bool | None = None,
    max_instances: int | None = None,
    misfire_grace_time: int | None = None,
    timeout: int | None = None,
    max_retries: int | None = None,
    retry_delay: int | None = None,
    retry_backoff: float | None = None,
    rerun_if_interrupted: bool | None = None,
    allow_kwargs_override: bool = False,
) -> Callable[[F], F]: ...
def scheduled_task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    label: str | Promise | None = None,
    trigger_type: str | None = None,
    trigger_params: Mapping[str, Any] | None = None,
    timezone: str = "",
    coalesce: bool | None = None,
    max_instances: int | None = None,
    misfire_grace_time: int | None = None,
    timeout: int | None = None,
    max_retries: int | None = None,
    retry_delay: int | None = None,
    retry_backoff: float | None = None,
    rerun_if_interrupted: bool | None = None,
    allow_kwargs_override: bool = False,
) -> Any:
    """Register a function as a task; the function itself is returned unchanged.

    With `trigger_type` and `trigger_params` (as in the YAML file) it gets a job of its name.
    The policies are what jobs of this task inherit before the settings' defaults; times in
    seconds, 0 for no limit. Raises BadTask if the name is taken or the function unfit.
    """

    def register(func: F) -> F:
        if not inspect.isfunction(inspect.unwrap(func)):
            raise BadTask(
                _("%(value)s is no function that was written with “def”, so it is no task.")
                % {"value": shortened(func)}
            )
        policies = {
            "coalesce": coalesce,
            "max_instances": max_instances,
            "misfire_grace_time": misfire_grace_time,
            "timeout": timeout,
            "max_retries": max_retries,
            "retry_delay": retry_delay,
            "retry_backoff": retry_backoff,
            "rerun_if_interrupted": rerun_if_interrupted,
        }
        spec = TaskSpec(
            name=name or func.__name__,
            func=func,
            label=label or func.__name__.replace("_", " ").strip().capitalize(),
            trigger_type=trigger_type,
            trigger_params=trigger_params or {},
            timezone=timezone,
            policies={key: value for key, value in policies.items() if value is not None},
            allow_kwargs_override=allow_kwargs_override,
        )
        _register(spec)
        return func

    return register if function is None else register(function)


def get_task(name: str) -> TaskSpec:
    """The task of that name; raises UnknownFunction."""
    try:
        return _tasks[name]
    except KeyError:
        raise UnknownFunction(name, list(_tasks)) from None


def find_task(name: str) -> TaskSpec | None:
    return _tasks.get(name)


def all_tasks() -> list[TaskSpec]:
    """Every registered task, by name."""
    return sorted(_tasks.values(), key=lambda spec: spec.name)


def policies_of(job: HasPolicies) -> Policies:
    """The job's own policies, else its task's, else the settings'."""
    inherited = inherited_policies(job.function)
    return Policies(
        coalesce=_pick(job.coalesce, inherited["coalesce"]),
        max_instances=_pick(job.max_instances, inherited["max_instances"]),
        misfire_grace_time=_pick(job.misfire_grace_time, inherited["misfire_grace_time"]),
        timeout=_pick(job.timeout, inherited["timeout"]),
    )


def retry_policies_of(job: HasRetryPolicies) -> RetryPolicies:
    """The same for a job's retries."""
    inherited = inherited_policies(job.function)
    return RetryPolicies(
        max_retries=_pick(job.max_retries, inherited["max_retries"]),
        retry_delay=_pick(job.retry_delay, inherited["retry_delay"]),
        retry_backoff=_pick(job.retry_backoff, inherited["retry_backoff"]),
        rerun_if_interrupted=_pick(job.rerun_if_interrupted, inherited["rerun_if_interrupted"]),
    )


def inherited_policies(function: str) -> dict[str, Any]:
    """What a job of that function has where it says nothing itself, by the policies' names."""
    settings, task = conf(), find_task(function)
    return {
        "coalesce": settings.coalesce,
        "max_instances": settings.max_instances,
        "misfire_grace_time": settings.misfire_grace_time_s,
        "timeout": settings.timeout_s,
        "max_retries": settings.max_retries,
        "retry_delay": settings.retry_delay_s,
        "retry_backoff": settings.retry_backoff,
        "rerun_if_interrupted": False,
        **(task.policies if task else {}),
    }


def _pick(own: Any, inherited: Any) -> Any:
    return inherited if own is None else own


def discover() -> None:
    """Import the `tasks` module or package of every installed app, so that they register."""
    for app in apps.get_app_configs():
        if not module_has_submodule(app.module, "tasks"):
            continue
        root = f"{app.name}.tasks"
        module = importlib.import_module(root)
        for found in pkgutil.walk_packages(getattr(module, "__path__", ()), prefix=f"{root}."):
            if not found.name.endswith(".__main__"):
                importlib.import_module(found.name)


@contextmanager
def isolated_registry() -> Iterator[None]:
    """Forget, at the end, what was registered within. For tests."""
    before = dict(_tasks)
    try:
        yield
    finally:
        _tasks.clear()
        _tasks.update(before)


def _register(spec: TaskSpec) -> None:
    if not NAME_PATTERN.fullmatch(spec.name):
        raise BadTask(
            _(
                "The task %(task)s cannot be named “%(name)s”: "
                "use letters, digits, dots, dashes and underscores."
            )
            % {"task": spec.origin, "name": spec.name}
        )
    if inspect.isgeneratorfunction(spec.func) or inspect.isasyncgenfunction(spec.func):
        raise BadTask(
            _("The task %(task)s is a generator, which does nothing when it is called.")
            % {"task": spec.origin}
        )
    other = _tasks.get(spec.name)
    if other is not None and _place(other) != _place(spec):
        raise BadTask(
            _("Two tasks are named “%(name)s”: %(one)s and %(other)s. Name one of them otherwise.")
            % {"name": spec.name, "one": other.origin, "other": spec.origin}
        )
    spec.arguments.schema  # noqa: B018  built now, so that an unfit parameter shows at the start
    _tasks[spec.name] = spec


def _place(spec: TaskSpec) -> tuple[str, str, int]:
    """The same for a function whose module is imported again."""
    line = inspect.unwrap(spec.func).__code__.co_firstlineno
    return spec.func.__module__, spec.func.__qualname__, line


async def _finish(awaitable: Any) -> Any:
    return await awaitable
