"""What stands in the history is where the counters begin."""

from django.db import migrations
from django.db.models import Count, Max, Sum

UNFINISHED = ("queued", "running")


def count_history(apps, schema_editor):
    executions = apps.get_model("jobs", "JobExecution").objects.using(
        schema_editor.connection.alias
    )
    tallies = apps.get_model("jobs", "Tally").objects.using(schema_editor.connection.alias)
    Tally = tallies.model  # noqa: N806
    found = (
        executions.exclude(status__in=UNFINISHED)
        .order_by()
        .values_list("job_id", "status")
        .annotate(
            count=Count("pk"), occurrences=Sum("occurrence_count"), last_at=Max("finished_at")
        )
    )
    counted = {}
    for job_id, status, runs, occurrences, last_at in found.iterator():
        count = occurrences if status in ("missed", "skipped") else runs
        counted[job_id or "", status] = (count, last_at)
    tallies.bulk_create(
        [
            Tally(metric="verdict", subject=job_id, label=status, count=count, last_at=last_at)
            for (job_id, status), (count, last_at) in counted.items()
        ],
        batch_size=1000,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0013_tally"),
    ]

    operations = [
        migrations.RunPython(count_history, migrations.RunPython.noop, elidable=True),
    ]
