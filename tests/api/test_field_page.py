"""The field page as a whole: small, quick from the cache, and every file of it kept by the phone."""

from __future__ import annotations

import io
import json
import posixpath
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Playwright

from maps.field_page import field_files
from maps.static_files import STATIC_URL
from tests.api.field_phone import on_phone, ready
from tests.api.https_office import Office

ASSETS = Path(__file__).parents[2] / "maps/assets"
IMPORTED = re.compile(r'(?:\bfrom|\bimport\(?)\s*"(\.[^"]+)"')
OWN_JS_BYTES = 150_000


@pytest.mark.long
@pytest.mark.alone
def test_first_paint_from_the_cache(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with on_phone(playwright, tmp_path / "profile", office, here, offline=True) as page:
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.reload()
        ready(page)
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        usable = page.evaluate("performance.now()")
    assert painted < 1000, (painted, usable)


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
