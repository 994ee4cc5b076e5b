"""When a job is due: JSON parameters to triggers, occurrences and words. Pure: no ORM.

All triggers end with the year 2099; nothing is scheduled beyond it.
"""

from jobs.triggers.build import build_trigger, clean_params, trigger_from
from jobs.triggers.clock_changes import clock_change
from jobs.triggers.describe import describe, describer
from jobs.triggers.kinds import TriggerType
from jobs.triggers.preview import last_fire, next_fire, occurrences, preview
from jobs.triggers.spec import Spec, read_spec
from jobs.triggers.trigger import Trigger

__all__ = [
    "Spec",
    "Trigger",
    "TriggerType",
    "build_trigger",
    "clean_params",
    "clock_change",
    "describe",
    "describer",
    "last_fire",
    "next_fire",
    "occurrences",
    "preview",
    "read_spec",
    "trigger_from",
]
