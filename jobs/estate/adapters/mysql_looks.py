"""Looks into single tables of MariaDB and MySQL, which others may have locked."""

from __future__ import annotations

import time
from typing import Any

import pymysql
from pymysql.constants import ER

from jobs.estate.adapters.mysql_connection import MysqlConnection, TimeOver
from jobs.estate.adapters.mysql_errors import (
    GONE,
    QUERY_TIMEOUT,
    RIGHTS,
    STATEMENT_TIMEOUT,
    number_of,
)

ALONE_S = 0.5
"""How long a look may take, and wait for a lock. MySQL ends no SHOW so early."""

IN_VAIN_S = 5.0
"""How long looks may take in all that lead to nothing, before no further one is begun."""

NOT_NOW = RIGHTS | GONE | {ER.LOCK_WAIT_TIMEOUT, QUERY_TIMEOUT, STATEMENT_TIMEOUT, 1735, 1747}
"""Errors that leave unknown what a table holds; the last two: its partition is not there any
more."""


class Looks:
    """Those of one visit."""

    def __init__(self, connection: MysqlConnection) -> None:
        self._connection = connection
        self._left_s = IN_VAIN_S

    def at(self, statement: str) -> list[tuple[Any, ...]] | None:
        """Its rows, and no lock kept; None where it cannot be known now."""
        if self._left_s <= 0:
            return None
        began = time.monotonic()
        try:
            found = self._connection.execute(statement, limit_s=ALONE_S)
        except TimeOver:
            found = None
        except pymysql.Error as error:
            if number_of(error) not in NOT_NOW:
                raise
            found = None
        if found is None:
            self._left_s -= time.monotonic() - began
        self._connection.release()
        return found
