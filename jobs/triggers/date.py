from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from jobs.triggers.values import Problems, check_keys, iso, read_moment


@dataclass(frozen=True, slots=True)
class Once:
    moment: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        return self.moment if self.moment > moment else None


def read_date(
    params: Mapping[str, object], zone: ZoneInfo, problems: Problems
) -> tuple[Once, dict[str, object]] | None:
    """The single occurrence and its canonical parameters."""
    check_keys(params, ["run_date"], problems)
    if "run_date" not in params:
        problems.add_param("run_date", _("Say when: give run_date, such as 2026-12-31T03:00:00."))
        return None
    moment = read_moment(params, "run_date", zone, problems)
    return None if moment is None else (Once(moment), {"run_date": iso(moment, zone)})
