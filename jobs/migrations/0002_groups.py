"""The three groups that hold the three rights."""

from django.db import migrations

GROUPS = {
    "Scheduler viewers": ["view_job"],
    "Scheduler operators": ["view_job", "run_job"],
    "Scheduler managers": ["view_job", "run_job", "manage_job"],
}


def make_groups(apps, schema_editor):
    # Django makes permissions after all migrations have run; the groups need them now.
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    Job = apps.get_model("jobs", "Job")
    names = {"view_job": "Can view job", **dict(Job._meta.permissions)}
    content_type, _ = ContentType.objects.get_or_create(app_label="jobs", model="job")
    for group_name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=group_name)
        for codename in codenames:
            permission, _ = Permission.objects.get_or_create(
                content_type=content_type,
                codename=codename,
                defaults={"name": names[codename]},
            )
            group.permissions.add(permission)


def remove_groups(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_apscheduler", "0009_djangojobexecution_unique_job_executions"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
