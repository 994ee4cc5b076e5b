"""Sweep: delete, or only count, any number of rows in steps that hold nobody up.

Nothing is read or deleted by a statement without a bound. A step is one transaction, made of
what was looked up before it began, so that on SQLite, which has one writer at a time, the lock
is held for the deleting alone; and after each there is a rest in which others get their turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from jobs.among import Among
from jobs.pace import Pace

PAGE = 5000
"""Rows that are looked up at a time."""

Counts = Mapping[str, int]
"""Rows that have gone, or would go, by the name of their kind."""


@dataclass(frozen=True)
class Owned:
    """Rows that go with the row that their field `owner` points to, and before it.

    Those without a `name` stay, and point nowhere afterwards. An index must begin with `owner`.
    """

    rows: QuerySet[Any]
    owner: str
    name: str = ""


@dataclass(frozen=True)
class Expired:
    """What is to go: `rows`, each with what it owns, in the order of their field `moment`.

    The transaction that deletes asks `rows` once more, so what no longer belongs to them by
    then stays. `spared` tells which of some keys stay as well; it is asked once of each.
    """

    name: str
    rows: QuerySet[Any]
    moment: str
    owned: tuple[Owned, ...] = ()
    spared: Callable[[Sequence[int]], Collection[int]] | None = None

    @property
    def names(self) -> list[str]:
        """Of all that is counted."""
        return [self.name, *(owned.name for owned in self.owned if owned.name)]

    def pages(self) -> Iterator[list[int]]:
        """The keys of all that is to go, the oldest first, PAGE of them at most at a time."""
        rows = self.rows.order_by(self.moment, "pk")
        page = rows[:PAGE]
        while keys := list(page.values_list("pk", flat=True)):
            moments = self.rows.filter(pk=keys[-1]).values_list(self.moment, flat=True)
            if (moment := moments.first()) is None:
                continue  # somebody else has just deleted it
            later = Q(**{f"{self.moment}__gt": moment})
            later |= Q(**{self.moment: moment}, pk__gt=keys[-1])
            # The last condition follows from the other, and is the one that an index serves.
            page = rows.filter(later, **{f"{self.moment}__gte": moment})[:PAGE]
            spared = self.spared(keys) if self.spared else ()
            yield [key for key in keys if key not in spared]


def sweep(expired: Expired, pace: Pace, *, is_dry_run: bool = False) -> Iterator[Counts]:
    """Delete all that is `expired`; yields what has gone after each transaction.

    The caller may stop at any of them, and begin anew whenever it likes: what a row owns never
    outlives it. A dry run yields the same counts and changes nothing.
    """
    for keys in expired.pages():
        waiting = sorted(keys)
        gone = [0] * len(expired.owned)  # of what the first owns: the last key, by kind
        reach = len(waiting)
        while waiting:
            step = _next_step(expired, waiting[:reach], gone, pace.rows)
            done = step.counted(pace) if is_dry_run else step.delete(pace)
            if step.keys:  # not to look up what all of them own, where that is much
                reach = max(2 * len(step.keys), reach // 2)
            if step.keys or not done.size:
                waiting = waiting[max(len(step.keys), 1) :]
                gone = [0] * len(expired.owned)
            else:
                last = [part[-1][0] if part else 0 for part in step.parts]
                gone = [max(pair) for pair in zip(gone, last, strict=True)]
            yield done.counts


@dataclass(frozen=True)
class _Step:
    """Rows of one transaction: `keys`, with all that they own, or a part of what one owns.

    `parts` are (key, owner's key), for each of the kinds of what is owned.
    """

    expired: Expired
    keys: Sequence[int]
    parts: Sequence[Sequence[tuple[int, int]]]

    @property
    def size(self) -> int:
        return len(self.keys) + sum(map(len, self.parts))

    @property
    def counts(self) -> Counts:
        owned = zip(self.expired.owned, self.parts, strict=True)
        counts = {kind.name: len(part) for kind, part in owned if kind.name}
        return {self.expired.name: len(self.keys), **counts}

    def counted(self, pace: Pace) -> _Step:
        """As if all of it had been deleted in no time."""
        pace.note(0.0, self.size)
        return self

    def delete(self, pace: Pace) -> _Step:
        """As much of it as is still expired, and not locked by somebody else; which that was."""
        with transaction.atomic():
            began = monotonic()  # its turn has come
            done = self._locked()
            for kind, part in zip(self.expired.owned, done.parts, strict=True):
                keys = [key for key, _ in part]
                if kind.name:
                    _delete(kind.rows, keys)
                elif keys:
                    kind.rows.filter(Among("pk", keys)).update(**{kind.owner: None})
            _delete(self.expired.rows, done.keys)
        pace.note(monotonic() - began, done.size)
        return done

    def _locked(self) -> _Step:
        owners = {owner for part in self.parts for _, owner in part}
        rows = self.expired.rows.filter(Among("pk", owners.union(self.keys))).order_by("pk")
        locked = set(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        return _Step(
            self.expired,
            [key for key in self.keys if key in locked],
            [[pair for pair in part if pair[1] in locked] for part in self.parts],
        )


def _next_step(expired: Expired, waiting: Sequence[int], gone: Sequence[int], most: int) -> _Step:
    """As many of those waiting as `most` rows hold with all that they own.

    If the first alone is more than that: a part of what it owns, and not itself.
    """
    if any(gone):
        waiting = waiting[:1]
    owned = [
        _owned_rows(kind, waiting[:most], last, most)
        for kind, last in zip(expired.owned, gone, strict=True)
    ]
    counts = Counter(owner for rows in owned for _, owner in rows)
    # Where the bound cut a listing short, its last owner may own more.
    unsure = min((rows[-1][1] for rows in owned if len(rows) == most), default=None)
    taken: list[int] = []
    room = most
    for key in waiting:
        room -= 1 + counts[key]
        if room < 0 or key == unsure:
            break
        taken.append(key)
    if taken:
        parts = [[pair for pair in rows if pair[1] <= taken[-1]] for rows in owned]
        return _Step(expired, taken, parts)
    parts, room = [], most
    for rows in owned:
        parts.append([pair for pair in rows if pair[1] == waiting[0]][:room])
        room -= len(parts[-1])
    return _Step(expired, [], parts)


def _owned_rows(owned: Owned, owners: Sequence[int], gone: int, most: int) -> list[tuple[int, int]]:
    """The first rows whose keys are beyond `gone`, by owner."""
    rows = owned.rows.filter(Among(owned.owner, owners), pk__gt=gone)
    return list(rows.order_by(owned.owner, "pk").values_list("pk", owned.owner)[:most])


def _delete(rows: QuerySet[Any], keys: Sequence[int]) -> None:
    """One statement: all that points to these rows has been seen to."""
    if keys:
        # Without the conditions of `rows`, which were asked when they were locked.
        found = rows.model._base_manager.filter(Among("pk", keys))
        found._raw_delete(using=found.db)
