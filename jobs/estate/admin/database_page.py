"""The sizes of one database over time, above its form."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.estate.admin.instance_cards import growth_card, limit_card, size_card
from jobs.estate.admin.instance_charts import SizesForm, size_picture
from jobs.estate.models.database import Database
from jobs.estate.services.charts import database_trends


def sizes_of(request: HttpRequest, database: Database) -> dict[str, Any]:
    """One statement."""
    zone = database.instance.zone
    today = django_timezone.now().astimezone(zone).date()
    asked = SizesForm(request, database)
    trend = database_trends([database.pk], until=today, days=asked.days)[database.pk]
    outlook = trend.outlook(asked.limit_bytes)
    note = _("Days in %(zone)s.") % {"zone": zone}
    limit = limit_card(outlook, today)
    return {
        "asked": asked,
        "reached": asked.answer(limit),
        "cards": [size_card(outlook), growth_card(outlook), limit],
        "chart": size_picture(trend.days, trend.sizes, outlook, title=_("Size"), note=note),
    }
