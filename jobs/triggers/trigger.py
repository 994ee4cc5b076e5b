from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from jobs.triggers.calendar import END, EPOCH
from jobs.triggers.date import Once
from jobs.triggers.zones import SECOND, TICK


class Schedule(Protocol):
    def next_after(self, moment: datetime) -> datetime | None:
        """The first planned occurrence strictly after `moment`; both aware UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A schedule within its window, as APScheduler's scheduler and as our own code ask for it.

    Stateless, so that threads may share one: an answer depends on the question alone.

    `jitter` (seconds) delays each occurrence by a number of whole seconds from 0 to `jitter`
    that looks random and is computed from the occurrence and `seed`, so that the same
    occurrence has the same time whoever asks. A delay never reaches the following
    occurrence, nor passes `end`; so the order stays, and none is lost.
    """

    schedule: Schedule
    zone: ZoneInfo
    text: str
    start: datetime | None = None
    end: datetime | None = None
    jitter: int = 0
    seed: str = ""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """APScheduler's question: the occurrence after the previous one, or from `now` on."""
        if previous_fire_time is not None:
            after = previous_fire_time
        else:
            # As with APScheduler's own: a single date that has passed is late, not gone.
            after = EPOCH - TICK if isinstance(self.schedule, Once) else now - TICK
        found = self.after(after.astimezone(UTC))
        return None if found is None else found.astimezone(self.zone)

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after `moment`; both aware UTC."""
        if not self.jitter:
            return self._planned_after(moment)
        under_way = self._last_planned(moment)
        if under_way is not None and (due := self._delayed(under_way)) > moment:
            return due
        planned = self._planned_after(moment)
        return None if planned is None else self._delayed(planned)

    def planned(self, due: datetime) -> datetime:
        """The moment that the occurrence `due` was planned for, before jitter delayed it."""
        return (self._last_planned(due) or due) if self.jitter else due

    def __str__(self) -> str:
        return self.text

    def _planned_after(self, moment: datetime) -> datetime | None:
        if moment >= END:
            return None
        # APScheduler asks with times of any zone; the years before 1970 hold nothing.
        moment = max(moment, EPOCH - TICK)
        if self.start is not None and moment < self.start:
            moment = self.start - TICK
            if moment >= END:
                return None
        planned = self.schedule.next_after(moment)
        if planned is None or planned >= END or (self.end is not None and planned > self.end):
            return None
        return planned

    def _last_planned(self, moment: datetime) -> datetime | None:
        """The last planned occurrence in (moment - jitter, moment], by bisection.

        Occurrences are at least a second apart, so steps of a second tell them apart.
        """
        origin = max(moment, EPOCH) - self.jitter * SECOND
        last = self._planned_after(origin)
        if last is None or last > moment:
            return None
        # Rare occurrences are far apart, and to look beyond each is slow.
        following = self._planned_after(last)
        if following is None or following > moment:
            return last
        low, high = 0, self.jitter + 1
        while high - low > 1:
            middle = (low + high) // 2
            found = self._planned_after(origin + middle * SECOND)
            if found is not None and found <= moment:
                low, last = middle, found
            else:
                high = middle
        return last

    def _delayed(self, planned: datetime) -> datetime:
        room = self.jitter
        following = self._planned_after(planned)
        if following is not None:
            room = min(room, (following - planned) // SECOND - 1)
        key = f"{self.seed} {self.text} {planned.isoformat()}".encode()
        draw = int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
        due = planned + draw % (room + 1) * SECOND
        return due if self.end is None else min(due, self.end)
