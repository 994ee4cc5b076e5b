"""Every fault of the systems before this one that the runtime must not have has its test.

They are numbered in the project's list of pains; a test names those that it guards in its
docstring, as in "Pain 7" or "Pains 2 and 25".
"""

from __future__ import annotations

import re
from pathlib import Path

GUARDED = range(1, 44)
"""All of them: the scheduler's, those of forms and API, those of the built-in tasks."""

NAMED = re.compile(r"\b[Pp]ains? (\d+(?:(?:, | and )\d+)*)")


def test_every_pain_is_named_by_a_test() -> None:
    tests = Path(__file__).parent.rglob("test_*.py")
    texts = [path.read_text() for path in tests if path != Path(__file__)]
    named = {
        int(number)
        for text in texts
        for numbers in NAMED.findall(text)
        for number in re.findall(r"\d+", numbers)
    }
    assert sorted(set(GUARDED) - named) == []
