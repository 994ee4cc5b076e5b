from jobs.models.alert import (
    AlertChannel,
    AlertEvent,
    AlertIncident,
    AlertMessage,
    AlertNotice,
    AlertRule,
    Kind,
)
from jobs.models.audit import AuditEvent
from jobs.models.definition import JobSnapshot, LoadedDefinition
from jobs.models.execution import ExecutionLog, JobExecution, LogLevel, Source, Status
from jobs.models.job import BUILTIN_IDS, Job, JobState
from jobs.models.rights import JobGroupPermission, JobUserPermission
from jobs.models.scheduler import LeaderTerm, Revision, SchedulerLease, SchedulerProcess
from jobs.models.tally import Tally
from jobs.models.token import ApiToken, Scope

__all__ = [
    "BUILTIN_IDS",
    "AlertChannel",
    "AlertEvent",
    "AlertIncident",
    "AlertMessage",
    "AlertNotice",
    "AlertRule",
    "ApiToken",
    "AuditEvent",
    "ExecutionLog",
    "Job",
    "JobExecution",
    "JobGroupPermission",
    "JobSnapshot",
    "JobState",
    "JobUserPermission",
    "Kind",
    "LeaderTerm",
    "LoadedDefinition",
    "LogLevel",
    "Revision",
    "SchedulerLease",
    "SchedulerProcess",
    "Scope",
    "Source",
    "Status",
    "Tally",
]
