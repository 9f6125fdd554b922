"""Features as pages for people: the same rows as the GeoJSON, with links to every other format."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request

from api.formats import FILES, TITLES
from api.links import HTML, base_url
from gis_service.features.read import Page
from gis_service.people.logins import Identity
from gis_service.people.roles import Right, may
from layers.layer import Layer
from maps.table_page import CONTENT_POLICY, ItemsView, item_page, items_page

PAGE_HEADERS = {"Content-Security-Policy": CONTENT_POLICY}
MAX_ROWS = 1000
"""Most features on one page: a browser draws them all, in the table and on the map."""

_GROUND = ("water", "road", "community")
_OF_A_PAGE = frozenset(("after", "f", "limit"))
_ALTERNATES = (
    ("html", HTML, TITLES["html"]),
    *((name, form.media_type, form.title) for name, form in FILES.items()),
)


def page_of_items(request: Request, layer: Layer, page: Page, limit: int) -> bytes:
    """Return a page of features as HTML."""
    features = orjson.loads(b"[" + page.features + b"]")
    here = f"{base_url(request)}/collections/{layer.name}"
    asked = {name: value for name, value in request.query_params.items() if name not in _OF_A_PAGE}
    pages = []
    if "after" in request.query_params:
        pages.append(("« 第一页", _address(f"{here}/items", asked, f="html", limit=limit)))
    if page.after is not None:
        pages.append(("下一页 »", _address(f"{here}/items", asked, f="html", limit=limit, after=page.after)))
    view = ItemsView(
        path=_path(request, layer, last=False),
        count=f"共 {page.matched:,} 个要素"
        + (f",本页 {page.returned:,} 个" if page.returned < page.matched else "")
        + (f";条件:{'、'.join(f'{name}={value}' for name, value in asked.items())}" if asked else ""),
        pages=pages,
        formats=[
            (title, _address(f"{here}/items", asked, f=name, **({"limit": "all"} if name == "geojson" else {})))
            for name, title in TITLES.items()
            if name != "html"
        ],
        items_url=f"{here}/items",
        background=_ground(layer, features),
    )
    return items_page(layer, features, view).encode()


def page_of_item(request: Request, layer: Layer, feature: bytes) -> bytes:
    """Return one feature as HTML."""
    found = orjson.loads(feature)
    asked = {name: value for name, value in request.query_params.items() if name not in _OF_A_PAGE}
    here = f"{base_url(request)}/collections/{layer.name}/items/{found['id']}"
    view = ItemsView(
        path=_path(request, layer, last=True),
        count="",
        pages=(),
        formats=[
            ("GeoJSON", _address(here, asked, f="geojson")),
            ("历次版本", f"{here}/versions?f=html"),
            *([("个人信息", f"{here}/personal?f=html")] if layer.personal_fields and _may_read(request) else []),
        ],
        items_url=here.rpartition("/")[0],
        background=_ground(layer, [found]),
    )
    return item_page(layer, found, view).encode()


def _may_read(request: Request) -> bool:
    identity: Identity = request.state.identity
    return may(identity.scope.role, Right.PERSONAL)


def alternate_links(request: Request, layer: Layer) -> list[dict[str, str]]:
    """Return links to a page of features in the other formats; those of files lead to the whole answer."""
    given = request.query_params
    if given.keys() & _OF_A_PAGE:
        query = urlencode({name: value for name, value in given.items() if name not in _OF_A_PAGE})
    else:
        query = request.url.query
    query = f"&{query}" if query else ""
    here = f"{base_url(request)}/collections/{layer.name}/items"
    return [
        {"href": f"{here}?f={name}{query}", "rel": "alternate", "type": media_type, "title": title}
        for name, media_type, title in _ALTERNATES
    ]


def _path(request: Request, layer: Layer, *, last: bool) -> list[tuple[str, str]]:
    base = base_url(request)
    here = f"{base}/collections/{layer.name}"
    above = [("首页", f"{base}/"), ("图层", f"{base}/collections?f=html"), (f"{layer.title}说明", f"{here}?f=html")]
    return [*above, (layer.title, f"{here}/items?f=html")] if last else above


def _ground(layer: Layer, features: list[dict[str, Any]]) -> list[str]:
    if not features:
        return []
    community = features[0]["properties"].get("community") or str(features[0]["id"]).partition(".")[0]
    return [f"/maps/overview/layers/{name}?community={community}" for name in _GROUND if name != layer.name]


def _address(here: str, asked: dict[str, str], **more: object) -> str:
    return f"{here}?{urlencode({**asked, **more})}"
