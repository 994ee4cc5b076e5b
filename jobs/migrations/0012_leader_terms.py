from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_revision_changed_at")]

    operations = [
        migrations.CreateModel(
            name="LeaderTerm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("epoch", models.PositiveBigIntegerField()),
                ("process", models.CharField(max_length=32)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.PositiveIntegerField()),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "leader's term",
                "verbose_name_plural": "leaders' terms",
                "ordering": ("-id",),
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["began_at"], name="term_began_idx"),
                    models.Index(fields=["ended_at"], name="term_ended_idx"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="jobexecution",
            index=models.Index(
                condition=models.Q(("source", "schedule"), _negated=True),
                fields=["job", "scheduled_for"],
                name="execution_asked_when_idx",
            ),
        ),
    ]
