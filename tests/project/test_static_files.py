from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.core.management import call_command

IMPORTED = re.compile(r"""(?:^|[\s;}])(?:import|from)\s*["']\./([\w.-]+)["']""", re.MULTILINE)
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


def test_what_a_script_imports_is_named_by_its_content(settings: Any, tmp_path: Path) -> None:
    """Else a browser may put the old half of a program together with the new one."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "schedcore.static_files.HashedFiles"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    scripts = [
        path for path in (tmp_path / "jobs" / "js").rglob("*.js") if HASHED.search(path.name)
    ]
    imported = [name for path in scripts for name in IMPORTED.findall(path.read_text())]
    assert len(imported) > 20
    assert [name for name in imported if not HASHED.search(name)] == []
