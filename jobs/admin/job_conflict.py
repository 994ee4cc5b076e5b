"""Two people edit one job: what the other has changed meanwhile, and both changes in one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.display import moment
from jobs.control.audit import differing
from jobs.control.input import CALL_FIELDS, FIELDS, TRIGGER_FIELDS
from jobs.masking import masked
from jobs.models import AuditEvent, Job
from jobs.triggers import describe

TOGETHER = (CALL_FIELDS, TRIGGER_FIELDS)
"""Fields that make sense only as one of the two has set them."""

STATE = ("is_paused", "paused_until")
"""What is changed beside the form, by buttons."""

SALT = "jobs.admin.seen"
LONGEST = 300
EVENTS = 50


@dataclass(frozen=True)
class Change:
    """A field that somebody else has changed meanwhile; texts for people.

    `yours` is None where it was not touched here, so that the other's stands.
    """

    name: str
    label: str
    was: str
    now: str
    yours: str | None
    who: str
    at: SafeString | None


def state_of(job: Job) -> dict[str, Any]:
    """A job as JSON, as its page has shown it."""
    state = {name: getattr(job, name) for name in FIELDS}
    until = job.paused_until.isoformat() if job.paused_until else None
    return {**state, "is_paused": job.is_paused, "paused_until": until}


def signed(job: Job) -> str:
    """The same for the page to send back."""
    return signing.dumps(state_of(job), salt=SALT, compress=True)


def read_signed(text: str) -> dict[str, Any] | None:
    """The state that a page has sent back; None if it is not ours."""
    try:
        state: dict[str, Any] = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        return None
    return state


def compare(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str], set[str]]:
    """Both changes of `base` in one, what they have changed, and what both did differently.

    What only one of the two has touched is as they have left it; what both did is `mine`.
    """
    changed = differing(base, theirs)
    touched = differing(base, mine) & set(mine)
    together = dict(mine)
    both: set[str] = set()
    for group in (*TOGETHER, *({name} for name in set(FIELDS).difference(*TOGETHER))):
        if not group & changed:
            continue
        if group & touched:
            both |= group & differing(mine, theirs) & set(mine)
        else:
            together.update({name: theirs[name] for name in group})
    return together, changed, both


def changes_of(
    job: Job,
    changed: Iterable[str],
    both: Iterable[str],
    *,
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
) -> list[Change]:
    """The changed fields in the order in which a job is shown."""
    events = list(AuditEvent.objects.filter(job_id=job.pk, is_refused=False)[:EVENTS])
    names = {*changed, *both}
    found = []
    for name in (name for name in (*FIELDS, *STATE) if name in names):
        event = next((one for one in events if name in (one.after or {})), None)
        field = Job._meta.get_field(name)
        found.append(
            Change(
                name=name,
                label=str(getattr(field, "verbose_name", name)),
                was=_text(name, base) if name in base else "?",
                now=_text(name, theirs),
                yours=_text(name, mine) if name in both else None,
                who=f"{event.actor} ({event.get_via_display()})" if event else "?",
                at=moment(event.at) if event else None,
            )
        )
    return found


def _text(name: str, state: Mapping[str, Any]) -> str:
    value = masked(state[name], name)
    if name == "trigger_params":
        kind, zone = str(state["trigger_type"]), str(state["timezone"] or "UTC")
        text = describe(kind, value, zone) if isinstance(value, Mapping) else json.dumps(value)
    elif value is None:
        text = "–" if name in STATE else _("inherited")
    elif isinstance(value, bool):
        text = _("yes") if value else _("no")
    elif isinstance(value, str):
        text = value or _("empty")
    else:
        text = json.dumps(value, ensure_ascii=False)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
