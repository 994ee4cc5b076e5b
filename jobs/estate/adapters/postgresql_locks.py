"""Which tables of a PostgreSQL database nobody else may even look at now."""

from __future__ import annotations

LOCKED = (
    "SELECT coalesce(indrelid, relation) FROM pg_locks LEFT JOIN pg_index ON indexrelid = relation"
    " WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Oids of those that somebody has for himself alone, or an index of them, and of those that
somebody waits to have so: behind him one would wait as well."""
