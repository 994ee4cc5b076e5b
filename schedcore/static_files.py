"""How production stores static files."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also what scripts import is named by its content, so that no browser goes on with the old
    half of a new version."""

    support_js_module_import_aggregation = True
