"""`Among`: whether a number is one of thousands, as one parameter of a statement."""

from __future__ import annotations

import json
from collections.abc import Collection

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup):
    """`filter(Among("pk", keys))` is `filter(pk__in=keys)` at a tenth of its cost.

    `IN` has a parameter for each number, and to prepare them is most of the work of a statement
    with many. Meanwhile no other thread of the process gets on.
    """

    prepare_rhs = False

    def __init__(self, field: str, numbers: Collection[int]) -> None:
        super().__init__(F(field), list(numbers))

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        numbers = json.dumps(self.rhs)
        if connection.vendor == "postgresql":
            array = f"{{{numbers[1:-1]}}}"
            return f"{column} = ANY(%s::bigint[])", (*parameters, array)
        among = "IN (SELECT value FROM json_each(%s))"
        return f"{column} {among}", (*parameters, numbers)
