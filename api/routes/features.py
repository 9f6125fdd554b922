"""Features of a layer: pages, one feature, what lies near (OGC API Features Part 1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.conditional import answer_if_changed
from api.dependencies import CommunityParameter, DatabaseOf, LayerOf, ScopeOf, refuse_unknown
from api.routes.landing import base_url, link
from gis_service.errors import InputError
from gis_service.features.nearby import read_nearby
from gis_service.features.read import read_feature, read_page
from gis_service.features.select import Question, parse_as_of, parse_bbox, parse_period
from gis_service.features.tiles import read_etag

router = APIRouter(prefix="/collections/{layer}", tags=["features"])

GEOJSON = "application/geo+json"
DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000
FIXED_PARAMETERS = {"bbox", "datetime", "limit", "after", "as_of", "community", "grid", "sortby", "f"}


@router.get("/items", summary="要素", response_class=Response)
def items(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf,
    bbox: Annotated[str | None, Query(description="西,南,东,北(经纬度)")] = None,
    datetime_: Annotated[str | None, Query(alias="datetime", description="有效期与之相交:日期、时刻或 起/止")] = None,
    limit: Annotated[str | None, Query(description=f"每页条数,默认 {DEFAULT_LIMIT},最多 {MAX_LIMIT}")] = None,
    after: Annotated[str | None, Query(description="翻页标记,取自 next 链接")] = None,
    as_of: Annotated[str | None, Query(description="当时的记录:日期(当天结束)或带时区的时刻")] = None,
    community: CommunityParameter = None,
    grid: Annotated[str | None, Query(pattern=r"^[0-9]{15}$", description="15 位网格代码")] = None,
    sortby: Annotated[str | None, Query(description="按属性排序,逗号分隔,降序加 -")] = None,
    f: Annotated[str | None, Query(pattern="^(json|geojson)$", description="只有 GeoJSON")] = None,
) -> Response:  # fmt: skip
    """Return a page of features; every property of the layer is a parameter too."""
    del f
    properties = {field.name for field in layer.fields}
    refuse_unknown(request, FIXED_PARAMETERS | properties)
    question = Question(
        bbox=parse_bbox(bbox) if bbox else None,
        valid=parse_period(datetime_) if datetime_ else None,
        as_of=parse_as_of(as_of) if as_of else None,
        community=community,
        grid=grid,
        equals={name: value for name, value in request.query_params.items() if name in properties},
        order=tuple(sortby.split(",")) if sortby else (),
    )
    size = read_limit(limit)
    with database.read(scope) as conn:
        tag = read_etag(conn, [layer], scope, str(request.url.query))

        def body() -> bytes:
            page = read_page(conn, layer, scope, question, limit=size, after=after)
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
            return start + b',"features":[' + page.features.encode() + b"]}"

        return answer_if_changed(request, tag, body, GEOJSON)


items.reads_properties = True  # type: ignore[attr-defined]


@router.get("/items/{feature}", summary="一个要素", response_class=Response)
def item(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf,
    feature: Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")],
    as_of: Annotated[str | None, Query(description="当时的记录")] = None,
    f: Annotated[str | None, Query(pattern="^(json|geojson)$", description="只有 GeoJSON")] = None,
) -> Response:  # fmt: skip
    """Return one feature with links."""
    del f
    question = Question(as_of=parse_as_of(as_of) if as_of else None)
    with database.read(scope) as conn:
        tag = read_etag(conn, [layer], scope, feature, as_of or "")

        def body() -> bytes:
            found = read_feature(conn, layer, scope, feature, question).encode()
            here = f"{base_url(request)}/collections/{layer.name}"
            links = [
                link(f"{here}/items/{feature}", "self", GEOJSON, "本要素"),
                link(here, "collection", "application/json", layer.title),
            ]
            return found[:-1] + b',"links":' + orjson.dumps(links) + b"}"

        return answer_if_changed(request, tag, body, GEOJSON)


@router.get("/nearby", summary="附近的要素,最近的在前", response_class=Response)
def nearby(
    layer: LayerOf, database: DatabaseOf, scope: ScopeOf,
    lon: Annotated[float, Query(description="经度")],
    lat: Annotated[float, Query(description="纬度")],
    radius_m: Annotated[float, Query(description="半径,米")] = 300.0,
    limit: Annotated[str | None, Query(description="最多几个")] = None,
) -> Response:  # fmt: skip
    """Return features within a radius with their distance in metres and bearing in degrees."""
    with database.read(scope) as conn:
        found = read_nearby(conn, layer, scope, lon=lon, lat=lat, radius_m=radius_m, limit=read_limit(limit))
    features = [
        feature[:-1].encode() + b',"distance_m":%.2f,"bearing_deg":%.1f}' % (metres, degrees)
        for metres, degrees, feature in found
    ]
    head = b'{"type":"FeatureCollection","numberReturned":%d,"features":[' % len(features)
    return Response(
        head + b",".join(features) + b"]}", media_type=GEOJSON, headers={"Cache-Control": "private, no-cache"}
    )


def read_limit(value: str | None) -> int:
    """Return a page size: what is asked, clamped to 1 … 10,000 rather than refused, since clients guess high."""
    if value is None:
        return DEFAULT_LIMIT
    try:
        return max(1, min(MAX_LIMIT, int(value)))
    except ValueError as error:
        raise InputError(f"limit {value!r} 不是整数。", f"The limit {value!r} is no whole number.") from error
