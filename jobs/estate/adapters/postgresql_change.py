"""How the partitions of a PostgreSQL server are made and detached."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import SQL, Composed, Identifier

from jobs.estate.adapters.base import HOLD_UP_S, Changer
from jobs.estate.adapters.errors import BoundUnsuitable, DidNotAnswer, HoldsUp, NameTooLong
from jobs.estate.adapters.partitions import NewPartition, PartitionedTable
from jobs.estate.adapters.postgresql_bounds import literal, suits
from jobs.estate.adapters.postgresql_connection import Transaction, connected_beside

LOCK_TIMEOUT_S = 3.0
"""Short, since everybody else's queries queue up behind the lock that is waited for."""

LONGEST_NAME_BYTES = 63
"""NAMEDATALEN - 1; the server cuts longer names without a word."""

CHANGING = {"timezone": "UTC"}


class PostgresqlChanger(Changer):
    """`home` is in the maintenance database, its transaction not yet begun."""

    def __init__(self, home: Transaction) -> None:
        self._home = home

    def create_statements(
        self, table: PartitionedTable, wanted: Sequence[NewPartition]
    ) -> list[str]:
        """One for each, and one more to hand it to the table's owner where that is not who makes
        it: else the owner could not alter the table any more. Raises NameTooLong and
        BoundUnsuitable."""
        statements = []
        for partition in wanted:
            _require_possible(table, partition)
            name = Identifier(table.schema, partition.name)
            statements.append(
                SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                    name,
                    Identifier(table.schema, table.name),
                    SQL(literal(partition.lower)),
                    SQL(literal(partition.upper)),
                )
            )
            if table.owner not in ("", self._home.target.username):
                owner = Identifier(table.owner)
                statements.append(SQL("ALTER TABLE {} OWNER TO {}").format(name, owner))
        return [self._text(statement) for statement in statements]

    def detach_statements(self, table: PartitionedTable, names: Sequence[str]) -> list[str]:
        """Not CONCURRENTLY, which no transaction may hold: for a moment the table is locked."""
        schemas = {partition.name: partition.schema for partition in table.partitions}
        return [
            self._text(
                SQL("ALTER TABLE {} DETACH PARTITION {}").format(
                    Identifier(table.schema, table.name),
                    Identifier(schemas.get(name, table.schema), name),
                )
            )
            for name in names
        ]

    def execute(self, database: str, statements: Sequence[str]) -> None:
        """In one transaction, which waits 3 s for a lock, and has 5 s in all."""
        if database == self._home.target.database:
            _run(self._home, statements)
        else:
            with connected_beside(self._home, database, self._home.left_s) as there:
                _run(there, statements)

    def _text(self, statement: Composed) -> str:
        return statement.as_string(self._home.connection)


def _require_possible(table: PartitionedTable, partition: NewPartition) -> None:
    if len(partition.name.encode()) > LONGEST_NAME_BYTES:
        raise NameTooLong(partition.name, f"{LONGEST_NAME_BYTES} bytes")
    for bound in (partition.lower, partition.upper):
        if not suits(bound, table.kind):
            raise BoundUnsuitable(table.name, table.kind, bound)


def _run(there: Transaction, statements: Sequence[str]) -> None:
    brief = there.within(HOLD_UP_S) if there.left_s > HOLD_UP_S else there
    try:
        with brief.in_words(), brief.connection.transaction():
            brief.begin(CHANGING, lock_timeout_s=LOCK_TIMEOUT_S)
            for statement in statements:
                brief.rows(statement)
    except DidNotAnswer:
        if brief is there:
            raise
        raise HoldsUp(HOLD_UP_S) from None
