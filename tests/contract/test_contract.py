"""The API does what its description says: Schemathesis asks a real web server whatever the
description allows, and what it does not.

By hand, with a server at $SITE that has the task of these tests (tests.contract.settings):
PYTHONPATH=. .venv/bin/st --config-file tests/contract/schemathesis.toml run \
    jobs/api/openapi.yaml --url "$SITE" -H "Authorization: Token …"
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User

from jobs.api.description import FILE
from jobs.models import AuditEvent, JobExecution, Scope
from tests.contract.rows import make_rows
from tests.contract.server import ROOT, web_server
from tests.factories import make_token

CONFIG = Path(__file__).with_name("schemathesis.toml")
LIMIT_S = 600
"""Far above what it takes on a machine that has much else to do."""

pytestmark = pytest.mark.timeout(LIMIT_S)


@pytest.fixture
def site(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of a web server in whose database the rows of the examples are."""
    make_rows()
    with web_server(tmp_path) as url:
        yield url


def test_a_manager_gets_what_is_described_and_nothing_else(site: str, tmp_path: Path) -> None:
    user = User.objects.create_user("ada")
    rights = Permission.objects.filter(content_type__app_label__in=("jobs", "estate"))
    user.user_permissions.set(rights)
    _token, text = make_token(user, scope=Scope.MANAGE)
    _ask(site, tmp_path, f"--header=Authorization: Token {text}")
    assert AuditEvent.objects.filter(actor="ada", is_refused=False).count() > 50


def test_nobody_gets_what_is_described_and_changes_nothing(site: str, tmp_path: Path) -> None:
    events, executions = AuditEvent.objects.count(), JobExecution.objects.count()
    _ask(site, tmp_path, "--phases=fuzzing", "--max-examples=2")
    assert AuditEvent.objects.count() == events
    assert JobExecution.objects.count() == executions


def _ask(site: str, folder: Path, *options: str) -> None:
    asked = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={CONFIG}",
            "run",
            str(FILE),
            f"--url={site}",
            *options,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
