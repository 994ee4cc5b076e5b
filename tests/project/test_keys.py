"""Development's keys: made once, kept, for the owner alone, and the same for everybody."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schedcore.keys import kept
from tests.project.processes import DEADLINE_S, ROOT, environment, manage

SHOW = """
from django.conf import settings
print(settings.SECRET_KEY, *settings.SCHEDCORE.credentials_keys)
"""


def test_the_first_start_makes_keys_and_the_second_keeps_them(tmp_path: Path) -> None:
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path / "var"))
    first, second = (manage("shell", "-v0", "-c", SHOW, env=env) for _ in range(2))
    assert first.stdout == second.stdout, first.stderr
    assert len(first.stdout.split()) == 2
    for name in ("secret_key", "credentials_key"):
        assert (tmp_path / "var" / name).stat().st_mode & 0o777 == 0o600


def test_keys_from_the_environment_leave_no_file(tmp_path: Path) -> None:
    keys = (
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,bm90LWEtc2VjcmV0LW9ubHktZm9yLW1ha2UtbGludC4="
    )
    env = environment(
        SCHEDCORE_VAR_DIR=str(tmp_path),
        SCHEDCORE_SECRET_KEY="0123456789" * 5,
        SCHEDCORE_CREDENTIALS_KEY=keys,
    )
    shown = manage("shell", "-v0", "-c", SHOW, env=env)
    assert shown.stdout.split() == ["0123456789" * 5, *keys.split(",")]
    assert not list(tmp_path.glob("*_key"))


def test_a_spoilt_key_file_is_named_and_not_replaced(tmp_path: Path) -> None:
    spoilt = tmp_path / "credentials_key"
    spoilt.write_text("half a ke")
    done = manage("migrate", env=environment(SCHEDCORE_VAR_DIR=str(tmp_path)))
    assert done.returncode == 3
    assert f"The file {spoilt} cannot be used: it holds no key" in done.stderr
    assert "half a ke" not in done.stderr
    assert spoilt.read_text() == "half a ke"


def test_threads_that_ask_at_once_agree(tmp_path: Path) -> None:
    numbers = iter(range(1000))
    with ThreadPoolExecutor(16) as pool:
        found = pool.map(
            lambda _: kept(tmp_path / "key", lambda: f"key {next(numbers)}"), range(64)
        )
        assert len(set(found)) == 1


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from schedcore.keys import kept
sys.stdin.read()  # until all have started
print(kept(Path(sys.argv[1]), lambda: str(__import__("os").getpid())))
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "key")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    found = {process.communicate(timeout=DEADLINE_S)[0] for process in started}
    assert len(found) == 1
    assert "\n" in found.pop()


def test_an_interrupted_writing_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    (tmp_path / "key.new").write_text("hal")
    assert kept(tmp_path / "key", lambda: "whole") == "whole"
    assert kept(tmp_path / "key", lambda: "another") == "whole"


def test_a_folder_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        kept(tmp_path / "no" / "key", lambda: "key")
