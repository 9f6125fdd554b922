"""The field page as a whole: small, quick from the cache, and every file of it kept by the phone."""

from __future__ import annotations

import io
import json
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Playwright

from maps.field_page import field_files
from maps.static_files import STATIC_URL
from tests.api.field_phone import on_phone, phone, ready
from tests.api.https_office import Office

ASSETS = Path(__file__).parents[2] / "maps/assets"
IMPORTED = re.compile(r'(?:\bfrom|\bimport\(?)\s*"(\.[^"]+)"')
OWN_JS_BYTES = 150_000
STARTS = 5
"""How often the browser is started anew, of which the slowest counts."""
PAINTED_MS = 1000
NOTE_MAP_AND_LIST = """
window.noted = {};
const signs = {
  map: () => [...document.querySelectorAll(".leaflet-container canvas")].some((one) => one.width
    && one.getContext("2d").getImageData(0, one.height / 2, one.width, 1).data.some(Boolean)),
  list: () => document.querySelector("#field-near .field-row"),
  ready: () => document.documentElement?.dataset.ready === "yes",
};
const look = () => {
  for (const [name, sign] of Object.entries(signs)) {
    if (!(name in window.noted) && sign()) {
      // What stands in the document now is painted with the next frame.
      window.noted[name] = performance.now();
    }
  }
  if (Object.keys(window.noted).length < 3) {
    requestAnimationFrame(look);
  }
};
requestAnimationFrame(look);
"""
"""Notes when something is drawn across the map's middle, and when the list, once it is touched, has a row."""


@pytest.mark.long
@pytest.mark.alone
def test_first_paint_from_the_cache(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    profile = tmp_path / "profile"
    with on_phone(playwright, profile, office, here):
        pass
    starts = [start_without_a_network(playwright, profile, office, here) for _ in range(STARTS)]
    record_property("starts", starts)
    print(starts)  # noqa: T201
    assert max(one["first paint"] for one in starts) < PAINTED_MS, starts


def start_without_a_network(
    playwright: Playwright, profile: Path, office: Office, at: tuple[float, float]
) -> dict[str, int]:
    """Start the phone's browser anew on what it held; return after how many milliseconds there was what on the page."""
    with phone(playwright, profile, office, at, offline=True) as context:
        page = context.pages[0]
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        context.add_init_script(NOTE_MAP_AND_LIST)
        page.goto(f"{office.base}/field")
        ready(page)
        page.click("#tab-near")
        page.wait_for_selector("#field-near .field-row")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        # After one more frame the script has seen it too.
        noted = page.evaluate("new Promise((done) => setTimeout(() => done(noted), 200))")
    return {
        "first paint": round(painted), "ready": round(noted["ready"]), "map": round(noted["map"]),
        "list": round(noted["list"]),
    }  # fmt: skip


def imported_from(start: str) -> set[str]:
    """Return a module and all modules that are imported from it on, as paths below the folder of assets."""
    found: set[str] = set()
    left = [start]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            text = (ASSETS / name).read_text(encoding="utf-8")
            left += [posixpath.normpath(f"{posixpath.dirname(name)}/{one}") for one in IMPORTED.findall(text)]
    return found


def test_the_phone_keeps_every_module_and_they_are_small() -> None:
    modules = imported_from("field/field.js")
    assert {"cases/words.js", "field/words.js", "field/map.js"} <= modules
    kept = {name for name in field_files() if name.endswith(".js") and not name.startswith("leaflet/")}
    assert kept == modules
    assert sum((ASSETS / name).stat().st_size for name in modules) < OWN_JS_BYTES


def test_every_file_that_the_phone_keeps_is_there(client: TestClient) -> None:
    script = client.get("/field.worker.js")
    files = json.loads(script.text.splitlines()[1].removeprefix("const FILES = ").removesuffix(";"))
    assert files == [STATIC_URL + name for name in field_files()]
    for file in files:
        assert client.get(file).status_code == 200, file
    for icon in client.get("/field.webmanifest").json()["icons"]:
        found = Image.open(io.BytesIO(client.get(icon["src"]).content))
        assert f"{found.width}x{found.height}" == icon["sizes"]
