"""What a partition policy must be, beyond what each of its fields says."""

from __future__ import annotations

from django.utils.translation import gettext as _

from jobs.estate.models.policy import Interval
from jobs.estate.services.partition_plans import MOST_AHEAD


def problems_of(*, interval: str | None, step: int | None, premake: int | None) -> dict[str, str]:
    """Sentences by field; None is a field whose value is missing or wrong in itself."""
    problems = {}
    is_number = interval == Interval.NUMBER
    if is_number and step is None:
        problems["step"] = _("A range of numbers needs this.")
    if interval and not is_number and step is not None:
        problems["step"] = _("Only a range of numbers has one; leave this empty.")
    if premake is not None and premake > MOST_AHEAD:
        problems["premake"] = _("At most %(most)s.") % {"most": MOST_AHEAD}
    return problems
