"""Tables that look like detached partitions of a partitioned table.

One does when it
- is a plain table in the table's own schema, attached to nothing and inherited by nothing,
- has exactly the table's columns, each of the same name and type, in any order,
- and is named like a partition that is attached: with other digits in the same places, at least
  one of them behind the table's own name. `sales_2023_12` looks like `sales_2024_01`, while
  `sales_backup`, `sales_2023_12_old` and `sales_2` do not.

A table is a leftover of one parent, the one whose name is the longest beginning of its own.
Where no partition has digits in its name, or none is attached any more, none is found.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobs.estate.adapters.postgresql_connection import Transaction

LOOKALIKES = (
    "WITH parent AS (SELECT oid, relnamespace FROM pg_class WHERE oid = ANY(%s::oid[])"
    "), loose AS (SELECT oid, relname, relnamespace FROM pg_class"
    " WHERE relkind = 'r' AND NOT relispartition AND relpersistence <> 't'"
    "  AND relname ~ '[0-9]' AND relnamespace IN (SELECT relnamespace FROM parent)"
    "  AND NOT EXISTS (SELECT FROM pg_inherits WHERE pg_class.oid IN (inhrelid, inhparent))"
    "), shape AS (SELECT attrelid, array_agg("
    "  attname || ' ' || atttypid::text || ' ' || atttypmod::text ORDER BY attname) AS columns"
    " FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
    "  AND attrelid IN (SELECT oid FROM parent UNION ALL SELECT oid FROM loose)"
    " GROUP BY attrelid"
    ") SELECT parent.oid, loose.relname FROM parent"
    " JOIN loose USING (relnamespace)"
    " JOIN shape AS of_parent ON of_parent.attrelid = parent.oid"
    " JOIN shape AS of_loose ON of_loose.attrelid = loose.oid"
    "  AND of_loose.columns = of_parent.columns"
    " ORDER BY loose.relname"
)


@dataclass(frozen=True, slots=True)
class Parent:
    name: str
    partitions: tuple[str, ...]
    """Names of those in its own schema."""


def read_leftovers(there: Transaction, parents: Mapping[int, Parent]) -> dict[int, tuple[str, ...]]:
    """By the parent's oid, in one statement."""
    return choose(parents, there.rows(LOOKALIKES, [list(parents)]))


def choose(
    parents: Mapping[int, Parent], candidates: Iterable[tuple[int, str]]
) -> dict[int, tuple[str, ...]]:
    """Of pairs of a parent and a table with the same columns, those whose names fit too."""
    patterns = {oid: _patterns(parent) for oid, parent in parents.items()}
    fitting: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for oid, name in candidates:
        parent = parents[oid]
        beginning = _beginning(name, parent.name)
        if (beginning, _pattern(name, beginning)) in patterns[oid]:
            fitting[name].append((len(beginning), oid))
    found: defaultdict[int, list[str]] = defaultdict(list)
    for name, fits in fitting.items():
        longest = max(length for length, _oid in fits)
        for length, oid in fits:
            if length == longest:
                found[oid].append(name)
    return {oid: tuple(names) for oid, names in found.items()}


def _patterns(parent: Parent) -> set[tuple[str, str]]:
    beginnings = [(name, _beginning(name, parent.name)) for name in parent.partitions]
    patterns = ((beginning, _pattern(name, beginning)) for name, beginning in beginnings)
    return {(beginning, pattern) for beginning, pattern in patterns if "0" in pattern}


def _beginning(name: str, parent: str) -> str:
    """The parent's name where that is how it begins: its digits are no partition's."""
    return parent if name.startswith(parent) else ""


def _pattern(name: str, beginning: str) -> str:
    """What comes behind, with each digit alike."""
    return re.sub("[0-9]", "0", name.removeprefix(beginning))
