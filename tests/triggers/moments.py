"""Short ways to say moments and to ask for occurrences."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobs.triggers import Trigger, build_trigger


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(expression: str, timezone: str = "UTC", **more: object) -> Trigger:
    return build_trigger("cron", {"cron_expression": expression, **more}, timezone)


def fields(params: Mapping[str, object], timezone: str = "UTC") -> Trigger:
    return build_trigger("cron", params, timezone)


def local_times(trigger: Trigger, timezone: str, day: str) -> list[str]:
    """Occurrences of one day in a zone, as its wall clock and offset show them."""
    zone = ZoneInfo(timezone)
    midnight = utc(day)
    found: list[str] = []
    due = trigger.after(midnight - timedelta(days=1))
    while due is not None and due < midnight + timedelta(days=2):
        local = due.astimezone(zone)
        if f"{local:%Y-%m-%d}" == day:
            found.append(f"{local:%H:%M:%S %z}")
        due = trigger.after(due)
    return found
