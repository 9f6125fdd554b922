"""Conditional answers: an unchanged thing is 304 without being made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fastapi import Request
from fastapi.responses import Response

from gis_service.features.tags import tag_of, versions_of
from gis_service.reader import Reader
from gis_service.scope import Scope
from gis_service.statement import Asked, Rows
from layers.layer import Layer

_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Accept, Cookie"}
"""Everything is private and revalidated: what is seen depends on who asks."""


async def answer_asked(
    request: Request, reader: Reader, scope: Scope, layers: Iterable[Layer], parts: Sequence[str],
    asked: Callable[[], Sequence[Asked]], make: Callable[[list[Rows]], bytes], media_type: str,
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """Return 304 when the client holds this version, otherwise what ``make`` makes of the rows.

    Versions and rows come in one round trip; only a client that may hold the answer already costs a second one.

    Parameters
    ----------
    layers
        Whose versions the answer depends on.
    parts
        What else it depends on: the address, the format.
    asked
        Gives the statements whose rows ``make`` gets, in their order; not called where the client holds the answer.
    """
    listed = list(layers)
    versions = versions_of(listed, scope)
    if "if-none-match" in request.headers:
        tag = tag_of((await reader.ask(scope, versions))[0], listed, scope, *parts)
        if holds(request, tag):
            return unchanged(tag, headers)
    first, *rows = await reader.ask(scope, versions, *asked())
    return tagged(tag_of(first, listed, scope, *parts), make(rows), media_type, headers)


def answer_if_changed(
    request: Request, tag: str, make: Callable[[], bytes], media_type: str, headers: dict[str, str] | None = None
) -> Response:
    """Return 304 when the client holds this version, otherwise what ``make`` makes; an empty body is 204."""
    return unchanged(tag, headers) if holds(request, tag) else tagged(tag, make(), media_type, headers)


def holds(request: Request, tag: str) -> bool:
    """Return whether the client holds the version with this tag."""
    given = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    return tag in given or given == ["*"]


def unchanged(tag: str, headers: dict[str, str] | None = None) -> Response:
    """Return 304."""
    return Response(status_code=304, headers={"ETag": tag, **_KEPT, **(headers or {})})


def tagged(tag: str, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """Return a body with its tag; an empty one is 204."""
    kept = {"ETag": tag, **_KEPT, **(headers or {})}
    if not body:
        return Response(status_code=204, headers=kept)
    return Response(body, media_type=media_type, headers=kept)
