"""Paths below the scheduler's prefix; each works with and without a slash at its end.

The reserved words `reload`, `export` and `by-func` stand before the ids.
"""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, re_path

from jobs.api import (
    alert_channel,
    alert_incident,
    alert_message,
    alert_rule,
    audit_event,
    definition,
    description,
    execution,
    explanation,
    fallback,
    function,
    health,
    home,
    job,
    job_action,
    job_rights,
    trigger,
)
from jobs.models.job import ID_PATTERN

app_name = "scheduler"

JOB = rf"jobs/(?P<job_id>{ID_PATTERN})"
CHANNEL = r"alerts/channels/(?P<pk>[0-9]{1,18})"
EXECUTION = r"executions/(?P<execution_id>[0-9]{1,18})"


def api(pattern: str, view: Any, name: str) -> URLPattern:
    found: URLPattern = re_path(rf"^api/{pattern}/?$", view.as_view(), name=name)
    return found


urlpatterns = [
    path("", home.home, name="home"),
    api("jobs", job.JobList, "jobs"),
    api("jobs/by-func", job.JobByFunction, "job_by_function"),
    api("jobs/reload", definition.JobReload, "job_reload"),
    api("jobs/export", definition.JobExport, "job_export"),
    api(JOB, job.JobDetail, "job"),
    api(f"{JOB}/enable", job_action.JobEnable, "job_enable"),
    api(f"{JOB}/disable", job_action.JobDisable, "job_disable"),
    api(f"{JOB}/pause", job_action.JobPause, "job_pause"),
    api(f"{JOB}/resume", job_action.JobResume, "job_resume"),
    api(f"{JOB}/run", job_action.JobRun, "job_run"),
    api(f"{JOB}/explain", explanation.JobExplain, "job_explain"),
    api(f"{JOB}/rights", job_rights.JobRights, "job_rights"),
    api("executions", execution.ExecutionList, "executions"),
    api(EXECUTION, execution.ExecutionDetail, "execution"),
    api(f"{EXECUTION}/logs", execution.ExecutionLogList, "execution_logs"),
    api(f"{EXECUTION}/cancel", execution.ExecutionCancel, "execution_cancel"),
    api(f"{EXECUTION}/retry", execution.ExecutionRetry, "execution_retry"),
    api("audit", audit_event.AuditList, "audit"),
    api("audit/export", audit_event.AuditExport, "audit_export"),
    api("alerts/channels", alert_channel.ChannelList, "alert_channels"),
    api(CHANNEL, alert_channel.ChannelDetail, "alert_channel"),
    api(f"{CHANNEL}/test", alert_channel.ChannelTest, "alert_channel_test"),
    api("alerts/rules", alert_rule.RuleList, "alert_rules"),
    api("alerts/rules/preview", alert_rule.RulePreview, "alert_rule_preview"),
    api(r"alerts/rules/(?P<pk>[0-9]{1,18})", alert_rule.RuleDetail, "alert_rule"),
    api("alerts/incidents", alert_incident.IncidentList, "alert_incidents"),
    api("alerts/messages", alert_message.MessageList, "alert_messages"),
    api("functions", function.FunctionList, "functions"),
    api("triggers/preview", trigger.TriggerPreview, "trigger_preview"),
    api("health", health.Health, "health"),
    api("schema", description.Description, "schema"),
    re_path(r"^api/docs/?$", description.docs, name="docs"),
    # What is not there is said in the API's own form, too.
    path("api/", fallback.UnknownPath.as_view(), name="api_root"),
    re_path(r"^api(?:/[\s\S]*)?$", fallback.UnknownPath.as_view(), name="unknown"),
]
