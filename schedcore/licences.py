"""Which licences come with what schedcore runs on. For the Makefile.

    python -m schedcore.licences > docs/licences.md

Told by the metadata of what is installed here, for requirements.txt and all that it needs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"

BEGINNING = """\
# Licences

schedcore itself is under the [MIT licence](../LICENSE).

These are the packages that it runs on, with all that they need, as their own metadata tells.
`make licences` writes this page.
Of *drf-spectacular-sidecar*, Swagger UI is served, under Apache-2.0; its notices lie beside it.

| Package | Licence |
|---|---|
"""

_SHORT = 50
_TROVE = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    licence: str

    @property
    def is_gpl_only(self) -> bool:
        """Whether each licence that one may choose is the GPL or the AGPL (the LGPL is not)."""
        choices = re.split(r"\bOR\b|,", self.licence)
        return all(re.search(r"\bA?GPL|(?<!Lesser )General Public", choice) for choice in choices)


def main() -> None:
    rows = (f"| {package.name} | {package.licence} |\n" for package in packages())
    sys.stdout.write(BEGINNING + "".join(rows))


def packages() -> list[Package]:
    """What requirements.txt brings with it, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in required()]
    while waiting:
        requirement, asked_with = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": asked_with}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed; call make dev.") from None
        for extra in requirement.extras or {""}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(Requirement(line), extra) for line in found[name].requires or []]
    named = [Package(str(one.metadata["Name"]), licence_of(one)) for one in found.values()]
    return sorted(named, key=lambda package: package.name.lower())


def required() -> Iterator[Requirement]:
    """The lines of requirements.txt."""
    for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if text := line.partition("#")[0].strip():
            yield Requirement(text)


def licence_of(package: Distribution) -> str:
    """The SPDX expression (PEP 639), or the older field, or the classifiers."""
    told = package.metadata
    for field in ("License-Expression", "License"):
        for stated in told.get_all(field) or []:
            if stated.strip() and "\n" not in stated and len(stated) <= _SHORT:
                return str(stated)
    classifiers = told.get_all("Classifier") or []
    names = [text.removeprefix(_TROVE) for text in classifiers if text.startswith(_TROVE)]
    return ", ".join(names) or "not stated"


if __name__ == "__main__":
    main()
