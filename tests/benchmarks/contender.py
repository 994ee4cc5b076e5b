"""Who is compared."""

from __future__ import annotations

VARIABLE = "BENCH_CONTENDER"

SCHEDCORE = "schedcore"
OTHER = "other"
"""schedcore of another folder."""
STOCK = "stock"
"""django-apscheduler: DjangoJobStore, five threads, grace None; on SQLite with immediate
transactions, else it loses nearly everything."""
STOCK_DEFERRED = "stock-deferred"
"""The same with Django's default transactions on SQLite."""
PLAIN = "plain"
"""APScheduler with SQLAlchemyJobStore, which keeps no history."""
