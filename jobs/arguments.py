"""What a task takes: JSON Schema from its signature, and JSON arguments bound to it."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pydantic
from django.utils.translation import gettext as _
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from jobs.errors import InvalidArguments, SchedulerError

CHECKS = pydantic.ConfigDict(strict=True, allow_inf_nan=False)
"""No value is made to fit: neither "5" nor true is a whole number."""


class BadTask(SchedulerError):
    """A function that cannot be a task; raised when its module is imported."""

    code = "bad_task"


class _Schema(GenerateJsonSchema):
    """A default that is no JSON, as a marker of "not given" is, is left out without a warning."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {
        "skipped-choice",
        "non-serializable-default",
    }


class Arguments:
    """The parameters of `func`, which is the task called `task`."""

    def __init__(self, task: str, func: Callable[..., Any]) -> None:
        self.task = task
        self.func = func

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.func)

    @cached_property
    def _model(self) -> type[pydantic.BaseModel]:
        """The keyword form of the signature; fields carry neutral names, parameters are aliases."""
        fields: dict[str, Any] = {}
        config = pydantic.ConfigDict(extra="forbid", **CHECKS)
        for index, parameter in enumerate(self.signature.parameters.values()):
            hint = self._hints.get(parameter.name, Any)
            if parameter.kind is parameter.VAR_KEYWORD:
                config["extra"] = "allow"
                fields["__pydantic_extra__"] = (dict[str, hint], ...)  # type: ignore[valid-type]  # known at run time
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                required = parameter.default is parameter.empty
                default = ... if required else parameter.default
                fields[f"p{index}"] = (
                    hint,
                    pydantic.Field(default=default, alias=parameter.name),
                )
        return pydantic.create_model("Arguments", __config__=config, **fields)

    @cached_property
    def _rest(self) -> pydantic.TypeAdapter[list[Any]]:
        """What `*args` takes."""
        kinds = {p.kind: p.name for p in self.signature.parameters.values()}
        hint = self._hints.get(kinds.get(inspect.Parameter.VAR_POSITIONAL, ""), Any)
        return pydantic.TypeAdapter(list[hint], config=pydantic.ConfigDict(**CHECKS))  # type: ignore[valid-type]  # known at run time

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return _type_hints(self.func)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the arguments as one object; raises BadTask."""
        try:
            self._rest.json_schema(schema_generator=_Schema)
            schema = self._model.model_json_schema(by_alias=True, schema_generator=_Schema)
        except (pydantic.errors.PydanticUserError, TypeError) as error:
            raise BadTask(
                _("The task %(task)s has a parameter that JSON cannot express: %(error)s")
                % {"task": origin_of(self.func), "error": getattr(error, "message", error)}
            ) from error
        schema.pop("title", None)
        for described in schema.get("properties", {}).values():
            described.pop("title", None)
        return schema

    def bind(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """JSON arguments as the function takes them (dates as dates, enums as enums).

        Raises InvalidArguments naming every parameter that is unknown, missing or of another
        type than its annotation.
        """
        if not isinstance(args, list | tuple) or not isinstance(kwargs, Mapping):
            raise InvalidArguments({"kwargs": [_("Arguments are a list and an object.")]})
        if not args and not kwargs and not self._required:
            return [], {}
        named, rest = self._by_name(args, kwargs)
        try:
            checked = self._model.model_validate_json(json.dumps(named, allow_nan=False))
            if rest:
                rest = self._rest.validate_json(json.dumps(rest, allow_nan=False))
        except pydantic.ValidationError as error:
            raise InvalidArguments(self._explain(error)) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArguments(
                {"kwargs": [_("Arguments must be JSON: %(error)s.") % {"error": error}]}
            ) from None
        return self._as_call(checked, rest, given=named)

    @cached_property
    def _required(self) -> bool:
        return any(
            p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            for p in self.signature.parameters.values()
        )

    @cached_property
    def positional(self) -> list[str]:
        """Names of the parameters that may be given by position, in their order."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return [p.name for p in self.signature.parameters.values() if p.kind in kinds]

    @cached_property
    def _takes_many(self) -> bool:
        kinds = [p.kind for p in self.signature.parameters.values()]
        return inspect.Parameter.VAR_POSITIONAL in kinds

    def _by_name(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[Any]]:
        """Positional arguments under their names, and those left for `*args`."""
        rest = list(args[len(self.positional) :])
        if rest and not self._takes_many:
            raise InvalidArguments(
                {
                    "args": [
                        _("%(task)s takes at most %(most)s positional arguments, not %(given)s.")
                        % {
                            "task": self.task,
                            "most": len(self.positional),
                            "given": len(args),
                        }
                    ]
                }
            )
        named = dict(zip(self.positional, args, strict=False))
        twice = sorted(named.keys() & kwargs.keys())
        if twice:
            sentence = _("Given twice: as a positional argument and by name.")
            raise InvalidArguments({f"kwargs.{name}": [sentence] for name in twice})
        return {**named, **kwargs}, rest

    def _as_call(
        self, checked: pydantic.BaseModel, rest: list[Any], *, given: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for index, parameter in enumerate(self.signature.parameters.values()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            value = getattr(checked, f"p{index}")
            if parameter.kind is parameter.POSITIONAL_ONLY or (
                rest and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            ):
                args.append(value)
            elif parameter.name in given:
                kwargs[parameter.name] = value
        kwargs.update(checked.model_extra or {})
        return args + rest, kwargs

    def _explain(self, error: pydantic.ValidationError) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = {}
        takes = ", ".join(self.signature.parameters) or _("none")
        for problem in error.errors(include_url=False, include_context=False):
            name = self._named(problem["loc"])
            if problem["type"] == "missing":
                sentence = _("%(task)s needs this parameter.") % {"task": self.task}
            elif problem["type"] == "extra_forbidden":
                sentence = _("%(task)s has no such parameter. It takes: %(takes)s.") % {
                    "task": self.task,
                    "takes": takes,
                }
            else:
                sentence = _("%(message)s, not %(value)s.") % {
                    "message": problem["msg"].rstrip("."),
                    "value": shortened(problem["input"]),
                }
            errors.setdefault(name, []).append(sentence)
        return errors

    def _named(self, place: tuple[int | str, ...]) -> str:
        """The dotted name of an argument, from where its model or `*args` found it."""
        if place and isinstance(place[0], int):
            place = ("args", len(self.positional) + place[0], *place[1:])
        else:
            place = ("kwargs", *place)
        return ".".join(str(part) for part in place)


def origin_of(func: Callable[..., Any]) -> str:
    """Where a function stands, for people: `package.module.function (file:line)`."""
    code = inspect.unwrap(func).__code__
    path = f"{func.__module__}.{func.__qualname__}"
    return f"{path} ({code.co_filename}:{code.co_firstlineno})"


def shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _type_hints(func: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(func), include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise BadTask(
            _(
                "An annotation of the task %(task)s cannot be resolved: %(error)s. "
                "Import what it names outside `if TYPE_CHECKING`."
            )
            % {"task": origin_of(func), "error": error}
        ) from error
