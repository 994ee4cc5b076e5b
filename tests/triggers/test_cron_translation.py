"""The form's translation between expressions and fields never says another schedule.

It stands in `static/jobs/js/cron-fields.js`; here it is held against the code that schedules.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import InvalidTrigger
from jobs.triggers import read_spec
from jobs.triggers.calendar import Calendar, ZonedCalendar

ROOT = Path(__file__).resolve().parents[2]
DAYS = [date(2027, 1, 1) + timedelta(days=number) for number in range(2 * 365 + 1)]
CASES = 400

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


@pytest.fixture(scope="module")
def translate() -> Callable[[Sequence[Any]], list[dict[str, Any]]]:
    node = shutil.which("node")
    if node is None and os.environ.get("CI") == "true":
        pytest.fail("CI needs Node: .ci/run installs it")
    if node is None:
        pytest.skip("there is no Node here")

    def translated(asked: Sequence[Any]) -> list[dict[str, Any]]:
        lines = "".join(f"{json.dumps(one)}\n" for one in asked)
        done = subprocess.run(
            [node, str(ROOT / "tests/triggers/translate.js")],
            input=lines,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    return translated


def calendar(params: dict[str, Any]) -> Calendar | None:
    try:
        rule = read_spec("cron", params, "UTC").rule
    except InvalidTrigger:
        return None
    assert isinstance(rule, ZonedCalendar)
    return rule.calendar


def meaning(found: Calendar) -> tuple[Any, ...]:
    """Of two calendars the same, if they are due at the same times whatever the clock does."""
    years = [year for year in range(1970, 2100) if year in found.years]
    any_year = Calendar(
        **{name: getattr(found, name) for name in found.__slots__ if name != "years"}
    )
    days = [day for day in DAYS if any_year._has_day(day)]
    return found.seconds, found.minutes, found.hours, found.fixed, years, days


def term(values: range, rng: random.Random, names: Sequence[str] = ()) -> str:
    first, last = sorted(rng.choices(values, k=2))
    if rng.random() < 0.2:
        first, last = rng.choice([(values[0], values[0]), (first, first)])
    if names and rng.random() < 0.4:
        first, last = sorted(rng.choices(range(len(names)), k=2))
        return rng.choice([names[first], f"{names[first]}-{names[last]}"])
    step = rng.choice([1, 2, 3, 5, 7, 20])
    plain = f"{first}-{last}"
    return rng.choice(["*", f"{first}", plain, f"*/{step}", f"{first}/{step}", f"{plain}/{step}"])


def terms(values: range, rng: random.Random, names: Sequence[str] = ()) -> str:
    number = rng.choice([1, 1, 1, 2, 3])
    return ",".join(term(values, rng, names) for _ in range(number))


def expressions(rng: random.Random) -> Iterator[str]:
    while True:
        day = rng.choice(["*", "*", "?", "L", "LW", "15,L", terms(range(1, 32), rng)])
        names = ["sun", *WEEKDAYS[:6]]
        weekday = rng.choice(
            ["*", "*", "?", "5#2", "fri#3", "0L", "1,5#2", "fri-sun", "7", "0"]
            + [terms(range(8), rng, names)] * 4
        )
        parts = [
            terms(range(60), rng),
            terms(range(24), rng),
            day,
            terms(range(1, 13), rng, MONTHS),
            weekday,
        ]
        if rng.random() < 0.3:
            parts.insert(0, terms(range(60), rng))
            if rng.random() < 0.5:
                parts.append(rng.choice(["*", "2027", "2027-2028", "*/2", "2020/7"]))
        yield rng.choice([" ", "  "]).join(parts)


def field_sets(rng: random.Random) -> Iterator[dict[str, str]]:
    while True:
        every = {
            "second": terms(range(60), rng),
            "minute": terms(range(60), rng),
            "hour": terms(range(24), rng),
            "day": rng.choice(
                ["last", "2nd fri", "last mon, 1st tue", "15, last", "*", terms(range(1, 32), rng)]
            ),
            "month": terms(range(1, 13), rng, MONTHS),
            "day_of_week": terms(range(7), rng, WEEKDAYS),
            "week": rng.choice(["*", "5"]),
            "year": rng.choice(["*", "2027", "2027-2028", "*/2"]),
        }
        chosen = rng.sample(sorted(every), rng.choice([1, 1, 2, 2, 3, 4]))
        yield {name: every[name] for name in chosen}


def valid(found: Iterator[Any], params: Callable[[Any], dict[str, Any]]) -> list[Any]:
    kept = []
    for one in found:
        if calendar(params(one)) is not None:
            kept.append(one)
        if len(kept) == CASES:
            break
    return kept


def test_fields_say_what_their_expression_means(translate: Any) -> None:
    asked = valid(expressions(random.Random(1)), lambda text: {"cron_expression": text})

    answers = translate(asked)

    said = 0
    for text, answer in zip(asked, answers, strict=True):
        before = calendar({"cron_expression": text})
        assert before is not None
        if "said" not in answer:
            assert answer["why"] in ("either", "last_working", "positions"), (text, answer)
            continue
        said += 1
        fields = {name: value for name, value in answer["said"].items() if value}
        after = calendar(fields)
        assert after is not None, (text, fields)
        assert meaning(after) == meaning(before), (text, fields)
    assert said > CASES / 3


def test_an_expression_says_what_its_fields_mean(translate: Any) -> None:
    asked = valid(field_sets(random.Random(2)), lambda fields: fields)

    answers = translate(asked)

    said = 0
    for fields, answer in zip(asked, answers, strict=True):
        before = calendar(fields)
        assert before is not None
        if "said" not in answer:
            assert answer["why"] in ("both", "week", "positions"), (fields, answer)
            continue
        said += 1
        after = calendar({"cron_expression": answer["said"]})
        assert after is not None, (fields, answer)
        assert meaning(after) == meaning(before), (fields, answer)
    assert said > CASES / 3


def test_the_presets_of_the_form_are_said_in_fields(translate: Any) -> None:
    from jobs.admin.trigger_fields import FIRST_EXPRESSION, PRESETS

    asked = [FIRST_EXPRESSION, *(expression for expression, _label in PRESETS)]

    assert all("said" in answer for answer in translate(asked))
