"""docs/monitoring.md names every warning, as it is."""

from __future__ import annotations

import re
from typing import get_args

from jobs.health.shapes import Code
from tests.project.processes import ROOT

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_every_warning_has_a_line_that_says_what_to_do() -> None:
    rows = re.findall(
        r"^\| `([a-z_]+)` \| (error|warning) \| [^|]{20,} \| [^|]{20,} \|$", PAGE, re.M
    )
    assert sorted(code for code, _level in rows) == sorted(get_args(Code))


def test_levels_are_those_that_the_findings_have() -> None:
    source = (ROOT / "jobs" / "health" / "findings.py").read_text(encoding="utf-8")
    levels = {code: level for level, code in re.findall(r'Finding\("(\w+)", "(\w+)"', source)}
    assert levels == dict(re.findall(r"^\| `([a-z_]+)` \| (error|warning) \|", PAGE, re.M))
