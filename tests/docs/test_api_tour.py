"""docs/api.md, command by command, against a site and a scheduler that `make run` would start."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.project.processes import DEADLINE_S, ROOT, environment
from tests.project.test_quickstart import Quickstart

pytestmark = pytest.mark.once

TOUR = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
ANYTHING = "…"
MARK = "--- the next step ---"


@dataclass(frozen=True)
class Step:
    line: int
    command: str
    kind: str
    """Of the answer that is shown: json, text, or nothing."""
    shown: str


def steps() -> list[Step]:
    """Every command of the page, with the answer that follows it."""
    blocks = [
        (TOUR[: match.start()].count("\n") + 1, match[1], match[2])
        for match in re.finditer(r"^```(sh|json|text)\n(.*?)^```$", TOUR, re.M | re.S)
    ]
    found: list[Step] = []
    for line, kind, text in blocks:
        if kind == "sh":
            found.append(Step(line, text, "", ""))
        else:
            before = found.pop()
            assert before.kind == "", f"two answers to the command of line {before.line}"
            found.append(Step(before.line, before.command, kind, text))
    return found


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each command printed, all run by one shell in the page's order."""
    folder = tmp_path_factory.mktemp("tour")
    quickstart = Quickstart(folder)
    try:
        quickstart.ready()
        script = f"\necho '{MARK}'\n".join(step.command for step in steps())
        script = script.replace(ADDRESS, f"http://127.0.0.1:{quickstart.port}")
        script = script.replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=environment(SCHEDCORE_VAR_DIR=str(folder / "var")),
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE_S,
        )
        yield done.stdout.split(f"{MARK}\n")
    finally:
        quickstart.process.terminate()
        quickstart.process.wait(DEADLINE_S)


@pytest.mark.parametrize("number", range(len(steps())), ids=lambda n: f"line {steps()[n].line}")
def test_a_command_answers_as_the_page_shows(answers: list[str], number: int) -> None:
    step = steps()[number]
    assert len(answers) == len(steps())
    if step.kind == "json":
        assert_shown(json.loads(step.shown), json.loads(answers[number]), step)
    else:
        assert answers[number].strip() == step.shown.strip()


def assert_shown(shown: Any, real: Any, step: Step, where: str = "") -> None:
    """All that the page shows stands in the real answer."""
    place = f"line {step.line}{where}: {step.command}"
    if shown == ANYTHING:
        return
    if isinstance(shown, dict):
        assert isinstance(real, dict), (place, real)
        for key in shown.keys() - {ANYTHING}:
            assert key in real, (place, key, real)
            assert_shown(shown[key], real[key], step, f"{where}.{key}")
    elif isinstance(shown, list):
        is_open = shown[-1:] == [ANYTHING]
        wanted = shown[:-1] if is_open else shown
        assert len(real) >= len(wanted) if is_open else len(real) == len(shown), (place, real)
        for index, item in enumerate(wanted):
            assert_shown(item, real[index], step, f"{where}[{index}]")
    else:
        assert real == shown, place


def test_the_tour_goes_to_every_part_of_the_api() -> None:
    from tests.rights.table import SCHEDULER

    toured = "".join(step.command for step in steps())
    paths = {row.path.split("/")[0] for rows in SCHEDULER.values() for row in rows} - {"", "nope"}
    assert {path for path in paths if f"/api/{path}" not in toured} <= {"schema", "docs"}


def test_a_page_that_shows_what_is_not_so_fails() -> None:
    step = Step(1, "x", "json", "")
    assert_shown({"a": [1, ANYTHING]}, {"a": [1, 2], "b": 3}, step)
    for wrong in ({"a": [2, ANYTHING]}, {"c": 1}, {"a": [1]}, {"a": {"x": 1}}):
        with pytest.raises(AssertionError):
            assert_shown(wrong, {"a": [1, 2], "b": 3}, step)


def test_every_file_that_the_docs_point_to_exists() -> None:
    docs = Path(ROOT / "docs")
    for page in docs.glob("*.md"):
        for path in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (docs / path).exists(), (page.name, path)
