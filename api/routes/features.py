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
from api.routes.landing import base_url, link
from api.routes.transactions import item_tag
from gis_service.features.question import Question, parse_as_of
from gis_service.features.read import one_feature, page_of_features, read_feature, read_page
from gis_service.features.stamps import read_stamp, stamp_of
from gis_service.reader import Rows
from gis_service.reference_systems import reference_system

router = APIRouter(prefix="/collections/{layer}", tags=["features"])

GEOJSON = "application/geo+json"


@router.get("/items", summary="要素", response_class=Response)
async def items(
    request: Request, layer: LayerOf, reader: ReaderOf, scope: ScopeOf, asked: ItemsAsked,
    limit: LimitParameter = None,
    after: Annotated[str | None, Query(description="翻页标记,取自 next 链接")] = None,
    f: Annotated[str | None, Query(pattern="^(json|geojson)$", description="只有 GeoJSON")] = None,
) -> Response:  # fmt: skip
    """Return a page of features; every property of the layer is a parameter too."""
    del f
    size = read_limit(limit)
    page_asked = page_of_features(
        layer, scope, asked.question, limit=size, after=after, system=asked.system, names=asked.names
    )

    def body(rows: list[Rows]) -> bytes:
        page = read_page(rows[0], asked.question, limit=size, after=after)
        here = f"{base_url(request)}/collections/{layer.name}"
        links = [
            link(str(request.url), "self", GEOJSON, "本页"),
            link(here, "collection", "application/json", layer.title),
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

    headers = {"Content-Crs": f"<{asked.system.uri}>"}
    return await answer_asked(
        request, reader, scope, [layer], [str(request.url.query)], [page_asked], body, GEOJSON, headers
    )


@router.get("/items/{feature}", summary="一个要素", response_class=Response)
async def item(
    request: Request, layer: LayerOf, reader: ReaderOf, scope: ScopeOf,
    feature: Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")],
    crs: SystemParameter = None,
    as_of: AsOfParameter = None,
    f: Annotated[str | None, Query(pattern="^(json|geojson)$", description="只有 GeoJSON")] = None,
) -> Response:  # fmt: skip
    """Return one feature with links.

    A current feature's tag changes with this feature alone, so that it serves as If-Match when the feature is
    written; what was recorded at another moment is tagged by its layer.
    """
    del f
    system = reference_system(crs)
    question = Question(as_of=parse_as_of(as_of) if as_of else None)

    def body(rows: list[Rows]) -> bytes:
        found, _ = read_feature(layer, feature, rows[0])
        here = f"{base_url(request)}/collections/{layer.name}"
        links = [
            link(f"{here}/items/{feature}", "self", GEOJSON, "本要素"),
            link(here, "collection", "application/json", layer.title),
        ]
        return found[:-1] + b',"links":' + orjson.dumps(links) + b"}"

    asked = one_feature(layer, scope, feature, question, system=system)
    headers = {"Content-Crs": f"<{system.uri}>"}
    if as_of is not None:
        parts = (feature, as_of, system.uri)
        return await answer_asked(request, reader, scope, [layer], parts, [asked], body, GEOJSON, headers)
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
