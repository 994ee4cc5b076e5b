from __future__ import annotations

import asyncio
import enum
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial, wraps
from pathlib import Path
from typing import Any, Literal

import pytest
from django.test import override_settings

from jobs import registry
from jobs.arguments import BadTask
from jobs.errors import InvalidArguments, UnknownFunction
from jobs.models import Job
from jobs.registry import (
    CurrentExecution,
    StopRun,
    all_tasks,
    current_execution,
    discover,
    executing,
    find_task,
    get_task,
    isolated_registry,
    policies_of,
    scheduled_task,
)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@pytest.fixture(autouse=True)
def _own_tasks() -> Iterator[None]:
    with isolated_registry():
        yield


def spec_of(function: Callable[..., Any]) -> registry.TaskSpec:
    scheduled_task(name="task")(function)
    return get_task("task")


def errors_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidArguments) as refused:
        spec_of(function).arguments.bind(list(args), kwargs)
    return refused.value.errors


# --- Registering --------------------------------------------------------------------------


def test_bare_decorator_registers_under_the_functions_name_and_returns_it_unchanged() -> None:
    def send_report(*, days: int = 7) -> int:
        """Mails the report."""
        return days

    assert scheduled_task(send_report) is send_report
    spec = get_task("send_report")
    assert (spec.label, spec.doc, spec.func) == ("Send report", "Mails the report.", send_report)
    assert spec.trigger_type is None
    assert spec in all_tasks()


def test_decorator_with_arguments_keeps_what_it_says() -> None:
    @scheduled_task(
        name="report",
        label="The report",
        trigger_type="cron",
        trigger_params={"hour": 3},
        timezone="Europe/Berlin",
        max_instances=2,
        coalesce=False,
        allow_kwargs_override=True,
    )
    def send_report() -> None: ...

    spec = get_task("report")
    assert find_task("send_report") is None
    assert (spec.label, spec.timezone, spec.trigger_type) == ("The report", "Europe/Berlin", "cron")
    assert spec.policies == {"max_instances": 2, "coalesce": False}, "only what is said"
    assert spec.allow_kwargs_override


def test_policies_are_the_jobs_then_its_tasks_then_the_settings(settings: Any) -> None:
    settings.SCHEDCORE = replace(
        settings.SCHEDCORE, timeout_s=7, max_instances=3, misfire_grace_time_s=11
    )
    scheduled_task(name="task", max_instances=2, misfire_grace_time=0)(lambda: None)
    found = policies_of(Job(function="task", max_instances=1))
    assert (found.max_instances, found.misfire_grace_time, found.timeout) == (1, 0, 7)
    gone = policies_of(Job(function="gone"))
    assert (gone.max_instances, gone.misfire_grace_time) == (3, 11)


def test_two_tasks_of_one_name_are_refused_naming_both_places() -> None:
    def one() -> None: ...
    def two() -> None: ...

    scheduled_task(name="same")(one)
    with pytest.raises(BadTask) as refused:
        scheduled_task(name="same")(two)
    for function in (one, two):
        assert f"{__file__}:{function.__code__.co_firstlineno}" in refused.value.message
    assert get_task("same").func is one


def test_a_function_that_is_written_twice_in_one_module_is_refused() -> None:
    def twice() -> None: ...

    scheduled_task(twice)

    def twice() -> None: ...

    with pytest.raises(BadTask, match="Two tasks are named “twice”"):
        scheduled_task(twice)


def test_a_module_that_is_imported_again_registers_its_tasks_again() -> None:
    def make() -> Callable[[], None]:
        def again() -> None: ...

        return again

    first, second = make(), make()
    scheduled_task(first)
    scheduled_task(second)
    assert get_task("again").func is second


@pytest.mark.parametrize("name", ["with space", "a/b", "ünicode", "new\nline", "x" * 201])
def test_a_name_that_cannot_stand_in_a_path_is_refused(name: str) -> None:
    def fine() -> None: ...

    with pytest.raises(BadTask, match="cannot be named"):
        scheduled_task(name=name)(fine)


def test_generators_are_refused() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> Any:
        yield 1

    for function in (generator, async_generator):
        with pytest.raises(BadTask, match="is a generator"):
            scheduled_task(function)


@pytest.mark.parametrize("thing", ["a name", int, partial(print, 1), object(), print])
def test_what_is_no_function_is_refused_in_a_sentence(thing: Any) -> None:
    with pytest.raises(BadTask, match="is no function"):
        scheduled_task(thing)


