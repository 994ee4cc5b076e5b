from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.admin.display import duration, relative, span

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


def test_times_are_worded_as_the_scripts_word_them() -> None:
    """The other half is tests/js/time-words.test.js."""
    path = Path(__file__).resolve().parents[1] / "js" / "times.json"
    cases = json.loads(path.read_text())
    for seconds, text in cases["spans"]:
        assert span(seconds) == text
    for seconds, text in cases["durations"]:
        assert duration(seconds) == text
    for seconds, text in cases["relative"]:
        assert relative(NOW + timedelta(seconds=seconds), NOW) == text
