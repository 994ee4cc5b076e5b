"""`make run` on a new machine: .venv is made, kept and healed; every fault is one sentence."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schedcore import bootstrap
from tests.project.processes import DEADLINE_S, ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose requirements are soon installed: none."""
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return tmp_path


def prepare(project: Path) -> Path:
    return Path(bootstrap.prepare(str(project), bootstrap.RUN))


def no_call(*arguments: Any) -> None:
    raise AssertionError(f"not expected: {arguments}")


def test_a_venv_is_made_once_and_then_left_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = prepare(project)
    assert python == project / ".venv/bin/python"
    assert subprocess.run([python, "-c", "import pip"]).returncode == 0
    monkeypatch.setattr(bootstrap, "call", no_call)
    assert prepare(project) == python


def test_changed_requirements_are_installed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr(bootstrap, "is_whole", lambda venv: True)
    monkeypatch.setattr(bootstrap, "call", lambda *arguments: called.append(arguments))
    (project / ".venv").mkdir()
    prepare(project)
    prepare(project)
    assert len(called) == 1
    (project / "requirements.txt").write_text("# something else\n")
    prepare(project)
    assert len(called) == 2


def test_development_is_installed_again_when_what_it_includes_changes(project: Path) -> None:
    before = bootstrap.fingerprint(str(project), bootstrap.DEV)
    (project / "requirements.txt").write_text("# something else\n")
    assert bootstrap.fingerprint(str(project), bootstrap.DEV) != before


@pytest.mark.parametrize("damage", ["interrupted", "no python", "no pip", "empty"])
def test_a_broken_venv_is_made_again(
    project: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = project / ".venv"
    venv.mkdir()
    python = venv / "bin/python"
    if damage != "empty":
        python.parent.mkdir()
    if damage == "interrupted":
        python.symlink_to(sys.executable)
        (venv / bootstrap.INSTALLING).touch()
    elif damage == "no python":
        python.symlink_to(project / "an interpreter that was removed")
    elif damage == "no pip":
        python.write_text("#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
    (venv / "left over").touch()
    called: list[Any] = []
    monkeypatch.setattr(bootstrap, "call", lambda command, complaint: called.append(command[2]))
    prepare(project)
    assert called == ["venv", "pip"]
    assert not (venv / "left over").exists()
    assert not (venv / bootstrap.INSTALLING).exists()


def test_an_interruption_leaves_its_mark(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "call", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare(project)
    assert (project / ".venv" / bootstrap.INSTALLING).exists()
    assert not bootstrap.is_whole(str(project / ".venv"))


def test_a_too_old_python_is_one_sentence() -> None:
    with pytest.raises(bootstrap.Stop) as stop:
        bootstrap.require_python((3, 9, 2))
    assert "Python 3.11 or newer is needed" in str(stop.value)
    assert "is 3.9.2" in str(stop.value)
    assert "make run PYTHON=python3.11" in str(stop.value)
    bootstrap.require_python((3, 11, 0))
    bootstrap.require_python((4, 0, 0))


def test_an_old_python_can_read_the_file() -> None:
    import ast

    source = (ROOT / "schedcore/bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__ import annotations" not in source  # 3.7


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_debian_without_its_venv_package_is_one_sentence(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else find(name)
    )
    with pytest.raises(bootstrap.Stop, match=f"no module {module}.*apt install python3-venv"):
        bootstrap.require_modules()


def test_a_folder_that_cannot_be_written_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "mkdir", refuse)  # root may write everywhere
    with pytest.raises(bootstrap.Stop, match=r"cannot be written \(Permission denied\)"):
        prepare(project)


def test_a_failing_pip_shows_its_last_lines_and_one_sentence(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(project)
    (project / "requirements.txt").write_text("./no-such-folder\n")
    with pytest.raises(bootstrap.Stop, match="pip could not install"):
        prepare(project)
    assert "no-such-folder" in capfd.readouterr().err
    assert bootstrap.is_whole(str(project / ".venv"))
    (project / "requirements.txt").write_text("# mended\n")
    prepare(project)


def test_a_fault_ends_make_with_one_sentence_and_no_traceback(project: Path) -> None:
    for name in ("Makefile", "schedcore/bootstrap.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    (project / "requirements.txt").unlink()
    done = subprocess.run(
        ["make", "run", f"PYTHON={sys.executable}"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode != 0
    assert "schedcore: cannot make .venv:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_python_is_one_sentence() -> None:
    done = subprocess.run(
        ["make", "run", "PYTHON=no-such-python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode != 0
    assert "schedcore: there is no no-such-python." in done.stderr