def test_an_annotation_that_cannot_be_resolved_is_refused_at_once() -> None:
    def task(when: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(BadTask, match="name 'Missing' is not defined"):
        scheduled_task(task)
    assert find_task("task") is None


class Unfit:
    pass


def takes_a_class(x: Unfit) -> None: ...
def takes_a_callable(x: Callable[[], None]) -> None: ...
def takes_many_of_a_class(*x: Unfit) -> None: ...
def takes_named_of_a_class(**x: Unfit) -> None: ...


@pytest.mark.parametrize(
    "function", [takes_a_class, takes_a_callable, takes_many_of_a_class, takes_named_of_a_class]
)
def test_a_parameter_that_json_cannot_express_is_refused_at_once(
    function: Callable[..., Any],
) -> None:
    with pytest.raises(BadTask, match="that JSON cannot express") as refused:
        scheduled_task(function)
    assert function.__name__ in refused.value.message
    assert "errors.pydantic.dev" not in refused.value.message
    assert find_task(function.__name__) is None


def test_an_unknown_task_is_an_error_that_names_those_there_are() -> None:
    scheduled_task(name="known")(lambda: None)
    with pytest.raises(UnknownFunction, match=r"“unknown” is registered.*known"):
        get_task("unknown")


# --- Discovery ----------------------------------------------------------------------------


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Writes an app package with these files, and gives its name."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def make(name: str, **files: str) -> str:
        for path, text in {"__init__": "", **files}.items():
            file = tmp_path / name / f"{path.replace('__in__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        made.append(name)
        return name

    yield make
    for module in list(sys.modules):
        if module.split(".")[0] in made:
            del sys.modules[module]


TASK = "from jobs.registry import scheduled_task\n@scheduled_task\ndef {name}(): pass\n"


def discover_in(*apps: str) -> None:
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes", *apps]):
        discover()


def test_tasks_module_of_any_installed_app_is_discovered(app: Callable[..., str]) -> None:
    discover_in(app("shop", tasks=TASK.format(name="sell")), app("empty"))
    assert get_task("sell").origin.startswith("shop.tasks.sell (")


def test_every_module_of_a_tasks_package_is_discovered(app: Callable[..., str]) -> None:
    name = app(
        "store",
        tasks__in____init__=TASK.format(name="top"),
        tasks__in__one=TASK.format(name="one"),
        tasks__in__deep__in____init__="",
        tasks__in__deep__in__two=TASK.format(name="two"),
        tasks__in____main__="raise SystemExit('a program, not a module of tasks')",
    )
    discover_in(name)
    assert {find.name for find in all_tasks()} >= {"top", "one", "two"}


def test_an_error_in_a_tasks_module_is_not_swallowed(app: Callable[..., str]) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        discover_in(app("broken", tasks="import no_such_library"))
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        discover_in(
            app("brokener", tasks__in____init__="", tasks__in__one="import no_such_library")
        )


def test_two_apps_with_a_task_of_one_name_stop_the_start(app: Callable[..., str]) -> None:
    first = app("first", tasks=TASK.format(name="same"))
    second = app("second", tasks=TASK.format(name="same"))
    with pytest.raises(BadTask, match=r"first\.tasks\.same .* second\.tasks\.same"):
        discover_in(first, second)


# --- JSON Schema --------------------------------------------------------------------------


def test_json_schema_tells_types_defaults_and_what_is_required() -> None:
    def rich(
        text: str,
        number: int,
        *,
        share: float = 0.5,
        flag: bool = False,
        names: list[str] | None = None,
        limits: dict[str, int] = {},  # noqa: B006
        mode: Literal["fast", "slow"] = "fast",
        colour: Colour = Colour.RED,
        day: date = date(2026, 1, 2),
        at: datetime | None = None,
        anything: Any = None,
        bare=3,  # type: ignore[no-untyped-def]
    ) -> None: ...

    schema = spec_of(rich).arguments.schema
    found = schema["properties"]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["text", "number"]
    assert found["text"] == {"type": "string"}
    assert found["number"] == {"type": "integer"}
    assert found["share"] == {"type": "number", "default": 0.5}
    assert found["flag"] == {"type": "boolean", "default": False}
    assert found["names"]["anyOf"] == [
        {"type": "array", "items": {"type": "string"}},
        {"type": "null"},
    ]
    assert found["limits"]["additionalProperties"] == {"type": "integer"}
    assert found["mode"] == {"type": "string", "enum": ["fast", "slow"], "default": "fast"}
    assert found["colour"]["default"] == "red"
    assert schema["$defs"]["Colour"]["enum"] == ["red", "blue"]
    assert found["day"] == {"type": "string", "format": "date", "default": "2026-01-02"}
    assert found["at"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert found["bare"] == {"default": 3}


def test_json_schema_of_named_rest_tells_its_type() -> None:
    def task(**sizes: int) -> None: ...

    assert spec_of(task).arguments.schema["additionalProperties"] == {"type": "integer"}


def test_a_default_that_is_no_json_stays_the_functions_business() -> None:
    marker = object()

    def task(x: Any = marker) -> bool:
        return x is marker

    spec = spec_of(task)
    assert spec.arguments.schema["properties"]["x"] == {}
    assert spec.call([], {}) is True


# --- Binding ------------------------------------------------------------------------------


def test_json_becomes_what_the_annotations_say() -> None:
    def task(
        day: date,
        at: datetime,
        colour: Colour,
        price: Decimal,
        pair: tuple[int, str],
        ids: set[int],
    ) -> tuple[Any, ...]:
        return day, at, colour, price, pair, ids

    given = ["2026-01-02", "2026-01-02T03:04:05+01:00"]
    named = {"colour": "blue", "price": "1.20", "pair": [1, "a"], "ids": [3, 3]}
    found = spec_of(task).call(given, named)
    assert found[0] == date(2026, 1, 2)
    assert found[1] == datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert found[2:] == (Colour.BLUE, Decimal("1.20"), (1, "a"), {3})


def test_absent_arguments_are_left_to_the_functions_own_defaults() -> None:
    def task(x: int = 1, *, y: list[int] = []) -> None: ...  # noqa: B006

    assert spec_of(task).arguments.bind([], {}) == ([], {})
    assert spec_of(task).arguments.bind([], {"x": 2}) == ([], {"x": 2})


def wants(x: int, y: str = "", *, z: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "field", "words"),
    [
        ([], {}, "kwargs.x", "needs this parameter"),
        ([], {"x": 1, "nope": 2}, "kwargs.nope", "no such parameter. It takes: x, y, z"),
        ([], {"x": "1"}, "kwargs.x", "valid integer, not '1'"),
        ([], {"x": True}, "kwargs.x", "valid integer, not True"),
        ([], {"x": 1.5}, "kwargs.x", "not 1.5"),
        ([], {"x": None}, "kwargs.x", "not None"),
        (["1"], {}, "kwargs.x", "valid integer"),
        ([1, "a"], {"z": 1}, "kwargs.z", "valid boolean"),
        ([1, "a", True], {}, "args", "at most 2 positional arguments, not 3"),
        ([1], {"x": 1}, "kwargs.x", "Given twice"),
        ([1], {"y": float("nan")}, "kwargs", "must be JSON"),
        ([1], {"y": {1, 2}}, "kwargs", "must be JSON"),
        ([1], {"y": b"bytes"}, "kwargs", "must be JSON"),
        ([10**5000], {}, "kwargs", "must be JSON"),
        ("12", {}, "kwargs", "a list and an object"),
        ([], [1], "kwargs", "a list and an object"),
        (None, None, "kwargs", "a list and an object"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_the_parameters_name(
    args: Any, kwargs: Any, field: str, words: str
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        spec_of(wants).arguments.bind(args, kwargs)
    assert list(refused.value.errors) == [field]
    assert words in refused.value.errors[field][0]
    assert field in refused.value.message


def test_every_wrong_argument_is_named_at_once() -> None:
    assert set(errors_of(wants, y=1, z="no", nope=0)) == {
        "kwargs.x",
        "kwargs.y",
        "kwargs.z",
        "kwargs.nope",
    }


@pytest.mark.parametrize("depth", [300, 10_000])
def test_arguments_nested_too_deep_are_refused(depth: int) -> None:
    def task(x: Any) -> None: ...

    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    assert list(errors_of(task, x=nested)) == ["kwargs"]


def test_a_number_that_only_infinity_can_hold_is_refused() -> None:
    def task(x: float) -> None: ...

    assert "finite" in errors_of(task, x=10**400)["kwargs.x"][0]


def test_huge_whole_numbers_arrive_whole() -> None:
    def task(x: int) -> int:
        return x

    assert spec_of(task).call([], {"x": 10**400}) == 10**400


def test_a_long_value_is_shown_short() -> None:
    assert len(errors_of(wants, x="y" * 10_000_000)["kwargs.x"][0]) < 300


def test_rest_of_positional_arguments_is_taken_and_checked() -> None:
    def task(first: str, *numbers: int, last: bool = False) -> tuple[Any, ...]:
        return first, numbers, last

    assert spec_of(task).call(["a", 1, 2], {"last": True}) == ("a", (1, 2), True)
    assert spec_of(task).call(["a"], {}) == ("a", (), False)
    assert list(errors_of(task, "a", 1, "two")) == ["args.2"]
    assert list(errors_of(task, "a", 1, float("inf"))) == ["kwargs"]


def test_rest_of_named_arguments_is_taken_and_checked() -> None:
    def task(x: int, **sizes: int) -> tuple[int, dict[str, int]]:
        return x, sizes

    assert spec_of(task).call([1], {"p0": 2, "self": 3, "extra": 4}) == (
        1,
        {"p0": 2, "self": 3, "extra": 4},
    )
    assert list(errors_of(task, 1, size="big")) == ["kwargs.size"]


def test_positional_only_parameters_can_be_given_either_way_in_json() -> None:
    def task(x: int, y: int = 2, /, z: int = 3) -> tuple[int, int, int]:
        return x, y, z

    assert spec_of(task).call([5], {}) == (5, 2, 3)
    assert spec_of(task).call([], {"x": 5, "z": 7}) == (5, 2, 7)


def test_parameters_may_bear_the_names_of_the_checking_librarys_own() -> None:
    def task(
        schema: str,
        copy: int,
        json: bool,
        model_config: str,
        model_fields: int,
        _under: int,
        p3: int,
    ) -> dict[str, Any]:
        return dict(locals())

    given = {
        "schema": "public",
        "copy": 1,
        "json": True,
        "model_config": "x",
        "model_fields": 2,
        "_under": 3,
        "p3": 4,
    }
    assert spec_of(task).call([], given) == given
    assert list(spec_of(task).arguments.schema["properties"]) == list(given)


def test_a_wrapped_function_is_judged_by_its_own_signature() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @scheduled_task
    @logged
    def inner(day: date) -> date:
        return day

    assert get_task("inner").call([], {"day": "2026-01-02"}) == date(2026, 1, 2)
    with pytest.raises(InvalidArguments, match=r"kwargs\.nope"):
        get_task("inner").arguments.bind([], {"nope": 1})


# --- Running ------------------------------------------------------------------------------


def test_a_coroutine_is_run_to_its_end_and_sees_its_run() -> None:
    async def task(x: int) -> tuple[int, int | None]:
        await asyncio.sleep(0)
        return x * 2, current_execution().id

    run = CurrentExecution()
    run.id = 91
    with executing(run):
        assert spec_of(task).call([], {"x": 21}) == (42, 91)


def test_a_coroutine_is_stopped_like_any_task() -> None:
    class Stopped(CurrentExecution):
        def check(self) -> None:
            raise StopRun("enough")

    async def task() -> None:
        with suppress(Exception):
            current_execution().check()

    with executing(Stopped()), pytest.raises(StopRun, match="enough"):
        spec_of(task).call([], {})


def test_current_execution_is_harmless_outside_a_run() -> None:
    run = current_execution()
    run.progress(1, 2, "half way")
    run.check()
    run.warn("nothing")
    assert (run.id, run.job_id, run.scheduled_for, run.attempt) == (None, None, None, 1)


def test_executing_ends_with_its_block_and_stays_in_its_thread() -> None:
    outer, inner = CurrentExecution(), CurrentExecution()
    elsewhere: list[CurrentExecution] = []
    with executing(outer):
        with suppress(ZeroDivisionError), executing(inner):
            assert current_execution() is inner
            raise ZeroDivisionError
        assert current_execution() is outer
        thread = threading.Thread(target=lambda: elsewhere.append(current_execution()))
        thread.start()
        thread.join(10)
    assert elsewhere[0] is not outer
    assert current_execution() is not outer


def test_stopping_a_run_is_not_swallowed_by_a_tasks_own_handler() -> None:
    assert not issubclass(StopRun, Exception)
