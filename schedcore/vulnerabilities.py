"""Look whether a pinned package has a known vulnerability. For the Makefile.

    python -m schedcore.vulnerabilities requirements.lock

pip-audit asks the service; a finding fails, a network without that service does not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

LIMIT_S = 60

_AWAY = re.compile(r"connect|timed? ?out|resolve|ServiceError|HTTPError|SSLError", re.IGNORECASE)


def main(arguments: Sequence[str]) -> int:
    [lock] = arguments
    code, sentence = audit(
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", lock),
            *("--disable-pip", "--require-hashes"),  # so that nothing is installed
            *("--format=json", "--progress-spinner=off", "--timeout=5"),
        ]
    )
    sys.stdout.write(f"{sentence}\n")
    return code


def audit(command: Sequence[str], limit_s: float = LIMIT_S) -> tuple[int, str]:
    """The exit code, and what was found in words."""
    try:
        done = subprocess.run(  # noqa: S603  # of `main`
            command, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return 0, _skipped(f"it took longer than {limit_s:g} s")
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if _AWAY.search(last):
            return 0, _skipped(last)
        return 1, f"pip-audit failed: {last}"
    found = [
        f"{package['name']} {package['version']}: {problem['id']}, fixed in "
        f"{', '.join(problem['fix_versions']) or 'no version yet'}"
        for package in packages
        for problem in package.get("vulns", ())
    ]
    if found:
        return 1, "\n".join(["Known vulnerabilities (make lock takes newer versions):", *found])
    known = sum("vulns" in package for package in packages)
    if not known:
        return 0, _skipped("the service knows none of the packages")
    return 0, f"No known vulnerability in {known} of {len(packages)} packages."


def _skipped(why: str) -> str:
    return f"Skipped the look for vulnerabilities: {why}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
