"""Serializers that read what is sent: an unknown key is an error, and a text is no number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from rest_framework import serializers

from jobs.errors import Invalid

MAX_ID = 2**63 - 1
"""The largest that the databases hold."""


class Strict(serializers.Serializer[Any]):
    @classmethod
    def names(cls) -> list[str]:
        return list(cls._declared_fields)

    @classmethod
    def read(cls, data: Mapping[str, Any], **context: Any) -> dict[str, Any]:
        """The fields of `data` that are there, or by default; raises for any that is wrong."""
        refuse_unknown(data, cls.names())
        serializer = cls(context=context) if context else _without_context(cls, get_language())
        found: dict[str, Any] = serializer.run_validation(dict(data))
        return found


@cache
def _without_context(serializer: type[Strict], language: str | None) -> Strict:
    """One for all requests, which reads without keeping anything: to make its fields anew took
    longer than to read a query. One for each language: the framework's sentences about limits
    stay in the one in which they are said first."""
    return serializer()


class Nothing(Strict):
    """No field at all."""


class Query(Strict):
    """Reads parameters of a query, which are all texts: 5 as "5" and true as "true"."""


class Flag(serializers.BooleanField):
    """true or false, and nothing that looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(self.root, Query):
            data = {"true": True, "false": False}.get(data, data)
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A whole number, and no text that looks like one; in a query its plain digits."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(self.root, Query) and re.fullmatch(r"-?[0-9]{1,30}", data, re.ASCII):
            data = int(data)
        if isinstance(data, float) and data.is_integer():  # 5.0 is one, as JSON Schema has it
            data = int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Text(serializers.CharField):
    """A text, and no number that could be written as one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """One of a few words; the error names them."""

    default_error_messages = {
        "invalid_choice": gettext_lazy("“{input}” is not known; allowed are {allowed}.")
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            allowed = ", ".join(map(str, self.choices))
            self.fail("invalid_choice", input=str(data)[:100], allowed=allowed)
        return data


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raises Invalid naming every key of `given` that is not among `known`."""
    names = list(known)
    sentence = _("There is no such field. Known are: %(names)s.") % {
        "names": ", ".join(names) or _("none")
    }
    if unknown := [key for key in given if key not in names]:
        raise Invalid({key[:100]: [sentence] for key in unknown})
