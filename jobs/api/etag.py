"""Conditional requests (RFC 9110, 13): a job's ETag is its version, which changes with its
definition, switch and pause, and not with what becomes of its runs."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
from rest_framework.request import Request

from jobs.api.endpoint import RequestHeader
from jobs.control.job import VersionConflict
from jobs.errors import Invalid

TAG = re.compile(r'(?P<weak>W/)?"(?P<opaque>[!#-~\x80-\xff]*)"')
VERSION = re.compile("[1-9][0-9]{0,18}")
A_TAG = "\n"
"""Stands for a tag where the rest of a header is looked at, which cannot hold this itself."""

_TAG = r'(W/)?"[!#-~]*"'
_TAGS = {
    "oneOf": [
        {"type": "string", "enum": ["*"]},
        {"type": "string", "pattern": rf"^{_TAG}( *, *{_TAG})*$"},
    ]
}

IF_MATCH = RequestHeader(
    "If-Match",
    _TAGS,
    'The ETag of the job as you read it, such as "7"; the change is refused if it is not the '
    "present one.",
    refusals=(VersionConflict,),
)
IF_NONE_MATCH = RequestHeader(
    "If-None-Match",
    _TAGS,
    'The ETag of the job as you have it, such as "7"; if it is the present one, the answer is an '
    "empty 304.",
)


def etag(version: int) -> str:
    return f'"{version}"'


def expected_version(request: Request) -> frozenset[int] | None:
    """The versions that `If-Match` lets through; None if any will do. Raises Invalid.

    It compares strongly: a weak tag matches nothing.
    """
    tags = _tags(request, "If-Match")
    if tags is None:
        return None
    return frozenset(int(opaque) for weak, opaque in tags if not weak and VERSION.fullmatch(opaque))


def is_known(request: Request, version: int) -> bool:
    """Whether `If-None-Match` says that the sender has this version; raises Invalid."""
    if "If-None-Match" not in request.headers:
        return False
    tags = _tags(request, "If-None-Match")
    return tags is None or str(version) in [opaque for _weak, opaque in tags]


def _tags(request: Request, header: str) -> list[tuple[bool, str]] | None:
    """Whether each tag of a list is weak, and its text; None for any, as without the header."""
    sent = request.headers.get(header, "*").strip(" \t")
    if sent == "*":
        return None
    rest = {part.strip(" \t") for part in TAG.sub(A_TAG, sent).split(",")}
    if "\n" in sent or A_TAG not in rest or not rest <= {A_TAG, ""}:
        raise Invalid(
            {header: [_('Send ETags of the job as it was read, such as "7", or "7", "8"; or *.')]}
        )
    return [(tag["weak"] is not None, tag["opaque"]) for tag in TAG.finditer(sent)]
