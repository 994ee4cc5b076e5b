"""What has been granted on a PostgreSQL server, beyond what everybody has from the start.

Read from the ACL columns of the catalogs with `aclexplode`. Taken off are the built-in default
(`acldefault`), what initdb granted on the system's own objects (`pg_init_privs`), and what an
owner may do with what is his. Where PUBLIC lacks what it has from the start, that is told as
withheld: else nobody would notice when it is given back.

Rights on tablespaces, languages, types, foreign servers, parameters and large objects are not
read.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import SQL

from jobs.estate.adapters.accounts import Grant, Scope
from jobs.estate.adapters.postgresql_connection import Transaction

PUBLIC_OID = 0

# `entry` is what an ACL says and `usual` what would be there without anybody's doing.
BEYOND_THE_USUAL = SQL(
    " , entry AS (SELECT scope, {above} || path AS path, acl.grantee, privilege_type, is_grantable"
    "  FROM object, aclexplode(acl) AS acl WHERE acl.grantee <> owner"
    # What everybody may read there is not in pg_init_privs.
    "   AND NOT (path[1] = 'information_schema' AND acl.grantee = 0 AND NOT is_grantable"
    "    AND privilege_type IN ('SELECT', 'USAGE')))"
    " , usual AS (SELECT scope, {above} || path AS path, acl.grantee, privilege_type, is_grantable"
    "  FROM object, aclexplode(usual) AS acl WHERE acl.grantee <> owner)"
    " SELECT *, false AS is_withheld FROM (SELECT * FROM entry EXCEPT SELECT * FROM usual) AS new"
    " UNION ALL"
    " SELECT *, true FROM (SELECT scope, path, grantee, privilege_type, false FROM usual"
    "  WHERE grantee = 0 EXCEPT SELECT scope, path, grantee, privilege_type, false FROM entry"
    " ) AS taken"
)

ON_DATABASES = SQL(
    "WITH object AS (SELECT 'database' AS scope, ARRAY[datname::text] AS path,"
    "  datdba AS owner, datacl AS acl, CASE WHEN datname IN ('template0', 'template1')"
    "   THEN ARRAY[makeaclitem(0, datdba, 'CONNECT', false)]"  # so initdb leaves them
    "   ELSE acldefault('d', datdba) END AS usual"
    " FROM pg_database WHERE datacl IS NOT NULL){}"
).format(BEYOND_THE_USUAL.format(above=SQL("'{}'::text[]")))

INSIDE = SQL(
    "WITH initial AS (SELECT * FROM pg_init_privs WHERE privtype = 'i')"
    ", object AS ("
    # PUBLIC's CREATE on the schema public came with initdb before 15, and should be seen.
    " SELECT 'schema' AS scope, ARRAY[nspname]::text[] AS path, nspowner AS owner, nspacl AS acl,"
    "  CASE WHEN nspname = 'public' THEN (SELECT array_agg(makeaclitem(grantee, grantor,"
    "    privilege_type, is_grantable)) FROM aclexplode(initprivs)"
    "    WHERE grantee <> 0 OR privilege_type <> 'CREATE')"
    "   ELSE coalesce(initprivs, acldefault('n', nspowner)) END AS usual"
    " FROM pg_namespace LEFT JOIN initial"
    "  ON classoid = 'pg_namespace'::regclass AND objoid = oid AND objsubid = 0"
    " WHERE nspacl IS NOT NULL AND NOT nspname ^@ 'pg_temp_' AND NOT nspname ^@ 'pg_toast_temp_'"
    " UNION ALL"
    " SELECT 'table', ARRAY[nspname, relname]::text[], relowner, relacl,"
    "  coalesce(initprivs,"
    "   acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))"
    " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace LEFT JOIN initial"
    "  ON classoid = 'pg_class'::regclass AND objoid = pg_class.oid AND objsubid = 0"
    " WHERE relacl IS NOT NULL AND relpersistence <> 't'"
    " UNION ALL"
    " SELECT 'column', ARRAY[nspname, relname, attname]::text[], relowner, attacl,"
    "  initprivs"
    " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    "  JOIN pg_namespace ON pg_namespace.oid = relnamespace LEFT JOIN initial"
    "  ON classoid = 'pg_class'::regclass AND objoid = attrelid AND objsubid = attnum"
    " WHERE attacl IS NOT NULL AND NOT attisdropped AND relpersistence <> 't'"
    " UNION ALL"
    " SELECT 'routine',"
    # As text: as names, long ones would be cut.
    "  ARRAY[nspname::text,"
    "   proname::text || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')'],"
    "  proowner, proacl, coalesce(initprivs, acldefault('f', proowner))"
    " FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace LEFT JOIN initial"
    "  ON classoid = 'pg_proc'::regclass AND objoid = pg_proc.oid AND objsubid = 0"
    " WHERE proacl IS NOT NULL AND NOT nspname ^@ 'pg_temp_'"
    " UNION ALL"
    # For one schema they come on top of the built-in default; for all, in its place.
    " SELECT 'default', ARRAY[coalesce(nspname, ''), pg_get_userbyid(defaclrole),"
    "   CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'"
    "    WHEN 'f' THEN 'routines' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas'"
    "    WHEN 'L' THEN 'large objects' ELSE defaclobjtype::text END]::text[],"
    "  defaclrole, defaclacl, CASE WHEN defaclnamespace <> 0 THEN NULL"
    "   WHEN defaclobjtype = 'S' THEN acldefault('s', defaclrole)"
    "   ELSE acldefault(defaclobjtype, defaclrole) END"
    " FROM pg_default_acl LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace"
    "){}"
).format(BEYOND_THE_USUAL.format(above=SQL("current_database()::text")))


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """A grant to whom: an oid of `pg_roles`, or PUBLIC_OID. If withheld, it is what PUBLIC has
    from the start and has been deprived of."""

    grantee: int
    grant: Grant
    is_withheld: bool


def grants_on_databases(home: Transaction) -> list[GrantEntry]:
    return [_entry(row) for row in home.rows(ON_DATABASES)]


def grants_inside(there: Transaction) -> list[GrantEntry]:
    """On its schemas, tables (with views and sequences), columns and routines, and on what is
    yet to be made there: of that a path says the schema ("" for any), who makes it, its kind."""
    return [_entry(row) for row in there.rows(INSIDE)]


def _entry(row: tuple[Scope, list[str], int, str, bool, bool]) -> GrantEntry:
    scope, path, grantee, privilege, is_grantable, is_withheld = row
    return GrantEntry(grantee, Grant(scope, tuple(path), privilege, is_grantable), is_withheld)
