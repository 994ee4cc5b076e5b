"""A job as it is written to the API, and as `control` takes it.

On the wire `is_enabled` is `enabled`, and a trigger's parameters may stand flat in the body,
as the reference takes them: `cron_expression`, the single fields bare or with `cron_` before
them, `weeks … seconds`, `run_date`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from jobs.api.strict import refuse_unknown
from jobs.control.input import FIELDS, TRIGGER_FIELDS
from jobs.errors import Invalid
from jobs.triggers.fields import NAMES, PREFIX
from jobs.triggers.interval import UNITS, WINDOW
from jobs.triggers.spec import EXPRESSION

WIRE_NAMES = {"is_enabled": "enabled"}
OUR_NAMES = {wire: ours for ours, wire in WIRE_NAMES.items()}
JOB_FIELDS = tuple(WIRE_NAMES.get(name, name) for name in FIELDS)
FLAT_FIELDS = (EXPRESSION, *NAMES, *(PREFIX + name for name in NAMES), *UNITS, *WINDOW, "run_date")


@dataclass(frozen=True, slots=True)
class Sent:
    """A body as `control` takes it."""

    fields: dict[str, Any]
    names: Mapping[str, str]
    """The fields of `control`'s errors, as the sender called them."""

    @contextmanager
    def naming_fields(self) -> Iterator[None]:
        """Errors raised within speak of the sender's names."""
        try:
            yield
        except Invalid as error:
            by_name = {
                self.names.get(name, name): sentences for name, sentences in error.errors.items()
            }
            raise Invalid(by_name) from error


def read_job(body: Mapping[str, Any], known: Collection[str] = JOB_FIELDS) -> Sent:
    """A job's fields from a body; raises Invalid for keys that are neither `known` nor flat."""
    refuse_unknown(body, (*known, *FLAT_FIELDS))
    fields = {OUR_NAMES.get(key, key): body[key] for key in body if key in known}
    flat = {key: body[key] for key in body if key not in known}
    if flat and "trigger_params" in fields:
        raise Invalid({"trigger_params": [_both(flat)]})
    if flat:
        fields["trigger_params"] = flat
    names = dict(WIRE_NAMES)
    for key in flat:
        bare = key.removeprefix(PREFIX) if key != EXPRESSION else key
        names |= {f"trigger_params.{bare}": key, f"trigger_params.{key}": key}
    return Sent(fields, names)


def read_trigger(body: Mapping[str, Any]) -> Sent:
    """A whole trigger, and nothing else, from a body."""
    sent = read_job(body, known=sorted(TRIGGER_FIELDS))
    sent.fields.setdefault("trigger_type", None)
    sent.fields.setdefault("trigger_params", {})
    return sent


def _both(flat: Collection[str]) -> str:
    return _("Give either trigger_params or its single fields (%(names)s), not both.") % {
        "names": ", ".join(flat)
    }
