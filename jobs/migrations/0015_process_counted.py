from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0014_tally_history"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedulerprocess",
            name="counted",
            field=models.PositiveBigIntegerField(
                db_default=0,
                default=0,
                help_text="The number of the last batch of counts that it has added to the tallies.",
            ),
        ),
    ]
