"""The body of a request: one JSON object of sane size, depth and content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser


class LengthRequired(APIException):
    """A body in chunks, which WSGI passes on as an empty one."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = gettext_lazy("Send the body with a Content-Length, not in chunks.")


MAX_DEPTH = 50
"""Far above what arguments need, and far below where Python's stack ends."""


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no infinity, no half a surrogate pair.

    A body above DATA_UPLOAD_MAX_MEMORY_SIZE is not read to its end: not every version of the
    framework checks that, nor for parsers that are not its own.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            body = json.loads(
                _read(stream).decode("utf-8-sig"),
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_each_once,
            )
        except RecursionError:
            raise _too_deep() from None
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %(error)s.") % {"error": error}) from error
        if not isinstance(body, dict):
            raise ParseError(_('The body must be an object, such as {"name": "value"}.'))
        _check(body)
        return body


def _read(stream: IO[bytes]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is None:
        return stream.read()
    found = stream.read(limit + 1)
    if len(found) > limit:
        raise RequestDataTooBig
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(_("“%(name)s” is given more than once") % {"name": name[:100]})
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(_("%(value)s is not JSON") % {"value": name})


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(_("%(value)s is too large a number") % {"value": text[:50]})
    return number


def _check(value: Any, depth: int = 1) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            sentence = _("The body holds half a surrogate pair, which is no character.")
            raise ParseError(sentence) from None
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth + 1)


def _too_deep() -> ParseError:
    return ParseError(_("The body is nested more than %(most)d levels deep.") % {"most": MAX_DEPTH})
