"""Conditional answers: an unchanged thing is 304 without being made."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from fastapi.responses import Response


def answer_if_changed(
    request: Request, tag: str, make: Callable[[], bytes], media_type: str, headers: dict[str, str] | None = None
) -> Response:
    """Return 304 when the client holds this version, otherwise what ``make`` makes; an empty body is 204.

    Everything is private and revalidated: what is seen depends on who asks.
    """
    shared = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Cookie", **(headers or {})}
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers=shared)
    body = make()
    if not body:
        return Response(status_code=204, headers=shared)
    return Response(body, media_type=media_type, headers=shared)
