"""What a look at the partitions of the demonstration's instances has found."""

from __future__ import annotations

from datetime import datetime, timedelta

from jobs.estate.models.finding import FindingKind, PartitionFinding, Severity
from jobs.estate.models.instance import DatabaseInstance


def make_findings(postgresql: DatabaseInstance, mariadb: DatabaseInstance, now: datetime) -> None:
    month = f"{now + timedelta(days=31):%Y_%m}"

    def finding(
        instance: DatabaseInstance,
        where: tuple[str, str, str, str],
        kind: FindingKind,
        severity: Severity,
        message: str,
        *,
        since: int,
        until: int = 0,
    ) -> PartitionFinding:
        """`since` and `until` in days ago; `until` 0: it is still so."""
        database, schema, table, partition = where
        return PartitionFinding(
            instance=instance,
            database=database,
            schema=schema,
            table=table,
            partition=partition,
            kind=kind,
            severity=severity,
            message=message,
            first_seen=now - timedelta(days=since),
            last_seen=now - timedelta(days=until, hours=9),
            resolved_at=now - timedelta(days=until) if until else None,
        )

    PartitionFinding.objects.bulk_create(
        [
            finding(
                postgresql,
                ("orders", "public", "order_events", ""),
                FindingKind.NONE_AHEAD,
                Severity.ERROR,
                f"Periods ahead without a partition: 2 of 3, from {month.replace('_', '-')}-01 on; "
                "such rows will be refused.",
                since=3,
            ),
            finding(
                postgresql,
                ("telemetry", "public", "reading", "reading_default"),
                FindingKind.DEFAULT_ROWS,
                Severity.WARNING,
                "“reading_default” holds about 18,400 rows that no other partition takes.",
                since=8,
            ),
            finding(
                postgresql,
                ("warehouse", "facts", "sales", "sales_2024_11"),
                FindingKind.OVERSIZED,
                Severity.WARNING,
                "“sales_2024_11” is 48.2 GiB, 3.6 times the median of 13.4 GiB.",
                since=21,
            ),
            finding(
                mariadb,
                ("billing", "", "ledger", "p_future"),
                FindingKind.NONE_AHEAD,
                Severity.INFO,
                f"Periods ahead without a partition: 3 of 3, from {month.replace('_', '-')}-01 on; "
                "such rows will go to “p_future”.",
                since=12,
            ),
            finding(
                mariadb,
                ("webshop", "", "visits", ""),
                FindingKind.GAP,
                Severity.WARNING,
                "Nothing takes rows between 2025-02-01 and 2025-03-01.",
                since=26,
                until=14,
            ),
        ]
    )
