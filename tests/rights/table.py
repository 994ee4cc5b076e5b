"""Who may do what: one table of every path of the site below `/scheduler/` and every method.

A row says what each caller gets. `OK` stands for the row's own status. Methods that stand in no
row are 405 for whoever is logged in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

WHO = (
    "nobody",
    "no_right",
    # Members of the three groups.
    "viewer",
    "operator",
    "manager",
    # Users who hold one right on one job, which is the one of the paths or another.
    "viewer_of_it",
    "operator_of_it",
    "manager_of_it",
    "manager_of_another",
    # Tokens of a manager, by their scopes, and one of an operator of the one job.
    "view_token",
    "run_token",
    "manage_token",
    "run_token_of_it",
)

OK = 0

# fmt: off
#                nobody none  viewer operator manager  v_it o_it m_it other  view run manage run_it
ANY_VIEW =      (401,   403,  OK,    OK,      OK,      OK,  OK,  OK,  OK,    OK,  OK,  OK,   OK)
ALL_VIEW =      (401,   403,  OK,    OK,      OK,      403, 403, 403, 403,   OK,  OK,  OK,   403)
ALL_MANAGE =    (401,   403,  403,   403,     OK,      403, 403, 403, 403,   403, 403, OK,   403)
ANY_MANAGE =    (401,   403,  403,   403,     OK,      403, 403, OK,  OK,    403, 403, OK,   403)
VIEW =          (401,   404,  OK,    OK,      OK,      OK,  OK,  OK,  404,   OK,  OK,  OK,   OK)
RUN =           (401,   404,  403,   OK,      OK,      403, OK,  OK,  404,   403, OK,  OK,   OK)
MANAGE =        (401,   404,  403,   403,     OK,      403, 403, OK,  404,   403, 403, OK,   403)
# Rights on one job open nothing of the estate; to start a sync takes both.
ESTATE_VIEW =   (401,   403,  OK,    OK,      OK,      403, 403, 403, 403,   OK,  OK,  OK,   403)
ESTATE_MANAGE = (401,   403,  403,   403,     OK,      403, 403, 403, 403,   403, 403, OK,   403)
SYNC =          (401,   403,  403,   OK,      OK,      403, 403, 403, 403,   403, OK,  OK,   403)
# There is nothing for anybody.
NOTHING =       (401,   404,  404,   404,     404,     404, 404, 404, 404,   404, 404, 404,  404)
# fmt: on


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    """With `{execution}`, `{instance}` … for the ids of rows that are there."""
    may: tuple[int, ...]
    ok: int = 200
    body: dict[str, Any] | None = None

    def status_for(self, who: str) -> int:
        return self.may[WHO.index(who)] or self.ok

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


NEW_JOB = {
    "id": "new",
    "name": "New",
    "function": "send_report",
    "trigger_type": "interval",
    "seconds": 5,
}
NEW_INSTANCE = {"name": "n", "engine": "mysql", "host": "h", "port": 1, "username": "u"}
NEW_POLICY = {"instance": "main", "database": "d", "table": "t", "interval": "day"}

NEW_CHANNEL = {"name": "n", "url": "json://127.0.0.1:9/"}
NEW_RULE = {"name": "n", "channels": ["unused"]}

SCHEDULER: dict[str, list[Row]] = {
    "jobs": [Row("GET", "jobs", ANY_VIEW), Row("POST", "jobs", ALL_MANAGE, 201, NEW_JOB)],
    "job_by_function": [Row("POST", "jobs/by-func", ALL_MANAGE, 201, NEW_JOB)],
    "job_reload": [Row("POST", "jobs/reload", ALL_MANAGE, body={"dry_run": True})],
    "job_export": [Row("GET", "jobs/export", ALL_VIEW)],
    "job": [
        Row("GET", "jobs/report", VIEW),
        # Not built in, so forbidden to managers too.
        Row("PUT", "jobs/report", MANAGE, 403, {"trigger_type": "interval"}),
        Row("PATCH", "jobs/report", MANAGE, body={"name": "x"}),
        Row("DELETE", "jobs/report", MANAGE),
    ],
    **{
        f"job_{action}": [Row("POST", f"jobs/report/{action}", MANAGE)]
        for action in ("enable", "disable", "pause", "resume")
    },
    "job_run": [Row("POST", "jobs/report/run", RUN, 202)],
    "job_explain": [Row("GET", "jobs/report/explain", VIEW)],
    "job_rights": [
        Row("GET", "jobs/report/rights", MANAGE),
        Row("PUT", "jobs/report/rights", MANAGE, body={"user": "ann", "right": "run"}),
    ],
    "executions": [Row("GET", "executions", ANY_VIEW)],
    "execution": [Row("GET", "executions/{execution}", VIEW)],
    "execution_logs": [Row("GET", "executions/{execution}/logs", VIEW)],
    # It has ended.
    "execution_cancel": [Row("POST", "executions/{execution}/cancel", RUN, 409)],
    "execution_retry": [Row("POST", "executions/{execution}/retry", RUN, 202)],
    "audit": [Row("GET", "audit", ANY_MANAGE)],
    "audit_export": [Row("GET", "audit/export", ANY_MANAGE)],
    "alert_channels": [
        Row("GET", "alerts/channels", ALL_MANAGE),
        Row("POST", "alerts/channels", ALL_MANAGE, 201, NEW_CHANNEL),
    ],
    "alert_channel": [
        Row("GET", "alerts/channels/{channel}", ALL_MANAGE),
        Row("PATCH", "alerts/channels/{channel}", ALL_MANAGE, body={"is_enabled": False}),
        Row("DELETE", "alerts/channels/{channel}", ALL_MANAGE),
    ],
    "alert_channel_test": [Row("POST", "alerts/channels/{channel}/test", ALL_MANAGE)],
    "alert_rules": [
        Row("GET", "alerts/rules", ALL_MANAGE),
        Row("POST", "alerts/rules", ALL_MANAGE, 201, NEW_RULE),
    ],
    "alert_rule_preview": [Row("POST", "alerts/rules/preview", ALL_MANAGE, body=NEW_RULE)],
    "alert_rule": [
        Row("GET", "alerts/rules/{rule}", ALL_MANAGE),
        Row("PATCH", "alerts/rules/{rule}", ALL_MANAGE, body={"threshold": 2}),
        Row("DELETE", "alerts/rules/{rule}", ALL_MANAGE),
    ],
    "alert_incidents": [Row("GET", "alerts/incidents", ANY_VIEW)],
    "alert_messages": [Row("GET", "alerts/messages", ALL_MANAGE)],
    "functions": [Row("GET", "functions", ALL_VIEW)],
    "trigger_preview": [
        Row("POST", "triggers/preview", ANY_VIEW, body={"trigger_type": "interval", "hours": 1})
    ],
    "health": [Row("GET", "health", ALL_VIEW)],
    "schema": [Row("GET", "schema", ANY_VIEW)],
    "api_root": [Row(method, "", NOTHING) for method in METHODS],
    "unknown": [Row(method, "nope", NOTHING) for method in METHODS],
}

ESTATE: dict[str, list[Row]] = {
    "instances": [
        Row("GET", "estate/instances", ESTATE_VIEW),
        Row("POST", "estate/instances", ESTATE_MANAGE, 201, NEW_INSTANCE),
    ],
    "instance": [
        Row("GET", "estate/instances/{instance}", ESTATE_VIEW),
        Row("PATCH", "estate/instances/{instance}", ESTATE_MANAGE, body={"port": 7}),
        Row("DELETE", "estate/instances/{instance}", ESTATE_MANAGE),
    ],
    "instance_test": [Row("POST", "estate/instances/{instance}/test", ESTATE_MANAGE)],
    "sync": [Row("POST", "estate/sync", SYNC, 202, {"what": "capacity"})],
    "databases": [Row("GET", "estate/databases", ESTATE_VIEW)],
    "snapshots": [Row("GET", "estate/snapshots", ESTATE_VIEW)],
    "aggregates": [Row("GET", "estate/aggregates", ESTATE_VIEW)],
    "accounts": [Row("GET", "estate/accounts", ESTATE_VIEW)],
    "account": [Row("GET", "estate/accounts/{account}", ESTATE_VIEW)],
    "account_changes": [Row("GET", "estate/account-changes", ESTATE_VIEW)],
    "sessions": [Row("GET", "estate/sessions", ESTATE_VIEW)],
    "session": [Row("GET", "estate/sessions/{session}", ESTATE_VIEW)],
    "findings": [Row("GET", "estate/findings", ESTATE_VIEW)],
    "policies": [
        Row("GET", "estate/policies", ESTATE_VIEW),
        Row("POST", "estate/policies", ESTATE_MANAGE, 201, NEW_POLICY),
    ],
    "policy": [
        Row("GET", "estate/policies/{policy}", ESTATE_VIEW),
        Row("PATCH", "estate/policies/{policy}", ESTATE_MANAGE, body={"premake": 5}),
        Row("DELETE", "estate/policies/{policy}", ESTATE_MANAGE),
    ],
}

TABLE = {
    **{f"scheduler:{name}": rows for name, rows in SCHEDULER.items()},
    **{f"estate:{name}": rows for name, rows in ESTATE.items()},
}
ROWS = [row for rows in TABLE.values() for row in rows]
