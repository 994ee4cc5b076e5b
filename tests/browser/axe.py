"""axe-core on a page: what it finds that keeps somebody out.

Vendored from npm (axe-core 4.14.1, MPL 2.0, vendor/axe-LICENSE.txt), for tests alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

SCRIPT = Path(__file__).parent / "vendor" / "axe.min.js"

SERIOUS = ("serious", "critical")

RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"], preload: false});
    return found.violations.map((one) => ({
        id: one.id,
        impact: one.impact,
        nodes: one.nodes.slice(0, 5).map((node) => node.html.slice(0, 200)),
    }));
}"""


def prepare(context: BrowserContext) -> None:
    """Let every page of the context know axe; the pages' own policy lets no script in."""
    context.add_init_script(path=SCRIPT)


def serious_violations(page: Page) -> list[dict[str, Any]]:
    """By rule, with the beginnings of at most five elements."""
    return [one for one in page.evaluate(RUN) if one["impact"] in SERIOUS]
