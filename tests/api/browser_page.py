"""A page of a service in Chromium that is watched: nobody else is asked, and nothing goes wrong on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

from tests.api.own_service import Served


@contextmanager
def own_page(
    chromium: Browser, served: Served, size: ViewportSize, *, refusals: bool = False, **options: Any
) -> Iterator[Page]:
    """Give a page to whom the service's token belongs; AssertionError at the end for what went wrong.

    Parameters
    ----------
    size
        The window's; a narrow one is a phone's, which is touched.
    refusals
        Whether the service may refuse something, which the browser complains of.
    options
        Further ones of the browser's context.
    """
    phone = size["width"] < 500
    context = chromium.new_context(
        viewport=size, has_touch=phone, is_mobile=phone, locale="zh-CN", extra_http_headers=served.headers, **options
    )
    errors: list[str] = []
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    found = context.new_page()
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield found
    context.close()
    assert [url for url in requests if not url.startswith((f"{served.url}/", "data:", "blob:"))] == []
    assert [one for one in errors if not (refusals and "status of 4" in one)] == []
