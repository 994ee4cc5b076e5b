"""README's commands: run here, or shown to be those that other tests run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from jobs.registry import CurrentExecution, executing, get_task, isolated_registry
from tests.docs.pages import Page, page
from tests.project.processes import DEADLINE_S, ROOT, environment
from tests.project.test_quickstart import Quickstart

pytestmark = pytest.mark.once

README = Page(ROOT / "README.md")
DEPLOYMENT = page("deployment.md")
SHELL = [block.text for block in README.blocks if block.language == "sh"]

ELSEWHERE = {
    "make run": "tests/project/test_bootstrap.py and test_quickstart.py",
    "DATABASE_URL=": "a setting; tests/project/test_environment.py",
}
"""What only begins like this is looked after there."""


def test_every_command_of_readme_is_looked_after() -> None:
    known = [DEPLOYMENT.script("keys"), DEPLOYMENT.script("first start"), *_commands_of_units()]
    api = _api_commands()
    for text in SHELL:
        for line in text.splitlines():
            is_elsewhere = any(line.startswith(beginning) for beginning in ELSEWHERE)
            is_known = any(line in script for script in known) or line in api
            assert is_known or is_elsewhere or line.startswith("git clone"), line


def _commands_of_units() -> list[str]:
    """Without the folder that they are installed in."""
    found = []
    for path in sorted((ROOT / "docs" / "deploy").glob("*.service")):
        unit = ConfigParser(interpolation=None)
        unit.read(path)
        found.append(unit["Service"]["ExecStart"].replace("/opt/schedcore/", ""))
    return found


def _api_commands() -> str:
    return "\n".join(text for text in SHELL if "curl" in text)


IDLE = """idle() {
    until curl -s -H "Authorization: Token $TOKEN" \\
        "http://127.0.0.1:%d/scheduler/api/executions?status=queued,running" \\
        | grep -q '"data":\\[\\]'; do sleep 0.2; done
}
"""
"""A person takes a moment between two commands, in which what the first asked for ends."""


def test_the_commands_for_the_api_answer(tmp_path: Path) -> None:
    quickstart = Quickstart(tmp_path)
    try:
        quickstart.ready()
        script = _api_commands().replace("127.0.0.1:8000", f"127.0.0.1:{quickstart.port}")
        script = script.replace(".venv/bin/python", sys.executable)
        script, requests = re.subn(r"^curl ", "echo; idle; curl ", script, flags=re.MULTILINE)
        script = IDLE % quickstart.port + script
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=ROOT,
            env=environment(SCHEDCORE_VAR_DIR=str(tmp_path / "var")),
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE_S,
        )
    finally:
        quickstart.process.terminate()
        quickstart.process.wait(DEADLINE_S)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert len(answers) == requests == 4, done.stdout + done.stderr
    assert [answer["success"] for answer in answers] == [True] * 4, answers


def test_the_task_of_readme_is_one_and_runs() -> None:
    [code] = [block.text for block in README.blocks if block.language == "python"]
    with isolated_registry():
        module: dict[str, Any] = {"__name__": "reports.tasks"}
        exec(compile(code, "README.md", "exec"), module)
        task = get_task("send_report")
        assert (task.trigger_type, dict(task.trigger_params)) == ("cron", {"hour": 7, "minute": 30})
        with executing(CurrentExecution()):
            assert task.call([], {"days": 3}) == {"days": 3}
