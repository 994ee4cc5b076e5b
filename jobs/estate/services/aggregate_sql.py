"""The statements that work out aggregates in the database, and write them: text alone.

No sum can overflow: sizes are taken apart into the multiple of 2^32 and the rest, each half is
added up as a whole number, and what comes of it is put together again. So all results but the
percentage and the trend are exact, and alike on PostgreSQL and SQLite.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

KEY = ("instance_id", "database_id", "kind", "starts_on")
WORKED_OUT = (
    "ends_on",
    "samples",
    "average_bytes",
    "minimum_bytes",
    "maximum_bytes",
    "first_bytes",
    "last_bytes",
    "change_bytes",
    "change_percent",
    "trend_bytes_per_day",
    "computed_at",
)
COLUMNS = ", ".join(KEY + WORKED_OUT)


@dataclass(frozen=True, slots=True)
class Owner:
    """What an aggregate is of, in the words of WORK_OUT."""

    last_before: str
    """Which day of the period before the first is compared with."""
    measured: str
    """Its sizes day by day, in halves."""
    ids: str
    """Its `instance_id` and `database_id`."""
    source: str
    """Where these stand."""
    unique: str
    """The columns and the condition of the unique constraint of its rows."""


DATABASE = Owner(
    last_before="last_before",
    measured="""
        SELECT id AS owner_id, period, place,
            total_bytes >> 32 AS high, total_bytes & 4294967295 AS low
        FROM sizes
    """,
    ids="instance_id, owner_id",
    source="compared JOIN estate_database ON estate_database.id = owner_id",
    unique="(database_id, kind, starts_on) WHERE database_id IS NOT NULL",
)

# A sum of more than 2^63 - 1 bytes becomes that.
INSTANCE = Owner(
    last_before="MAX(last_before) OVER (PARTITION BY instance_id)",
    measured="""
        SELECT owner_id, period, place,
            CASE WHEN high + (low >> 32) > 2147483647 THEN 2147483647
                ELSE high + (low >> 32) END AS high,
            CASE WHEN high + (low >> 32) > 2147483647 THEN 4294967295
                ELSE low & 4294967295 END AS low
        FROM (
            SELECT instance_id AS owner_id, period, place,
                CAST(SUM(total_bytes >> 32) AS bigint) AS high,
                CAST(SUM(total_bytes & 4294967295) AS bigint) AS low
            FROM sizes
            GROUP BY instance_id, period, place
        ) AS days
    """,
    ids="owner_id, CAST(NULL AS bigint)",
    source="compared",
    unique="(instance_id, kind, starts_on) WHERE database_id IS NULL",
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the databases say differently."""

    calendar: str
    """`day`, `period` and `place`, from parameters."""
    day: str
    """The day of a number of days since EPOCH."""


EPOCH = date(2000, 1, 1)
POSTGRESQL = Dialect(
    calendar="""
        SELECT * FROM unnest(%s::date[], %s::bigint[], %s::bigint[]) AS days (day, period, place)
    """,
    day="DATE '2000-01-01' + CAST({} AS integer)",
)
SQLITE = Dialect(
    calendar="""
        SELECT json_extract(value, '$[0]') AS day, json_extract(value, '$[1]') AS period,
            json_extract(value, '$[2]') AS place
        FROM json_each(%s)
    """,
    day="date(2451544.5 + {})",  # a Julian day
)

