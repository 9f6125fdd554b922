"""Features of a layer: pages and one feature (OGC API Features Parts 1, 2 and 3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.asked import AsOfParameter, ItemsAsked, LimitParameter, SystemParameter, read_limit
from api.conditional import answer_asked, holds, tagged, unchanged
from api.dependencies import LayerOf, ReaderOf, ScopeOf
from api.downloads import whole_answer
from api.formats import ALL, FILES, ItemFormat, ItemsFormat, item_format, items_format, read_file_limit
from api.item_pages import MAX_ROWS, PAGE_HEADERS, alternate_links, page_of_item, page_of_items
from api.links import GEOJSON, HTML, base_url, link
from api.quick_route import QuickRoute
from api.routes.transactions import item_tag
from gis_service.errors import InputError
from gis_service.exports.selection import Selection
from gis_service.features.question import Question, parse_as_of
from gis_service.features.read import one_feature, page_of_features, read_feature, read_page
from gis_service.features.stamps import read_stamp, stamp_of
from gis_service.reference_systems import CRS84, reference_system
from gis_service.statement import Rows

router = APIRouter(prefix="/collections/{layer}", tags=["features"], route_class=QuickRoute)


@router.get("/items", summary="要素", response_class=Response)
async def items(
    request: Request, layer: LayerOf, reader: ReaderOf, scope: ScopeOf, asked: ItemsAsked,
    limit: LimitParameter = None,
    after: Annotated[str | None, Query(description="翻页标记,取自 next 链接")] = None,
    f: ItemsFormat = None,
) -> Response:  # fmt: skip
    """Return a page of features; every property of the layer is a parameter too.

    GeoJSON and HTML come in pages, and GeoJSON with ``limit=all`` as one stream; files hold everything that answers
    unless a limit is given.
    """
    form = items_format(request, f)
    if form in FILES or (limit == ALL and form == "geojson"):
        if after is not None:
            raise InputError(
                f"after 只用于翻页,{form} 是一次给全的;请去掉 after。", "after is for pages only; leave it out."
            )
        rest = (asked.system, asked.names, read_file_limit(limit))
        return await whole_answer(request, reader, Selection(layer, scope, asked.question, *rest), FILES.get(form))
    html = form == "html"
    size = min(read_limit(limit), MAX_ROWS) if html else read_limit(limit)
    # A page's map knows degrees only.
    system = CRS84 if html else asked.system
    page_asked = page_of_features(
        layer, scope, asked.question, limit=size, after=after, system=system, names=asked.names
    )

    def body(rows: list[Rows]) -> bytes:
        page = read_page(rows[0], asked.question, limit=size, after=after)
        if html:
            return page_of_items(request, layer, page, size)
        here = f"{base_url(request)}/collections/{layer.name}"
        links = [
            link(str(request.url), "self", GEOJSON, "本页"),
            link(here, "collection", "application/json", layer.title),
            *alternate_links(request, layer),
        ]
        if page.after is not None:
            following = {**request.query_params, "limit": str(size), "after": page.after}
            links.append(link(f"{here}/items?{urlencode(following)}", "next", GEOJSON, "下一页"))
        head = {
            "numberMatched": page.matched, "numberReturned": page.returned,
            "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), "links": links,
        }  # fmt: skip
        start = orjson.dumps({"type": "FeatureCollection", **head})[:-1]
        return b"".join((start, b',"features":[', page.features, b"]}"))

    headers = {"Content-Crs": f"<{system.uri}>"} | (PAGE_HEADERS if html else {})
    parts = (form, request.url.query, request.app.state.page_version if html else "")
    media_type = HTML if html else GEOJSON
    return await answer_asked(request, reader, scope, [layer], parts, lambda: [page_asked], body, media_type, headers)


@router.get("/items/{feature}", summary="一个要素", response_class=Response)
async def item(
    request: Request, layer: LayerOf, reader: ReaderOf, scope: ScopeOf,
    feature: Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")],
    crs: SystemParameter = None,
    as_of: AsOfParameter = None,
    f: ItemFormat = None,
) -> Response:  # fmt: skip
    """Return one feature with links, or as a page.

    A current feature's tag changes with this feature alone, so that it serves as If-Match when the feature is
    written; what was recorded at another moment is tagged by its layer.
    """
    html = item_format(request, f) == "html"
    system = CRS84 if html else reference_system(crs)
    question = Question(as_of=parse_as_of(as_of) if as_of is not None else None)

    def body(rows: list[Rows]) -> bytes:
        found, _ = read_feature(layer, feature, rows[0])
        if html:
            return page_of_item(request, layer, found)
        links = [
            link(str(request.url), "self", GEOJSON, "本要素"),
            link(str(request.url.include_query_params(f="html")), "alternate", HTML, "本要素(网页)"),
            link(f"{base_url(request)}/collections/{layer.name}", "collection", "application/json", layer.title),
        ]
        return found[:-1] + b',"links":' + orjson.dumps(links) + b"}"

    asked = one_feature(layer, scope, feature, question, system=system)
    headers = {"Content-Crs": f"<{system.uri}>"}
    if html or as_of is not None:
        version = request.app.state.page_version if html else ""
        parts = (feature, as_of or "", system.uri, version)
        headers |= PAGE_HEADERS if html else {}
        media_type = HTML if html else GEOJSON
        return await answer_asked(request, reader, scope, [layer], parts, lambda: [asked], body, media_type, headers)
    stamp_asked = stamp_of(layer, scope, feature)
    if "if-none-match" in request.headers:
        stamp = read_stamp(layer, feature, (await reader.ask(scope, stamp_asked))[0])
        tag = item_tag(request, stamp, feature, system)
        if holds(request, tag):
            return unchanged(tag, headers)
    # The stamp is read before the feature, so it may be older, never newer: at worst a change is refused once.
    stamped, *rows = await reader.ask(scope, stamp_asked, asked)
    tag = item_tag(request, read_stamp(layer, feature, stamped), feature, system)
    return tagged(tag, body(rows), GEOJSON, headers)
