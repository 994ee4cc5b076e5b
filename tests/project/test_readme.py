"""README says of the settings, the commands and the targets what is true."""

from __future__ import annotations

import re

from jobs.conf import SchedulerSettings
from jobs.runtime import watchdog
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
