"""What Schemathesis has to be told beside the description: how to write what has a format of
its own, and what may be wrong with a request that its schema allows."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase

from jobs.triggers.fields import NAMES, PREFIX
from jobs.triggers.interval import UNITS, WINDOW

schemathesis.openapi.format("function", st.just("anything"))
schemathesis.openapi.format("time-zone", st.sampled_from(["", "UTC", "Asia/Shanghai"]))
schemathesis.openapi.format(
    "cron", st.sampled_from(["0 3 * * *", "*/5 * * * 1-5", "0 0 12 L * ?", "@daily"])
)

TRIGGER = {"trigger_type", "trigger_params", "cron_expression", "run_date", *UNITS, *WINDOW}
TRIGGER |= {*NAMES, *(PREFIX + name for name in NAMES)}
INSTANCE = {"name", "engine", "host", "port", "username", "database", "ca", "timezone", "tags"}
INSTANCE |= {"password", "change_username", "change_password"}
CHANNEL = {"name", "url"}
RULE = {"name", "pattern", "threshold", "duration_s", "channels"}
BEYOND_SCHEMA: dict[str, set[str]] = {
    "POST /scheduler/api/jobs": {*TRIGGER, "args", "kwargs"},
    "POST /scheduler/api/jobs/by-func": {*TRIGGER, "args", "kwargs"},
    "PUT /scheduler/api/jobs/{job_id}": TRIGGER,
    "PATCH /scheduler/api/jobs/{job_id}": {*TRIGGER, "args", "kwargs"},
    "POST /scheduler/api/jobs/{job_id}/run": {"kwargs"},
    "POST /scheduler/api/jobs/{job_id}/pause": {"until"},
    "GET /scheduler/api/jobs/{job_id}/explain": {"at"},
    "PUT /scheduler/api/jobs/{job_id}/rights": {"user", "group"},
    "POST /scheduler/api/triggers/preview": TRIGGER,
    "POST /scheduler/api/alerts/channels": CHANNEL,
    "PATCH /scheduler/api/alerts/channels/{id}": CHANNEL,
    "POST /scheduler/api/alerts/rules": RULE,
    "PATCH /scheduler/api/alerts/rules/{id}": RULE,
    "POST /scheduler/api/alerts/rules/preview": RULE,
    "POST /scheduler/api/estate/sync": {"instances", "engine"},
    "POST /scheduler/api/estate/instances": INSTANCE,
    "PATCH /scheduler/api/estate/instances/{id}": INSTANCE,
    "POST /scheduler/api/estate/instances/{id}/test": INSTANCE,
    "POST /scheduler/api/estate/policies": {"instance", "step", "premake", "body"},
    "PATCH /scheduler/api/estate/policies/{id}": {"instance", "step", "premake", "body"},
}
"""The fields that a request may be refused for though its schema allows them: what they name is
not there, or they do not fit each other."""


@schemathesis.check
def valid_data_is_refused_only_for_what_no_schema_says(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    if response.status_code != 400 or not _is_valid(case):
        return
    allowed = BEYOND_SCHEMA.get(case.operation.label, set())
    fields = {field.partition(".")[0] for field in response.json().get("errors", {"": []})}
    assert fields <= allowed, (
        f"What the schema allows was refused for {sorted(fields - allowed)}: describe them as "
        "they are or, where no schema can say it, name them in tests/contract/hooks.py."
    )


def _is_valid(case: schemathesis.Case) -> bool:
    if case.meta is None or case.meta.phase.name is TestPhase.STATEFUL:
        return False  # into its bodies go values of earlier answers, whatever the schema says
    return case.meta.generation.mode.is_positive
