"""Which format a client of ``/items`` gets: by ``f=``, otherwise by its Accept header."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from fastapi import Query, Request

from api.links import GEOJSON, HTML
from gis_service.errors import InputError
from gis_service.exports.formats import FILE_FORMATS, FileFormat

FILES: dict[str, FileFormat] = {form.name: form for form in FILE_FORMATS}
TITLES = {"geojson": "GeoJSON", "html": "网页", **{form.name: form.title for form in FILE_FORMATS}}
"""Name to title of every format, in the order of preference."""

ALL = "all"
"""``limit=all``: the whole answer at once, as a stream, instead of a page."""

_OFFERED: tuple[tuple[str, str], ...] = (
    (GEOJSON, "geojson"),
    ("application/json", "geojson"),
    (HTML, "html"),
    ("application/xhtml+xml", "html"),
    *((form.media_type.partition(";")[0], form.name) for form in FILE_FORMATS),
    ("application/vnd.flatgeobuf", "fgb"),
    ("application/x-shapefile", "shp"),
)

ItemsFormat = Annotated[
    str | None,
    Query(pattern=f"^(json|{'|'.join(TITLES)})$", description=f"格式:{'、'.join(TITLES)};不写则按 Accept"),
]
ItemFormat = Annotated[
    str | None, Query(pattern="^(json|geojson|html)$", description="geojson 或 html;不写则按 Accept")
]


def items_format(request: Request, f: str | None) -> str:
    """Return the name of the format for items: GeoJSON where nothing else is wanted more."""
    if f is not None:
        return "geojson" if f == "json" else f
    return accepted(request.headers.get("accept", ""))


def item_format(request: Request, f: str | None) -> str:
    """Return the name of the format for one item, which comes as GeoJSON or as a page."""
    return "html" if items_format(request, f) == "html" else "geojson"


@lru_cache(maxsize=256)
def accepted(accept: str) -> str:
    """Return the format that an Accept header ranks highest; GeoJSON among equals, and when nothing fits.

    Among ranges of one quality the one that says more wins: ``text/html, */*`` wants HTML.
    """
    ranges = [found for part in accept.split(",") if (found := _range(part)) is not None]
    best, chosen = (0.0, 0), "geojson"
    for media_type, name in _OFFERED:
        fitting = [(detail, quality) for pattern, quality in ranges if (detail := _detail(pattern, media_type))]
        if not fitting:
            continue
        # What is said of the media type itself overrides what is said of its kind.
        detail, quality = max(fitting)
        if quality > 0 and (quality, detail) > best:
            best, chosen = (quality, detail), name
    return chosen


def _range(part: str) -> tuple[str, float] | None:
    pattern, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((piece[2:].strip() for piece in parameters if piece.startswith("q=")), "1")
    try:
        return (pattern, float(quality)) if "/" in pattern else None
    except ValueError:
        return None


def _detail(pattern: str, media_type: str) -> int:
    """Return how much a range says of a media type: 3 all of it, 2 its kind, 1 nothing; 0 when it doesn't fit."""
    if pattern == media_type:
        return 3
    if pattern == media_type.partition("/")[0] + "/*":
        return 2
    return 1 if pattern == "*/*" else 0


def read_file_limit(value: str | None) -> int | None:
    """Return how many rows a file is to hold, None for all of them: a file is whole unless a limit is given."""
    if value is None or value == ALL:
        return None
    try:
        found = int(value)
    except ValueError as error:
        raise InputError(
            f"limit {value!r} 不对:文件应为整数,或 all(全部)。", f"The limit {value!r} is neither a number nor 'all'."
        ) from error
    return max(1, min(found, 2**31 - 1))
