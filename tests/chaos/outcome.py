"""What a chaos run came to, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import NamedTuple

from tests.chaos.faults import Exit
from tests.chaos.ledger import Note, Row, Window
from tests.chaos.processes import TTL_S
from tests.chaos.watch import Reign

SHOWN = 40
"""Offences that are printed."""

SLACK_S = 5.0
"""Of a takeover, for a machine on which two other processes start at the same time."""

TAKEOVER_LIMITS_S = {"kill -9": TTL_S + SLACK_S, "SIGTERM": 1.0 + SLACK_S}
"""By fault of the leader."""

TAIL = 2000
"""Characters of the last words of a process that are printed."""


class Blow(NamedTuple):
    """When faults began and ended (monotonic), and who led before.

    `name` is the fault if it was a single one that struck the leader while the standby was
    ready, else empty.
    """

    name: str
    pid: int
    since: float
    until: float


@dataclass(slots=True)
class Outcome:
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    blows: list[Blow] = field(default_factory=list)
    reigns: list[Reign] = field(default_factory=list)
    lasted_s: float = 0.0
    occurrences: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    accounted: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    begun_late: list[tuple[Note, float]] = field(default_factory=list)
    ended_at_start: Counter[str] = field(default_factory=Counter)
    offences: list[str] = field(default_factory=list)

    def count(
        self, rows: Sequence[Row], notes: Sequence[Note], windows: Mapping[str, Window]
    ) -> None:
        self.occurrences = sum(len(list(window.moments())) for window in windows.values())
        self.verdicts.update(row.status for row in rows)
        for row in rows:
            if row.is_first_attempt:
                self.accounted[row.status] += row.occurrence_count
        self.runs = len(notes)

    def judge(self, exits: Sequence[Exit]) -> None:
        """A process may end at its start, for want of the database or by a SIGTERM that it
        does not handle yet; never by itself afterwards."""
        for found in exits:
            if found.had_begun:
                said = found.output[-TAIL:]
                self.offences.append(f"a scheduler ended with code {found.code}:\n{said}")
            else:
                self.ended_at_start[f"code {found.code}:"] += 1

    def judge_takeovers(self) -> None:
        """That the standby led in time, whenever it was ready."""
        for blow, took_s in self._takeovers():
            limit_s = TAKEOVER_LIMITS_S.get(blow.name, inf)
            if took_s is None and blow.name in TAKEOVER_LIMITS_S:
                self.offences.append(f"after {blow.name} of the leader nobody else led")
            elif took_s is not None and took_s > limit_s:
                self.offences.append(
                    f"after {blow.name} of the leader nobody else led for {took_s:.1f} s, "
                    f"more than {limit_s:g} s"
                )

    def takeovers_s(self) -> dict[str, list[float]]:
        """Seconds from a blow until another led, by kind of fault."""
        found: dict[str, list[float]] = {}
        for blow, took_s in self._takeovers():
            if took_s is not None:
                found.setdefault(blow.name, []).append(took_s)
        return found

    def _takeovers(self) -> Iterator[tuple[Blow, float | None]]:
        """Of the blows that have a name, the seconds until another led; None if the next fault
        came first."""
        ends = [blow.since for blow in self.blows[1:]] + [inf]
        for blow, end in zip(self.blows, ends, strict=True):
            if not blow.name:
                continue
            later = [r for r in self.reigns if r.since >= blow.since and r.pid not in (0, blow.pid)]
            # A process that was frozen for a moment may have kept the lease.
            limit = blow.until if blow.name == "SIGSTOP" else end
            is_known = bool(later) and later[0].since <= limit
            yield blow, later[0].since - blow.since if is_known else None

    def lines(self) -> list[str]:
        """For people."""
        said = [
            f"{self.faults.total()} faults in {self.lasted_s:.0f} s (seed {self.seed}): "
            + _listed(self.faults),
            f"{self.occurrences} occurrences: {_listed(self.accounted)}",
            f"{self.verdicts.total()} rows: {_listed(self.verdicts)}",
            f"{self.runs} runs began, {self.runs / max(self.lasted_s, 1):.0f} a second, "
            f"{len(self.begun_late)} of them after another scheduler had given them up",
            f"{len(self.reigns)} changes of leader; processes that ended while they were starting: "
            + (_listed(self.ended_at_start) or "none"),
        ]
        for name, found in sorted(self.takeovers_s().items()):
            said.append(
                f"takeover after {name} of the leader (TTL {TTL_S:g} s): {len(found)} times, "
                f"median {median(found):.2f} s, longest {max(found):.2f} s"
            )
        for note, seconds in self.begun_late[:SHOWN]:
            said.append(
                f"execution {note.execution_id} of {note.job_id} began at {note.at:%H:%M:%S.%f} in "
                f"process {note.pid}, {seconds:.3f} s after it had been given up"
            )
        said += [f"WRONG: {offence}" for offence in self.offences[:SHOWN]]
        if len(self.offences) > SHOWN:
            said.append(f"WRONG: and {len(self.offences) - SHOWN} more")
        said.append("WRONG, see above" if self.offences else "all accounted for")
        return said


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())
