"""Links between resources: addresses, relations and media types."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from fastapi import Request
from starlette.datastructures import URL

JSON, HTML = "application/json", "text/html"
GEOJSON = "application/geo+json"
SCHEMA_TYPE = "application/schema+json"
OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.0"
MVT = "application/vnd.mapbox-vector-tile"

OGC_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
"""Where OGC's own link relations live."""


def base_url(request: Request) -> str:
    """Return the address under which the client reached the service, without a slash at its end."""
    scope = request.scope
    server = tuple(scope.get("server") or ())
    return _address(scope["scheme"], request.headers.get("host"), server, scope.get("root_path", ""))


@lru_cache(maxsize=64)
def _address(scheme: str, host: str | None, server: tuple[Any, ...], root: str) -> str:
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    place = {"scheme": scheme, "server": server or None, "headers": headers, "path": f"{root}/", "query_string": b""}
    return str(URL(scope=place)).rstrip("/")


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    """Return a link object."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def link_headers(links: Iterable[dict[str, str]]) -> dict[str, str]:
    """Return the links as a ``Link`` header (RFC 8288), for clients that read no body; titles would not be ASCII."""
    written = (f'<{one["href"]}>; rel="{one["rel"]}"; type="{one["type"]}"' for one in links)
    return {"Link": ", ".join(written)}


def both_forms(address: str, title: str, *, html: bool, media_type: str = JSON) -> list[dict[str, str]]:
    """Return the links of a resource to itself and to its other form: JSON for programs, HTML for people."""
    sign = "&" if "?" in address else "?"
    as_json = link(f"{address}{sign}f=json", "alternate", media_type, f"{title}(JSON)")
    as_html = link(f"{address}{sign}f=html", "alternate", HTML, f"{title}(网页)")
    if html:
        return [{**as_html, "href": address, "rel": "self"}, as_json]
    return [{**as_json, "href": address, "rel": "self"}, as_html]


def wants_html(request: Request, f: str | None) -> bool:
    """Return whether a page is wanted: by ``f``, or by the Accept header when it ranks HTML above everything else."""
    if f is not None:
        return f == "html"
    ranks: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(request.headers.get("accept", "").split(",")):
        name, *rest = (piece.strip().lower() for piece in part.split(";"))
        quality = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
        try:
            ranks.setdefault(name, (float(quality), -place))
        except ValueError:
            ranks.setdefault(name, (0.0, -place))
    page = max(ranks.get(HTML, (0.0, 0)), ranks.get("application/xhtml+xml", (0.0, 0)))
    programs = [rank for name, rank in ranks.items() if name.endswith("json")]
    anything = ranks.get("*/*", (0.0, 0))
    return page[0] > 0 and page[0] >= anything[0] and all(page > rank for rank in programs)
