"""New partitions on MariaDB and MySQL. Their DDL is not transactional: a statement that fails
changes nothing, but those before it stay."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pymysql
from django.utils.translation import gettext as _
from pymysql.constants import ER

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import HOLD_UP_S, Changer
from jobs.estate.adapters.mysql_bounds import in_order, reckoning_of
from jobs.estate.adapters.mysql_connection import MysqlConnection, quoted
from jobs.estate.adapters.mysql_errors import STATEMENT_TIMEOUT, number_of
from jobs.estate.adapters.partitions import NewPartition, PartitionedTable


class MysqlChanger(Changer):
    """MariaDB ends what takes too long, and MySQL only what waits for a lock: it has no limit for
    an ALTER that is at work."""

    def __init__(self, connection: MysqlConnection) -> None:
        self._connection = connection

    def create_statements(
        self, table: PartitionedTable, wanted: Sequence[NewPartition]
    ) -> list[str]:
        """One statement for all of them: ADD PARTITION, or REORGANIZE PARTITION of the one with
        MAXVALUE, which moves to them what it holds of theirs.

        A range begins where the one before ends, so the first takes also what lies before its
        lower bound. Raises InstanceError where one would have to stand before those there are.
        """
        reckoning = reckoning_of(table)
        wanted = sorted(wanted, key=lambda new: in_order(new.upper))
        if not wanted:
            return []
        _require_behind(table, wanted[0])
        parts = [
            f"PARTITION {quoted(new.name)} VALUES LESS THAN ({reckoning.write(new.upper)})"
            for new in wanted
        ]
        alter = f"ALTER TABLE {quoted(table.database, table.name)}"
        for last in table.partitions:
            if last.is_default:
                parts.append(f"PARTITION {quoted(last.name)} VALUES LESS THAN (MAXVALUE)")
                return [
                    f"{alter} REORGANIZE PARTITION {quoted(last.name)} INTO ({', '.join(parts)})"
                ]
        return [f"{alter} ADD PARTITION ({', '.join(parts)})"]

    def detach_statements(self, table: PartitionedTable, names: Sequence[str]) -> list[str]:
        """None: a partition can be dropped, or exchanged for an empty table, but not let go."""
        return []

    def execute(self, database: str, statements: Sequence[str]) -> None:
        """Run them one by one, each for good. One that waits for a lock is given up soon, since
        behind it everybody else would have to wait too."""
        with self._connection.in_words():
            try:
                self._connection.use(database)
            except pymysql.Error as error:
                if number_of(error) == ER.BAD_DB_ERROR:
                    raise errors.DatabaseNotFound(database) from None
                raise
            for statement in statements:
                self._change(statement)

    def _change(self, statement: str) -> None:
        if not self._connection.is_mariadb:
            self._connection.execute(statement)
            return
        began = time.monotonic()
        try:
            self._connection.execute(statement, limit_s=HOLD_UP_S)
        except pymysql.Error as error:
            if number_of(error) != STATEMENT_TIMEOUT or time.monotonic() - began < HOLD_UP_S:
                raise
            raise errors.HoldsUp(HOLD_UP_S) from None


def _require_behind(table: PartitionedTable, first: NewPartition) -> None:
    uppers = [partition.upper for partition in table.partitions if partition.upper is not None]
    if uppers and in_order(first.upper) <= in_order(uppers[-1]):
        raise errors.InstanceError(
            _(
                "“%(name)s” cannot be made: partitions of “%(table)s” can only be added "
                "behind %(bound)s."
            )
            % {"name": first.name, "table": table.name, "bound": uppers[-1]}
        )
