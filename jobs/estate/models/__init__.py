from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstance, TlsMode
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import Category, SessionStatus, Source, SyncSession
from jobs.estate.models.snapshot import DatabaseSizeSnapshot

__all__ = [
    "Category",
    "Database",
    "DatabaseInstance",
    "DatabaseSizeSnapshot",
    "RecordStatus",
    "SessionStatus",
    "Source",
    "SyncRecord",
    "SyncSession",
    "TlsMode",
]
