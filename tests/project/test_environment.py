"""Values of the environment that cannot be used stop every start, all problems at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from schedcore import environment as variables
from schedcore.environment import VARIABLES, Reader, with_dotenv
from tests.project.processes import DEADLINE_S, ROOT, environment, manage

SECRET = "0123456789" * 5
BAD = [
    ("SCHEDCORE_ENV", "staging", "development, production"),
    ("SCHEDCORE_ALLOWED_HOSTS", "http://host", "host names without port"),
    ("SCHEDCORE_CSRF_TRUSTED_ORIGINS", "example.org", "https://jobs.example.org"),
    ("SCHEDCORE_TIME_ZONE", "Mars/Olympus", "Europe/Berlin"),
    ("SCHEDCORE_TIME_ZONE", "../../etc/passwd", "Europe/Berlin"),
    ("SCHEDCORE_LANGUAGE_CODE", "klingon", "zh-hans"),
    ("SCHEDCORE_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"),
    ("SCHEDCORE_LOG_FORMAT", "xml", "json, text"),
    ("SCHEDCORE_MAX_WORKERS", "0", "from 1 to 1000"),
    ("SCHEDCORE_MAX_WORKERS", "1001", "from 1 to 1000"),
    ("SCHEDCORE_MAX_WORKERS", "many", "from 1 to 1000"),
    ("SCHEDCORE_MAX_WORKERS", "9" * 5000, "from 1 to 1000"),
    ("SCHEDCORE_COALESCE", "perhaps", "true or false"),
    ("SCHEDCORE_LEASE_TTL", "1.9", "from 2 to 600"),
    ("SCHEDCORE_LEASE_TTL", "nan", "from 2 to 600"),
    ("SCHEDCORE_SHUTDOWN_GRACE", "inf", "from 0 to 3600"),
    ("SCHEDCORE_SQLITE_FOLDERS", "/no/such/folder", "folders that exist"),
    ("SCHEDCORE_BASE_URL", "jobs.example.org", "https://jobs.example.org"),
    ("SCHEDCORE_HEARTBEAT_INTERVAL", "4", "from 5 to 86400"),
    ("SCHEDCORE_METRICS_NETWORKS", "10.0.0.0/33", "addresses and networks"),
    ("SCHEDCORE_METRICS_NETWORKS", "10.0.0.7/8", "addresses and networks"),
    ("SCHEDCORE_METRICS_NETWORKS", "example.org", "addresses and networks"),
    ("PORT", "70000", "from 1 to 65535"),
]
BAD_SECRETS = [
    ("SCHEDCORE_SECRET_KEY", "hunter2", "at least 50"),
    ("SCHEDCORE_CREDENTIALS_KEY", "hunter2", "Fernet keys"),
    ("DATABASE_URL", "mysql://root:hunter2@host/name", "postgres://"),
    ("DATABASE_URL", "postgres://root:hunter2@host", "postgres://"),
    ("DATABASE_URL", "postgres://root:hunter2@host:http/name", "postgres://"),
    ("DATABASE_URL", "hunter2", "postgres://"),
    ("DATABASE_URL", "sqlite://:memory:", "sqlite:///path"),
    ("SCHEDCORE_LISTEN_URL", "sqlite:///hunter2", "postgres://"),
    ("SCHEDCORE_HEARTBEAT_URL", "ftp://host/hunter2", "http://"),
    ("SCHEDCORE_HEARTBEAT_URL", "https://host:http/hunter2", "http://"),
    ("SCHEDCORE_HEARTBEAT_URL", "https://host/hunter2 and more", "http://"),
]


def by_name(name: str) -> variables.Variable[object]:
    return next(variable for variable in VARIABLES if variable.name == name)


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_bad_value_is_refused_with_its_name_the_value_and_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    reader = Reader({name: value})
    found = reader.read(by_name(name))
    assert found == by_name(name).default
    [problem] = reader.problems
    assert name in str(problem.sentence)
    assert value[:100] in str(problem.sentence)
    assert len(str(problem.sentence)) < 200
    assert allowed in str(problem.hint)


@pytest.mark.parametrize(("name", "value", "allowed"), BAD_SECRETS)
def test_a_bad_secret_is_refused_without_being_shown(name: str, value: str, allowed: str) -> None:
    reader = Reader({name: value})
    reader.read(by_name(name))
    [problem] = reader.problems
    assert name in str(problem.sentence)
    assert "hunter2" not in f"{problem.sentence} {problem.hint}"
    assert allowed in str(problem.hint)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_an_empty_value_is_the_default(variable: variables.Variable[object]) -> None:
    reader = Reader({variable.name: " "})
    assert reader.read(variable) == variable.default
    assert not reader.problems


def test_every_variable_has_one_declaration() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(names) == len(set(names)) > 25


def test_a_misspelled_variable_is_named_with_the_one_that_was_meant() -> None:
    [unknown] = Reader({"SCHEDCORE_MAX_WORKER": "3", "OTHER": "1"}).unknown()
    assert (unknown.name, unknown.nearest) == ("SCHEDCORE_MAX_WORKER", "SCHEDCORE_MAX_WORKERS")


def test_the_real_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SCHEDCORE_MAX_WORKERS=7\nexport SCHEDCORE_TIMEOUT='8'\n# a comment\n")
    merged = with_dotenv({"SCHEDCORE_MAX_WORKERS": "6"}, file)
    assert merged == {"SCHEDCORE_MAX_WORKERS": "6", "SCHEDCORE_TIMEOUT": "8"}


def test_every_problem_shows_at_once_when_a_command_starts(tmp_path: Path) -> None:
    env = environment(
        SCHEDCORE_VAR_DIR=str(tmp_path),
        SCHEDCORE_MAX_WORKERS="0",
        SCHEDCORE_LEASE_TTL="1",
        DATABASE_URL="mysql://root:hunter2@host/name",
    )
    for command in ("migrate", "changepassword", "shell"):
        done = manage(command, env=env)
        assert done.returncode == 3
        assert "SCHEDCORE_MAX_WORKERS cannot be “0”. Allowed: a whole number" in done.stderr
        assert "SCHEDCORE_LEASE_TTL cannot be “1”. Allowed: a number from 2" in done.stderr
        assert "DATABASE_URL" in done.stderr
        assert "Traceback" not in done.stderr
        assert "hunter2" not in done.stderr


def test_the_system_check_reports_problems_and_misspelled_names(tmp_path: Path) -> None:
    env = environment(
        SCHEDCORE_VAR_DIR=str(tmp_path), SCHEDCORE_MAX_WORKERS="0", SCHEDCORE_TIMOUT="3"
    )
    done = manage("check", env=env)
    assert done.returncode == 1
    assert "(jobs.E001) SCHEDCORE_MAX_WORKERS cannot be “0”." in done.stderr
    assert "HINT: Allowed: a whole number from 1 to 1000." in done.stderr
    assert "(jobs.W001) Nothing reads the variable SCHEDCORE_TIMOUT." in done.stderr
    assert "HINT: Did you mean SCHEDCORE_TIMEOUT?" in done.stderr


def test_production_requires_keys_and_hosts_and_makes_none(tmp_path: Path) -> None:
    env = environment(
        SCHEDCORE_ENV="production", SCHEDCORE_VAR_DIR=str(tmp_path / "var"), DATABASE_URL=POSTGRES
    )
    done = manage("migrate", env=env)
    assert done.returncode == 3
    for name in ("SECRET_KEY", "CREDENTIALS_KEY", "ALLOWED_HOSTS"):
        assert f"SCHEDCORE_{name} must be set in production." in done.stderr
    assert not (tmp_path / "var").exists()


POSTGRES = "postgres://user:p%40ss@127.0.0.1:1/name?sslmode=disable"


def test_production_passes_the_deployment_checks(tmp_path: Path) -> None:
    done = manage("check", "--deploy", "--fail-level=WARNING", env=production(tmp_path))
    assert done.returncode == 0, done.stderr


def production(folder: Path) -> dict[str, str]:
    return environment(
        SCHEDCORE_ENV="production",
        SCHEDCORE_VAR_DIR=str(folder),
        SCHEDCORE_SECRET_KEY=SECRET,
        SCHEDCORE_CREDENTIALS_KEY=Fernet.generate_key().decode(),
        SCHEDCORE_ALLOWED_HOSTS="jobs.example.org",
    )


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    done = manage("migrate", env=environment(SCHEDCORE_VAR_DIR=str(file / "var")))
    assert done.returncode == 3
    assert done.stderr.count(f"The folder {file / 'var'} cannot be written.") == 1
    assert "Traceback" not in done.stderr


def test_an_env_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), SCHEDCORE_ENV_FILE=str(tmp_path))
    done = manage("migrate", env=env)
    assert done.returncode == 3
    assert f"{tmp_path} cannot be read" in done.stderr


@pytest.mark.parametrize("config", [[], ["--config", "python:schedcore.webserver"]])
def test_gunicorn_ends_with_the_same_sentences(tmp_path: Path, config: list[str]) -> None:
    env = environment(
        SCHEDCORE_VAR_DIR=str(tmp_path), SCHEDCORE_MAX_WORKERS="0", HOME=str(tmp_path)
    )
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", *config, "--bind=127.0.0.1:0", "schedcore.wsgi"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 3
    assert "SCHEDCORE_MAX_WORKERS cannot be “0”." in done.stderr
    assert "Traceback" not in done.stderr


def test_postgresql_gets_a_pool_and_its_own_options(tmp_path: Path) -> None:
    env = environment(SCHEDCORE_VAR_DIR=str(tmp_path), DATABASE_URL=POSTGRES)
    shown = manage("shell", "-v0", "-c", SHOW, env=env | {"SCHEDCORE_MAX_WORKERS": "20"})
    assert shown.stdout.split() == ["p@ss", "disable", "25", "0", "True"], shown.stderr


SHOW = """
from django.conf import settings
database = settings.DATABASES["default"]
print(
    database["PASSWORD"],
    database["OPTIONS"]["sslmode"],
    database["OPTIONS"]["pool"]["max_size"],
    database["CONN_MAX_AGE"],
    database["CONN_HEALTH_CHECKS"],
)
"""


def test_sqlite_waits_for_its_turn_and_survives_power_loss(tmp_path: Path) -> None:
    ask = """
from django.db import connection
with connection.cursor() as cursor:
    for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys"):
        print(cursor.execute(f"PRAGMA {name}").fetchone()[0])
"""
    shown = manage("shell", "-v0", "-c", ask, env=environment(SCHEDCORE_VAR_DIR=str(tmp_path)))
    assert shown.stdout.split() == ["wal", "2", "20000", "1"], shown.stderr
