from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0015_process_counted"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="idempotency_key",
            field=models.CharField(
                editable=False,
                help_text="Digest of the user and the Idempotency-Key that asked for it.",
                max_length=64,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="idempotency_request",
            field=models.CharField(
                editable=False,
                help_text="Digest of the request that came with it.",
                max_length=64,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False)),
                fields=("idempotency_key",),
                name="job_asked_once",
            ),
        ),
    ]
