"""A phone with the field page: its browser with what it held before, its login, its camera, its sudden end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page, Playwright, ViewportSize
from playwright.sync_api import Error as PlaywrightError

from gis_service.sample.load import COMMUNITY
from tests.api.https_office import Office
from tests.gis_service.photo_samples import exif, saved

GRID = f"{COMMUNITY}001"
WORKER, PASSWORD = "wang", "long-enough-password-1"
PHONE = ViewportSize(width=390, height=844)
COUNT_TAPS = """
window.taps = [];
document.addEventListener("pointerdown", (event) => {
  if (event.isTrusted) {
    window.taps.push(event.target.closest("button, label, a, input, select")?.textContent || event.target.tagName);
  }
}, { capture: true });
"""
"""Notes every finger that comes down on a page, before anything of the page hears of it."""


@contextmanager
def phone(
    playwright: Playwright, profile: Path, office: Office, at: tuple[float, float], *, offline: bool = False
) -> Iterator[BrowserContext]:
    """Start a phone's browser with what it held before."""
    context = playwright.chromium.launch_persistent_context(
        str(profile), executable_path="/usr/bin/chromium", args=office.chromium_arguments(), viewport=PHONE,
        has_touch=True, is_mobile=True, device_scale_factor=2, locale="zh-CN", timezone_id="Asia/Shanghai",
        offline=offline, permissions=["geolocation"], accept_downloads=True,
        geolocation={"longitude": at[0], "latitude": at[1], "accuracy": 8},
    )  # fmt: skip
    context.add_init_script(COUNT_TAPS)
    try:
        yield context
    finally:
        # It may have been killed.
        with suppress(PlaywrightError):
            context.close()


@contextmanager
def on_phone(
    playwright: Playwright, profile: Path, office: Office, at: tuple[float, float], *, offline: bool = False
) -> Iterator[Page]:
    """Open the field page on a phone that has everything, logged in; then without a signal, where that is wanted."""
    with phone(playwright, profile, office, at) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        context.set_offline(offline)
        yield page


def kill(profile: Path) -> None:
    """Kill the browser that holds a profile, without a warning."""
    killed = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes()
                if f"--user-data-dir={profile}".encode() in line:
                    os.kill(int(folder.name), signal.SIGKILL)
                    killed += 1
            except (FileNotFoundError, ProcessLookupError):
                continue
    assert killed


def log_in(page: Page, office: Office) -> None:
    """Log the worker in and wait for the field page."""
    page.goto(f"{office.base}/login?next=/field")
    page.fill("#name", WORKER)
    page.fill("#password", PASSWORD)
    page.click("button:has-text('登录')")
    ready(page)


def ready(page: Page) -> None:
    """Wait until the page can be used."""
    page.wait_for_selector("html[data-ready=yes]", timeout=20_000)


def cached(page: Page) -> None:
    """Wait until the phone has everything: the worker, the layers, the list."""
    page.wait_for_selector("html[data-offline=yes]", timeout=20_000)


def picture(path: Path) -> Path:
    """Take a photo, with what a camera writes into it."""
    path.write_bytes(saved(Image.effect_noise((1600, 1200), 60).convert("RGB"), "JPEG", exif=exif()))
    return path


@contextmanager
def at_most(page: Page, most: int) -> Iterator[None]:
    """Count the fingers that come down on the page meanwhile."""
    before = page.evaluate("taps.length")
    yield
    made = page.evaluate("taps")[before:]
    assert 0 < len(made) <= most, made


def tap(page: Page, selector: str) -> None:
    """Touch the first of what is found."""
    page.locator(selector).first.tap()
