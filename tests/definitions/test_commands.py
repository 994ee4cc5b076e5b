"""`loadtasks` and `exporttasks`."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line

from jobs import definitions
from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import AuditEvent, Job
from tests.definitions.conftest import item

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]


def run(command: str, *args: str) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out, stderr=out)
    return out.getvalue()


def test_loadtasks_says_what_it_did_and_who_did_it(write: Write) -> None:
    write(item("a"))
    said = run("loadtasks")
    assert "Done:" in said
    assert "Add “a” (Nightly)." in said
    assert "@" in AuditEvent.objects.get(action="definitions.load").actor
    assert "There was nothing to change." in run("loadtasks")


def test_plan_says_what_would_be_done_and_does_nothing(write: Write) -> None:
    write(item("a"))
    assert "nothing was changed" in run("loadtasks", "--plan")
    assert not Job.objects.exists()


def test_force_keep_custom_and_undo(write: Write, actor: Actor) -> None:
    write(item("a"))
    run("loadtasks")
    control.change("a", {"name": "Mine"}, actor=actor)
    assert "It was edited by hand." in run("loadtasks")
    assert "name 'Mine' → 'Nightly'" in run("loadtasks", "--force", "--plan")
    assert Job.objects.get(pk="a").name == "Mine"
    run("loadtasks", "--force", "--keep-custom")
    assert Job.objects.get(pk="a").name == "Nightly"
    assert "name 'Nightly' → 'Mine'" in run("loadtasks", "--undo", "--plan")
    run("loadtasks", "--undo")
    assert Job.objects.get(pk="a").name == "Mine"
    with pytest.raises(CommandError, match="nothing to undo"):
        run("loadtasks", "--undo")


@pytest.mark.parametrize(
    "options", [["--undo", "--force"], ["--undo", "--keep-custom"], ["--keep-custom"]]
)
def test_options_that_contradict_each_other_are_an_error(options: list[str]) -> None:
    with pytest.raises(CommandError, match="goes with"):
        run("loadtasks", *options)


def test_a_bad_file_is_an_error_that_lists_every_problem(write: Write) -> None:
    write(item("a", hour="99"), item("b c"))
    with pytest.raises(CommandError) as caught:
        run("loadtasks")
    text = str(caught.value)
    assert "2 problems" in text
    assert "default_tasks[0] (a).trigger_params.hour" in text
    assert "default_tasks[1] (b c).id" in text
    assert not Job.objects.exists()


def test_a_missing_file_is_said(tasks_file: Path) -> None:
    assert "no file" in run("loadtasks")


def test_exporttasks_writes_to_standard_output(write: Write) -> None:
    write(item("a"))
    run("loadtasks")
    assert run("exporttasks") == definitions.export()


def test_exporttasks_replaces_a_file_and_keeps_its_mode(write: Write, tmp_path: Path) -> None:
    write(item("a"))
    run("loadtasks")
    target = tmp_path / "out.yaml"
    target.write_text("old")
    target.chmod(0o640)
    run("exporttasks", str(target))
    assert target.read_text(encoding="utf-8") == definitions.export()
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.yaml", "tasks.yaml"]


@pytest.mark.parametrize("name", ["", "missing/out.yaml", "x" * 300, "a\0b"])
def test_exporttasks_says_why_a_file_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError):
        run("exporttasks", f"{tmp_path}/{name}")


@pytest.mark.parametrize("command", ["loadtasks", "exporttasks"])
def test_help_can_be_shown(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        execute_from_command_line(["manage.py", command, "--help"])
    assert f"manage.py {command}" in capsys.readouterr().out
