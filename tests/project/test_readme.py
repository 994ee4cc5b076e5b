"""README says of the settings, the commands and the targets what is true."""

from __future__ import annotations

import re

import pytest

from jobs.conf import SchedulerSettings
from jobs.executions import retry
from jobs.runtime import lines as run_lines
from jobs.runtime import perform, recorder, run, watchdog
from jobs.runtime.executors import dialogue, pool
from jobs.runtime.service import END_LIMIT_S
from schedcore.environment import VARIABLES
from tests.project.processes import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_the_declared_list() -> None:
    shown = re.findall(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \| (.+) \|$", README, re.MULTILINE)
    declared = [(v.name, v.shown, str(v.allowed), v.help) for v in VARIABLES]
    assert shown == declared


def test_every_target_of_the_makefile_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)
    assert len(targets) > 5
    for target in targets:
        assert f"`make {target}`" in README


def test_ci_runs_what_readme_names() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in gate.splitlines() if line.startswith("make ")]
    assert commands == ["make lint", "make test"]
    for command in commands:
        assert f"`{command}`" in README


def test_every_file_that_readme_points_to_exists() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path


def test_its_unit_for_systemd_leaves_a_stop_the_time_it_may_take() -> None:
    (unit,) = re.findall(r"```ini\n(.+?)```", README, re.DOTALL)
    lines = dict(line.split("=") for line in unit.splitlines() if "=" in line)
    assert lines["KillMode"] == "mixed", "else what tasks have started is killed before its grace"
    (besides_grace_s,) = re.findall(r"`SCHEDCORE_SHUTDOWN_GRACE` and (\d+) seconds", README)
    assert int(besides_grace_s) > END_LIMIT_S + watchdog.CLOCK_DELAY_S + watchdog.LAST_WORDS_S
    default_s = SchedulerSettings().shutdown_grace_s + int(besides_grace_s)
    assert int(lines["TimeoutStopSec"]) > default_s


def test_it_says_when_the_watchdog_ends_a_scheduler() -> None:
    (paragraph,) = re.findall(r"^With or without systemd, .+$", README, re.MULTILINE)
    assert f"exit code {watchdog.STUCK}" in paragraph
    for seconds in (watchdog.CONNECT_LIMIT_S, watchdog.FROZEN_AFTER_S):
        assert f" {seconds:.0f} " in paragraph


@pytest.mark.parametrize(
    ("sentence", "limits"),
    [
        (
            r"up to ([\d,]+) of their log lines or (\d+) MB",
            (run_lines.MAX_LINES, run_lines.MAX_BYTES / 1e6),
        ),
        (r"never more than the workers and (\d+) besides for each executor", (pool.MAX_BUFFER,)),
        (r"A result is kept up to (\d+) KiB", (perform.MAX_RESULT_BYTES / 1024,)),
        (r"at most (\d+) seconds after a cancel", (run.CANCEL_GRACE_S,)),
        (r"SIGTERM at their timeout or cancel and SIGKILL (\d+) seconds", (dialogue.KILL_GRACE_S,)),
        (r"at most (\d+) times beyond its retries", (retry.MAX_RERUNS,)),
        (r"with exit code (\d+) and the stacks", (watchdog.STUCK,)),
        (r"without letting go, it takes (\d+) seconds", (watchdog.FROZEN_AFTER_S,)),
    ],
)
def test_the_limits_that_readme_tells_are_those_of_the_code(
    sentence: str, limits: tuple[float, ...]
) -> None:
    found = re.findall(sentence, README)
    assert len(found) == 1, sentence
    told = found[0] if isinstance(found[0], tuple) else found
    assert tuple(float(number.replace(",", "")) for number in told) == limits


def test_what_readme_promises_within_a_time_is_kept_with_time_to_spare() -> None:
    assert "can be read within a second" in README
    assert recorder.DETAILS_INTERVAL_S <= 1 / 2
    assert "That takes at most 30 seconds" in README
    assert watchdog.STUCK_AFTER_S + watchdog.LOOK_S + watchdog.LAST_WORDS_S < 30
    assert "at most a week), and up to a tenth longer" in README
    assert (retry.MAX_DELAY_S, retry.JITTER) == (7 * 24 * 3600, 0.1)
