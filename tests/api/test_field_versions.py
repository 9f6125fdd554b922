"""A new version of the field page on a phone with a weak signal: it comes as a whole, or not at all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from gis_service.local_cluster import LocalCluster
from tests.api.own_service import Served, serving

_RELAYED = ("content-type", "etag", "cache-control", "content-security-policy")


class Signal(ThreadingHTTPServer):
    """The way between a phone and the service: some files don't get through it, and later ones are another version."""

    daemon_threads = True

    def __init__(self, served: Served) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.served = served
        self.lost: set[str] = set()
        self.version = ""
        self.passed: Counter[str] = Counter()

    def changed(self, path: str, body: bytes) -> bytes:
        """Return what a newer service would send."""
        if path == "/field.worker.js":
            return body.replace(b'const VERSION = "', f'const VERSION = "{self.version}'.encode())
        if path == "/field":
            return body.replace("<title>网格员".encode(), f"<title>网格员{self.version}".encode())
        if path == "/static/field/field.js":
            return body + f'\ndocument.documentElement.dataset.version = "{self.version}";'.encode()
        return body


class _Passing(BaseHTTPRequestHandler):
    server: Signal

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.server.lost:
            self.close_connection = True
            return
        headers = {"Accept": self.headers.get("Accept", "*/*"), **self.server.served.headers}
        answer = httpx.get(f"{self.server.served.url}{self.path}", headers=headers, timeout=20)
        body = self.server.changed(path, answer.content)
        self.server.passed[path] += 1
        self.send_response(answer.status_code)
        for name in _RELAYED:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Whoever reloads the page meanwhile wants it no longer.
        with suppress(BrokenPipeError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def signal(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[Signal]:
    with serving(cluster, make_database(untouched_sample)) as served, Signal(served) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def versions(page: Page) -> tuple[str, str]:
    """Return which version of the page is open, and which of its script."""
    page.wait_for_selector("html[data-ready=yes]", timeout=20_000)
    return page.title().removeprefix("网格员"), page.get_attribute("html", "data-version") or ""


@pytest.mark.long
def test_a_new_version_comes_as_a_whole(chromium: Browser, signal: Signal) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{signal.server_port}/field")
    page.wait_for_selector("html[data-offline=yes]", timeout=20_000)
    signal.version, signal.lost = "new", {"/static/field/thing.js"}
    signal.passed.clear()
    page.reload()
    for _ in range(200):
        if signal.passed["/static/field/position.js"]:
            break
        page.wait_for_timeout(100)
    for _ in range(2):
        page.reload()
        assert versions(page) == ("", "")
        page.wait_for_timeout(1000)
    assert signal.passed["/static/field/position.js"] == 1, "what had come was fetched again"
    signal.lost = set()
    page.reload()
    for _ in range(100):
        kept = page.evaluate("caches.keys()")
        if len(kept) == 1 and kept[0].startswith("field-new"):
            break
        page.wait_for_timeout(100)
    page.reload()
    assert versions(page) == ("new", "new")
    signal.lost = {"/field", "/field.worker.js", "/static/field/field.js"}
    page.reload()
    assert versions(page) == ("new", "new")
    expect(page.locator("#tab-map")).to_be_visible()
    context.close()
