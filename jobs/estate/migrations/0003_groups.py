"""The three groups may see the estate; managers may change it."""

from django.db import migrations

READ = [
    "account",
    "accountchange",
    "database",
    "databaseinstance",
    "databasesizesnapshot",
    "partitionfinding",
    "partitionpolicy",
    "sizeaggregate",
    "syncrecord",
    "syncsession",
]
MANAGED = ["database", "databaseinstance", "partitionpolicy"]
GROUPS = {
    "Scheduler viewers": [],
    "Scheduler operators": [],
    "Scheduler managers": [f"manage_{model}" for model in MANAGED],
}


def give_rights(apps, schema_editor):
    # Django makes permissions after all migrations have run; the groups need them now.
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    for group_name, more in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=group_name)
        for codename in [f"view_{model}" for model in READ] + more:
            model = apps.get_model("estate", codename.partition("_")[2])
            content_type, _ = ContentType.objects.get_or_create(
                app_label="estate", model=model._meta.model_name
            )
            names = {f"view_{model._meta.model_name}": f"Can view {model._meta.verbose_name}"}
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type,
                codename=codename,
                defaults={"name": (names | dict(model._meta.permissions))[codename]},
            )
            group.permissions.add(permission)


def take_rights(apps, schema_editor):
    Permission = apps.get_model("auth", "Permission")
    for group in apps.get_model("auth", "Group").objects.filter(name__in=GROUPS):
        group.permissions.remove(*Permission.objects.filter(content_type__app_label="estate"))


class Migration(migrations.Migration):
    dependencies = [
        ("estate", "0002_accounts_partitions_aggregates"),
        ("jobs", "0002_groups"),
    ]

    operations = [migrations.RunPython(give_rights, take_rights)]
