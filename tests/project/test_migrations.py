"""Migrations leave the processes of the version before working, so that an upgrade with
schedulers that run (docs/deployment.md) misses nothing."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import AddField
from django.db.models.fields import NOT_PROVIDED

RULED_AFTER = {"jobs": 9, "estate": 5}
"""The last migrations of each app that the rule does not bind."""

HARMLESS = {
    "AddConstraint",
    "AddIndex",
    "AddIndexConcurrently",
    "AlterModelManagers",
    "AlterModelOptions",
    "CreateModel",
    "RemoveIndex",
    "RunPython",
}

EXCUSE = "STOPS_OLD_PROCESSES"
"""A migration's module says by it, in a sentence, why all have to be stopped first. CHANGELOG
then says so, too."""


def trouble(operation: Operation) -> str:
    """What the older version cannot do any more; empty if nothing."""
    if isinstance(operation, AddField):
        field = operation.field
        has_default = field.null or field.db_default is not NOT_PROVIDED
        if has_default or isinstance(field, models.ManyToManyField):
            return ""
        return f"it inserts no {operation.name}, which is neither null nor has a db_default"
    name = type(operation).__name__
    return "" if name in HARMLESS else f"{name} may take away what it uses"


def later_ones() -> list[tuple[str, str, list[Operation], ModuleType]]:
    loader = MigrationLoader(None)
    found = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if int(name[:4]) > RULED_AFTER.get(app, 9999):
            module = __import__(type(migration).__module__, fromlist=["Migration"])
            found.append((app, name, list(migration.operations), module))
    return found


def test_the_older_version_works_on_after_each_migration() -> None:
    assert later_ones()
    problems = [
        f"{app}.{name}: {found}"
        for app, name, operations, module in later_ones()
        if not hasattr(module, EXCUSE)
        for operation in operations
        if (found := trouble(operation))
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("field", "is_trouble"),
    [
        (models.TextField(null=True), False),
        (models.TextField(db_default=""), False),
        (models.TextField(default=""), True),
        (models.TextField(), True),
    ],
)
def test_a_column_that_the_older_version_does_not_fill_is_noticed(
    field: models.Field[object, object], is_trouble: bool
) -> None:
    assert bool(trouble(AddField("job", "colour", field))) == is_trouble
