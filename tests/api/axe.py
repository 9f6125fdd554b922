"""axe-core on a page as it stands in Chromium."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "maps/vendor/node_modules/axe-core/axe.min.js"


def serious_faults(page: Page) -> list[str]:
    """Return what is serious or critical on a page, each with the first element that has it."""
    # Past the page's own policy, which lets no foreign script in.
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
