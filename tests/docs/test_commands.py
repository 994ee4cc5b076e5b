"""docs/commands.md names every command, and its examples are ones that the commands take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandParser

from jobs.explain.answer import CODES
from jobs.management.commands.jobs import EXIT_CODES
from jobs.management.ends import End
from tests.project.processes import ROOT

PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
CALL = re.compile(r"\.venv/bin/python manage\.py ([^|;\n…]+)")
OURS = sorted(
    path.stem
    for folder in ("jobs", "jobs/estate")
    for path in (ROOT / folder / "management" / "commands").glob("[!_]*.py")
)


def examples() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    return [call for block in blocks for call in CALL.findall(block)]


def parser_of(name: str) -> CommandParser:
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_an_example(name: str) -> None:
    assert any(call.split()[0] == name for call in examples())


@pytest.mark.parametrize("call", examples())
def test_an_example_is_one_that_its_command_takes(call: str) -> None:
    name, *words = shlex.split(call)
    parser_of(name).parse_args(words)  # raises CommandError where it does not


def test_every_verb_of_jobs_has_an_example() -> None:
    (verbs,) = [action.choices for action in parser_of("jobs")._actions if action.dest == "verb"]
    assert verbs is not None
    shown = {call.split()[1] for call in examples() if call.startswith("jobs ")}
    assert set(verbs) == shown


def test_every_exit_code_is_told_in_the_page_and_in_the_help() -> None:
    for end in End:
        assert re.search(rf"^\| {end.value} \|", PAGE, re.M), end
        assert re.search(rf"^  {end.value}\b", EXIT_CODES, re.M), end


def test_every_answer_of_explain_is_told() -> None:
    answers = (*CODES[: CODES.index("due") + 1], "asked_for")
    assert [code for code in answers if f"`{code}`" not in PAGE] == []


def test_every_page_that_it_points_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (Path(ROOT) / "docs" / target).exists(), target
