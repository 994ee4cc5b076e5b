"""What an explanation is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal, TypedDict, cast, get_args

Code = Literal[
    # It has a row: its verdict, or what it waits for.
    "succeeded",
    "failed",
    "timed_out",
    "cancelled",
    "interrupted",
    "skipped",
    "missed",
    "queued",
    "running",
    # It was not to run, or could not.
    "disabled",
    "paused",
    "broken",
    "finished",
    "not_due",
    "not_yet_created",
    "deleted",
    "audit_removed",
    # It was due, and left no row.
    "rearmed",
    "no_leader",
    "being_claimed",
    "history_removed",
    "unknown",
    # It lies ahead.
    "due",
    # What else is worth knowing.
    "asked_for",
    "attempt",
    "coalesced",
    "blocked_by",
    "was_running",
    "went_on",
    "trigger_changed",
    "clock_change",
    "server_zone",
    "occurrence_before",
    "uncertain",
]
CODES: tuple[Code, ...] = get_args(Code)


class StatementData(TypedDict):
    """One thing that is known, in a sentence. `at` and `until` are the moments that it speaks of,
    `who` did it, `execution_id` and `event_id` (of the audit) are where to look further."""

    code: Code
    sentence: str
    at: datetime | None
    until: datetime | None
    who: str
    execution_id: int | None
    event_id: int | None


class ExplanationData(TypedDict):
    """`code` and `sentence` are those of the first of `statements`, which is the answer; the
    others support it. `asked_at` is null where it was asked about now. `occurrence` is the one
    that the answer is about; `occurrence_before` and `occurrence_after` are the nearest of the
    trigger as it stood then. Sentences write times in the `timezone` of the job."""

    job_id: str
    job_name: str
    asked_at: datetime | None
    code: Code
    sentence: str
    occurrence: datetime | None
    occurrence_before: datetime | None
    occurrence_after: datetime | None
    trigger_text: str
    timezone: str
    statements: list[StatementData]


@dataclass(frozen=True, slots=True)
class Statement:
    code: Code
    sentence: str
    at: datetime | None = None
    until: datetime | None = None
    who: str = ""
    execution_id: int | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Nearest:
    """Occurrences about a moment: the one that is meant, and its neighbours."""

    occurrence: datetime | None = None
    before: datetime | None = None
    after: datetime | None = None
    trigger_text: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a job ran or did not; at `asked_at`, or now."""

    job_id: str
    job_name: str
    asked_at: datetime | None
    timezone: str
    statements: list[Statement]
    nearest: Nearest = field(default_factory=Nearest)

    @property
    def answer(self) -> Statement:
        return self.statements[0]

    def as_data(self) -> ExplanationData:
        return {
            "job_id": self.job_id,
            "job_name": self.job_name,
            "asked_at": self.asked_at,
            "code": self.answer.code,
            "sentence": self.answer.sentence,
            "occurrence": self.nearest.occurrence,
            "occurrence_before": self.nearest.before,
            "occurrence_after": self.nearest.after,
            "trigger_text": self.nearest.trigger_text,
            "timezone": self.timezone,
            "statements": [cast(StatementData, asdict(one)) for one in self.statements],
        }
