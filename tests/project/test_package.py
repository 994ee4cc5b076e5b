"""The version, the lock file, the licences, and the look for vulnerabilities."""

from __future__ import annotations

import json
import re
import sys
import tomllib

import pytest
import yaml
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from schedcore import licences, vulnerabilities
from schedcore.licences import Package
from schedcore.version import VERSION
from tests.project.processes import ROOT, environment, manage

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINNED = {
    canonicalize_name(pin.name): pin
    for pin in map(Requirement, re.findall(r"^([a-z0-9].+?) \\$", LOCK, re.MULTILINE))
}


def test_the_version_stands_in_pyproject_and_is_told_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION == settings.SPECTACULAR_SETTINGS["VERSION"]
    description = yaml.safe_load((ROOT / "jobs/api/openapi.yaml").read_text(encoding="utf-8"))
    assert description["info"]["version"] == VERSION
    for name in ("version", "--version"):
        assert manage(name, env=environment()).stdout.startswith(f"schedcore {VERSION}, Django 5.2")


def test_the_version_stands_in_no_other_source() -> None:
    for folder in ("schedcore", "jobs"):
        for file in (ROOT / folder).rglob("*.py"):
            assert f'"{VERSION}"' not in file.read_text(encoding="utf-8"), file


def test_the_changelog_is_kept_as_its_form_says() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections[0] == "[Unreleased]"
    for section in sections[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", section), section
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("requirement", list(licences.required()), ids=lambda r: r.name)
def test_the_lock_pins_what_requirements_allow(requirement: Requirement) -> None:
    pin = PINNED[canonicalize_name(requirement.name)]
    [specifier] = pin.specifier
    assert specifier.operator == "=="
    assert requirement.specifier.contains(specifier.version), "run make lock"


def test_the_lock_pins_all_that_is_installed_and_checks_each_by_hashes() -> None:
    names = {canonicalize_name(package.name) for package in licences.packages()}
    assert names <= set(PINNED), "run make lock"
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINNED) > 40
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_lock_names_no_index_and_no_folder() -> None:
    assert not re.search(r"://|^-|index-url|find-links|\s/", LOCK, re.MULTILINE)


def test_every_package_is_listed_with_its_licence() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed = {canonicalize_name(name) for name in re.findall(r"^\| ([\w.-]+) \| ", page, re.M)}
    for package in licences.packages():
        assert canonicalize_name(package.name) in listed, "run make licences"
        assert package.licence != "not stated", package
        assert not package.is_gpl_only, package


@pytest.mark.parametrize(
    ("licence", "is_gpl_only"),
    [
        ("MIT", False),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("MIT OR GPL-2.0-only", False),
    ],
)
def test_a_package_under_the_gpl_alone_is_noticed(licence: str, is_gpl_only: bool) -> None:
    assert Package("x", licence).is_gpl_only == is_gpl_only


def answer(out: str = "", err: str = "", code: int = 0) -> list[str]:
    """A command that says so, in pip-audit's place."""
    script = f"import sys; sys.stdout.write({out!r}); sys.stderr.write({err!r}); sys.exit({code})"
    return [sys.executable, "-c", script]


def test_a_known_vulnerability_fails_and_is_named() -> None:
    problem = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}
    found = {"dependencies": [{"name": "a", "version": "1.0", "vulns": [problem]}]}
    code, sentence = vulnerabilities.audit(answer(json.dumps(found), code=1))
    assert (code, sentence.splitlines()[1]) == (1, "a 1.0: PYSEC-2026-1, fixed in 1.1")


def test_packages_without_one_pass() -> None:
    found = [{"name": "a", "version": "1.0", "vulns": []}, {"name": "b", "skip_reason": "unknown"}]
    assert vulnerabilities.audit(answer(json.dumps({"dependencies": found}))) == (
        0,
        "No known vulnerability in 1 of 2 packages.",
    )


@pytest.mark.parametrize(
    "command",
    [
        answer(err="requests.exceptions.ProxyError: Unable to connect to proxy", code=1),
        answer(err="ERROR:pip_audit._cli:Could not connect to PyPI's feed", code=1),
        answer(json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]})),
    ],
)
def test_a_network_without_the_service_is_said_and_fails_nothing(command: list[str]) -> None:
    code, sentence = vulnerabilities.audit(command)
    assert code == 0
    assert sentence.startswith("Skipped the look for vulnerabilities: ")


def test_a_service_that_hangs_is_left() -> None:
    hangs = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    code, sentence = vulnerabilities.audit(hangs, limit_s=0.2)
    assert (code, sentence.startswith("Skipped")) == (0, True)


def test_what_is_wrong_with_the_lock_itself_fails() -> None:
    code, sentence = vulnerabilities.audit(answer(err="ERROR: invalid requirements", code=1))
    assert (code, sentence) == (1, "pip-audit failed: ERROR: invalid requirements")