# `period` is a whole number: its first day counted from EPOCH, then in eight bits each its length
# and that of the one before. `place` is a day's number in its period; with it in the bits above
# 2^32, the least and the greatest value are those of the first and of the last day.
# CROSS JOIN has SQLite go by the day, in whose order the rows lie; PostgreSQL goes as it likes.
WORK_OUT = """
    WITH calendar AS ({calendar}),
    chosen AS (
        SELECT id, instance_id, {last_before} AS last_before
        FROM (
            SELECT d.id, d.instance_id, (
                SELECT MAX(s.day) FROM estate_databasesizesnapshot s
                WHERE s.database_id = d.id AND s.day BETWEEN %s AND %s
            ) AS last_before
            FROM estate_database d
            JOIN estate_syncrecord r ON r.instance_id = d.instance_id
            WHERE r.session_id = %s
        ) AS databases
    ),
    sizes AS (
        SELECT d.id, d.instance_id, c.period, c.place, s.total_bytes
        FROM calendar c CROSS JOIN estate_databasesizesnapshot s CROSS JOIN chosen d
        WHERE s.day = c.day AND d.id = s.database_id
        UNION ALL
        SELECT d.id, d.instance_id, %s, 0, s.total_bytes
        FROM chosen d
        JOIN estate_databasesizesnapshot s ON s.database_id = d.id AND s.day = d.last_before
    ),
    measured AS ({measured}),
    added AS (
        SELECT owner_id, period, COUNT(*) AS samples,
            MIN((high << 32) + low) AS minimum_bytes,
            MAX((high << 32) + low) AS maximum_bytes,
            MIN((place << 32) + high) AS first_high, MIN((place << 32) + low) AS first_low,
            MAX((place << 32) + high) AS last_high, MAX((place << 32) + low) AS last_low,
            CAST(SUM(high) AS bigint) AS high, CAST(SUM(low) AS bigint) AS low,
            CAST(SUM(place) AS bigint) AS place,
            CAST(SUM(place * place) AS bigint) AS place_place,
            CAST(SUM(place * high) AS bigint) AS place_high,
            CAST(SUM(place * low) AS bigint) AS place_low
        FROM measured
        GROUP BY owner_id, period
    ),
    joined AS (
        SELECT owner_id, period, samples, minimum_bytes, maximum_bytes,
            ((first_high & 4294967295) << 32) + (first_low & 4294967295) AS first_bytes,
            ((last_high & 4294967295) << 32) + (last_low & 4294967295) AS last_bytes,
            ((high / samples) << 32)
                + (((high %% samples) << 32) + low + samples / 2) / samples AS average_bytes,
            CASE WHEN samples > 1 THEN (
                (samples * place_high - place * high) * CAST(4294967296 AS double precision)
                + (samples * place_low - place * low)
            ) / (samples * place_place - place * place) END AS trend_bytes_per_day
        FROM added
    ),
    compared AS (
        SELECT joined.*, period >> 16 AS starts, (period >> 8) & 255 AS length,
            CASE WHEN LAG(period) OVER earlier >> 16 = (period >> 16) - (period & 255)
                THEN LAG(last_bytes) OVER earlier END AS bytes_before
        FROM joined
        WINDOW earlier AS (PARTITION BY owner_id ORDER BY period)
    ),
    worked_out ({columns}) AS (
        SELECT {ids}, CAST(%s AS varchar(10)), {starts_on}, {ends_on}, samples, average_bytes,
            minimum_bytes, maximum_bytes, first_bytes, last_bytes, last_bytes - bytes_before,
            CAST(last_bytes - bytes_before AS double precision) * 100 / NULLIF(bytes_before, 0),
            trend_bytes_per_day, %s
        FROM {source}
        WHERE period > %s
    )
"""

# Raw snapshots are deleted by their age, and aggregates are what stays: none is replaced by one
# of fewer days, and no change is forgotten with the days that it is compared with.
WRITE = """
    INSERT INTO estate_sizeaggregate AS kept ({columns})
    SELECT {columns} FROM {source}
    ON CONFLICT {unique} DO UPDATE SET {settings}
    WHERE excluded.samples >= kept.samples
    RETURNING instance_id
"""
IF_COMPARED = "CASE WHEN excluded.change_bytes IS NULL THEN kept.{0} ELSE excluded.{0} END"
SETTINGS = {
    **{column: f"excluded.{column}" for column in WORKED_OUT},
    **{column: IF_COMPARED.format(column) for column in ("change_bytes", "change_percent")},
}

# PostgreSQL works out and writes in one statement.
WRITE_AT_ONCE = """
    {work_out}, written AS ({write})
    SELECT instance_id, COUNT(*) FROM written GROUP BY instance_id
"""

# SQLite works out into a table of the connection's own, of which slices are written.
UNSTAGE = "DROP TABLE IF EXISTS temp.estate_worked_out"
STAGE = "CREATE TABLE temp.estate_worked_out AS {work_out} SELECT * FROM worked_out"
COUNT = "SELECT COUNT(*) FROM temp.estate_worked_out"
SLICED = "temp.estate_worked_out WHERE rowid BETWEEN %s AND %s"


def work_out(owner: Owner, dialect: Dialect) -> str:
    """A WITH clause whose last table is `worked_out`, the rows to write."""
    return WORK_OUT.format(
        calendar=dialect.calendar,
        starts_on=dialect.day.format("starts"),
        ends_on=dialect.day.format("(starts + length - 1)"),
        columns=COLUMNS,
        last_before=owner.last_before,
        measured=owner.measured,
        ids=owner.ids,
        source=owner.source,
    )


def write(owner: Owner, source: str) -> str:
    """Insert the rows of `source`, or update those that are there; returns their instances."""
    settings = ", ".join(f"{column} = {value}" for column, value in SETTINGS.items())
    return WRITE.format(columns=COLUMNS, source=source, unique=owner.unique, settings=settings)
