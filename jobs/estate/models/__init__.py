from jobs.estate.models.account import Account, Flag
from jobs.estate.models.account_change import AccountChange, AccountChangeKind
from jobs.estate.models.aggregate import PeriodKind, SizeAggregate
from jobs.estate.models.database import Database
from jobs.estate.models.finding import FindingKind, PartitionFinding, Severity
from jobs.estate.models.instance import DatabaseInstance, TlsMode
from jobs.estate.models.policy import Interval, PartitionPolicy
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import Category, SessionStatus, Source, SyncSession
from jobs.estate.models.snapshot import DatabaseSizeSnapshot

__all__ = [
    "Account",
    "AccountChange",
    "AccountChangeKind",
    "Category",
    "Database",
    "DatabaseInstance",
    "DatabaseSizeSnapshot",
    "FindingKind",
    "Flag",
    "Interval",
    "PartitionFinding",
    "PartitionPolicy",
    "PeriodKind",
    "RecordStatus",
    "SessionStatus",
    "Severity",
    "SizeAggregate",
    "Source",
    "SyncRecord",
    "SyncSession",
    "TlsMode",
]
