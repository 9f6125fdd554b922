"""Questions of a grid worker, each one request: what is near, here, inside, along; the morning sheet; where is it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.asked import read_limit
from api.conditional import holds, tagged, unchanged
from api.dependencies import CommunityParameter, ReaderOf, ScopeOf
from api.quick_route import QuickRoute
from api.routes.transactions import Sent, SentOf
from gis_service.errors import InputError
from gis_service.features.along import ALONG, Way, along_of, read_along, read_way, way_of
from gis_service.features.at import AREAL, at_of, read_at
from gis_service.features.data_date import said_of
from gis_service.features.drawn import drawn_area, drawn_box, drawn_line
from gis_service.features.inside import Region, inside_of, read_inside, read_region, region_of
from gis_service.features.nearby import MAX_NEAREST_M, MAX_RADIUS_M, nearby_of, read_joined, read_nearby
from gis_service.features.question import SHANGHAI, Question
from gis_service.features.received import read_json
from gis_service.features.search import MAX_HITS, read_hits, search_of
from gis_service.features.summary import read_summary, sheet_of, summary_of
from gis_service.features.tags import tag_of, versions_of
from gis_service.reader import Reader
from gis_service.reference_systems import CRS84
from gis_service.scope import Scope
from gis_service.statement import Asked, Rows
from layers.layer import Layer
from layers.registry import LAYERS

router = APIRouter(tags=["questions"], route_class=QuickRoute)

GEOJSON = "application/geo+json"
_ALL = tuple(LAYERS.values())

Longitude = Annotated[float, Query(description="经度", json_schema_extra={"minimum": -180, "maximum": 180})]
Latitude = Annotated[float, Query(description="纬度", json_schema_extra={"minimum": -85, "maximum": 85})]
ThingsParameter = Annotated[str | None, Query(description="图层名称,逗号分隔;不写则为区划以外的全部")]
LayersParameter = Annotated[str | None, Query(description="图层名称,逗号分隔;不写则为全部")]
GridParameter = Annotated[str | None, Query(pattern=r"^[0-9]{15}$", description="15 位网格代码")]
EachLimit = Annotated[str | None, Query(description="每个图层最多列几个要素,默认 100;计数不受影响")]
Radius = Annotated[
    float | None,
    Query(
        description="半径,米,大于 0,最多 5000;不写则为 20 公里以内最近的 k 个",
        json_schema_extra={"minimum": 0, "maximum": MAX_RADIUS_M},
    ),
]
Width = Annotated[
    float, Query(description="线两侧各多少米,大于 0,不超过 200", json_schema_extra={"minimum": 0, "maximum": 200})
]
AlongLimit = Annotated[str | None, Query(description="最多几个要素,默认 100")]

_FEATURES: dict[int | str, dict[str, Any]] = {200: {"content": {GEOJSON: {}}}}
_TAGGED: dict[int | str, dict[str, Any]] = {**_FEATURES, 304: {"description": "没有变化"}}
_SHEET: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}}}, 304: _TAGGED[304]}

Made = tuple[dict[str, Any], bytes | None]
"""What an answer says beside crs and date, and its features joined by commas; None where it has none."""


def _drawing(kind: str, title: str) -> dict[str, Any]:
    """Return what the API description says of a body that holds a drawn geometry."""
    schema = {
        "type": "object", "required": ["type", "coordinates"], "description": title,
        "properties": {"type": {"enum": [kind, f"Multi{kind}"]}, "coordinates": {"type": "array", "items": {}}},
    }  # fmt: skip
    return {
        "requestBody": {
            "required": True,
            "content": {media: {"schema": schema} for media in (GEOJSON, "application/json")},
        }
    }


@router.get("/nearby", summary="附近有什么,最近的在前", response_class=Response, responses=_TAGGED)
async def nearby(
    request: Request, reader: ReaderOf, scope: ScopeOf, lon: Longitude, lat: Latitude, layers: ThingsParameter = None,
    radius_m: Radius = None,
    k: Annotated[str | None, Query(description="最多几个,默认 100")] = None,
) -> Response:  # fmt: skip
    """Return features with distance in metres and bearing in degrees from north, the nearest first, within 20 km."""
    limit = read_limit(k, "k")
    chosen = read_layers(layers, ALONG)
    reach = {"within_m": MAX_NEAREST_M if radius_m is None else radius_m}
    alone = len(chosen) == 1
    asked = [
        nearby_of(layer, scope, Question(), lon=lon, lat=lat, radius_m=radius_m, limit=limit, joined=alone)
        for layer in chosen
    ]

    def make(answers: list[Rows]) -> Made:
        if alone:
            features, number = read_joined(answers[0])
            return {**reach, "numberReturned": number}, features
        nearest = read_nearby(answers, limit)
        return {**reach, "numberReturned": len(nearest)}, b",".join(nearest)

    return await _answer(request, reader, scope, chosen, asked, make)


@router.get("/at", summary="这里属于哪个网格、小区、楼栋、地块", response_class=Response, responses=_TAGGED)
async def at(
    request: Request, reader: ReaderOf, scope: ScopeOf, lon: Longitude, lat: Latitude,
    layers: Annotated[str | None, Query(description="面图层名称,逗号分隔;不写则为全部面图层")] = None,
) -> Response:  # fmt: skip
    """Return the features that cover a point, in the order of the layers."""
    chosen = read_layers(layers, AREAL)
    asked = [at_of(layer, scope, lon=lon, lat=lat) for layer in chosen]

    def make(answers: list[Rows]) -> Made:
        features = read_at(chosen, answers)
        return {"numberReturned": len(features)}, b",".join(features)

    return await _answer(request, reader, scope, chosen, asked, make)


@router.get("/within", summary="一片范围里有什么:各图层计数与清单", response_class=Response, responses=_TAGGED)
async def within(
    request: Request, reader: ReaderOf, scope: ScopeOf,
    polygon: Annotated[str | None, Query(description="范围的 WKT:POLYGON 或 MULTIPOLYGON,经度在前")] = None,
    bbox: Annotated[str | None, Query(description="西,南,东,北,经纬度")] = None,
    grid: GridParameter = None,
    estate: Annotated[str | None, Query(min_length=1, max_length=64, description="小区编码")] = None,
    community: CommunityParameter = None,
    layers: LayersParameter = None,
    limit: EachLimit = None,
) -> Response:  # fmt: skip
    """Return counts by layer and code, and the features, of exactly one of polygon, bbox, grid and estate."""
    if sum(given is not None for given in (polygon, bbox, grid, estate)) != 1:
        raise InputError(
            "请用 polygon、bbox、grid、estate 中的一个说明范围;所画的多边形也可以用 POST 提交。",
            "Give exactly one of polygon, bbox, grid and estate.",
        )
    shape = drawn_box(bbox) if bbox is not None else None if polygon is None else drawn_area(polygon)
    region = Region(shape, grid, estate, community)
    return await _inside(request, reader, scope, region, layers, limit)


@router.post(
    "/within", summary="所画范围里有什么:各图层计数与清单", name="within_drawn", response_class=Response,
    responses=_FEATURES, openapi_extra=_drawing("Polygon", "范围:GeoJSON 面,CRS84"),
)  # fmt: skip
async def within_drawn(
    request: Request, reader: ReaderOf, scope: ScopeOf, sent: SentOf, community: CommunityParameter = None,
    layers: LayersParameter = None, limit: EachLimit = None,
) -> Response:  # fmt: skip
    """Return what ``within`` returns, of a GeoJSON geometry in the body."""
    region = Region(drawn_area(_drawn(sent)), community=community)
    return await _inside(request, reader, scope, region, layers, limit)


@router.get("/along", summary="沿一条路或一条线有什么,按先后次序", response_class=Response, responses=_TAGGED)
async def along(
    request: Request, reader: ReaderOf, scope: ScopeOf, width_m: Width,
    road: Annotated[str | None, Query(min_length=1, max_length=200, description="道路编码或名称")] = None,
    line: Annotated[str | None, Query(description="线的 WKT:LINESTRING,经度在前")] = None,
    community: CommunityParameter = None,
    layers: ThingsParameter = None,
    limit: AlongLimit = None,
) -> Response:  # fmt: skip
    """Return features by their position in metres from the line's start, with distance and side."""
    if (road is None) == (line is None):
        raise InputError(
            "请用 road 或 line 中的一个说明沿着什么;走过的轨迹也可以用 POST 提交。",
            "Give exactly one of road and line.",
        )
    way = Way(line and drawn_line(line), road, community)
    return await _along(request, reader, scope, way, layers, width_m, limit)


@router.post(
    "/along", summary="沿走过的轨迹有什么,按先后次序", response_class=Response, responses=_FEATURES, name="along_drawn",
    openapi_extra=_drawing("LineString", "轨迹:GeoJSON 线,CRS84"),
)  # fmt: skip
async def along_drawn(
    request: Request, reader: ReaderOf, scope: ScopeOf, sent: SentOf, width_m: Width,
    community: CommunityParameter = None, layers: ThingsParameter = None, limit: AlongLimit = None,
) -> Response:  # fmt: skip
    """Return what ``along`` returns, of a GeoJSON geometry in the body."""
    way = Way(drawn_line(_drawn(sent)), community=community)
    return await _along(request, reader, scope, way, layers, width_m, limit)


@router.get("/summary", summary="各网格今天的数:晨会表", response_class=Response, responses=_SHEET)
async def summary(
    request: Request, reader: ReaderOf, scope: ScopeOf, grid: GridParameter = None,
    community: CommunityParameter = None,
) -> Response:  # fmt: skip
    """Return the figures of a grid or of all grids of a community, each figure with its definition."""
    sheet = sheet_of(scope, datetime.now(SHANGHAI).date(), grid=grid, community=community)

    def make(answers: list[Rows]) -> Made:
        return read_summary(sheet, answers), None

    parts = (sheet.today.isoformat(),)
    return await _answer(request, reader, scope, _ALL, summary_of(scope, sheet), make, parts)


@router.get("/search", summary="按地址、编码、名称、拼音查找", response_class=Response, responses=_TAGGED)
async def search(
    request: Request, reader: ReaderOf, scope: ScopeOf,
    q: Annotated[str, Query(description="地址、编码、名称、拼音或拼音首字母;空格隔开的词都要找到")],
    layers: LayersParameter = None,
    limit: Annotated[str | None, Query(description=f"最多几个,默认 100,最多 {MAX_HITS}")] = None,
    lon: Annotated[float | None, Query(description="经度;与纬度同给时,同样好的近者在前")] = None,
    lat: Annotated[float | None, Query(description="纬度")] = None,
) -> Response:  # fmt: skip
    """Return points on what is called so, the best first."""
    if (lon is None) != (lat is None):
        raise InputError("经度 lon 和纬度 lat 请一起给。", "Give lon and lat together.")
    near = None if lon is None or lat is None else (lon, lat)
    chosen = read_layers(layers)
    asked = search_of(chosen, scope, q, limit=min(MAX_HITS, read_limit(limit)), near=near)

    def make(answers: list[Rows]) -> Made:
        hits, matched = read_hits(answers[0])
        return {"numberMatched": matched, "numberReturned": len(hits)}, b",".join(hits)

    return await _answer(request, reader, scope, chosen, [asked], make)


async def _inside(
    request: Request, reader: Reader, scope: Scope, region: Region, layers: str | None, limit: str | None
) -> Response:
    chosen, size = read_layers(layers), read_limit(limit)
    described = region_of(scope, region)
    before = [] if described is None else [described]
    asked = [*before, *(inside_of(layer, scope, region, limit=size) for layer in chosen)]
    standing = chosen if region.polygon is not None else [*chosen, LAYERS[region.kind]]

    def make(answers: list[Rows]) -> Made:
        area = read_region(region, answers[0] if before else None)
        read = [read_inside(layer, rows) for layer, rows in zip(chosen, answers[len(before) :], strict=True)]
        counts = [head for head, _ in read]
        returned = sum(head["numberReturned"] for head in counts)
        head = {"area": area, "layers": counts, "numberReturned": returned}
        return head, b",".join(features for _, features in read if features)

    return await _answer(request, reader, scope, standing, asked, make)


async def _along(
    request: Request, reader: Reader, scope: Scope, way: Way, layers: str | None, width_m: float, limit: str | None
) -> Response:
    chosen, size = read_layers(layers, ALONG), read_limit(limit)
    asked = [along_of(layer, scope, way, width_m=width_m, limit=size + 1) for layer in chosen]

    def make(answers: list[Rows]) -> Made:
        line = read_way(way, answers[0], width_m)
        features, more = read_along(answers[1:], size)
        return {"line": line, "numberReturned": len(features), "more": more}, b",".join(features)

    standing = chosen if way.road is None else [*chosen, LAYERS["road"]]
    return await _answer(request, reader, scope, standing, [way_of(scope, way), *asked], make)


async def _answer(
    request: Request, reader: Reader, scope: Scope, layers: Sequence[Layer], asked: Sequence[Asked],
    make: Callable[[list[Rows]], Made], parts: Sequence[str] = (),
) -> Response:  # fmt: skip
    """Return what ``make`` makes of the rows, with the system of coordinates and the date of the layers' data.

    The versions of the layers come in the same round trip. They make the entity tag, beside the address and ``parts``;
    an answer to a POST has none.
    """
    versions, address = versions_of(layers, scope), (request.scope["path"], request.scope["query_string"].decode())
    known = request.method == "GET"
    if known and "if-none-match" in request.headers:
        tag = tag_of((await reader.ask(scope, versions))[0], layers, scope, *address, *parts)
        if holds(request, tag):
            return unchanged(tag)
    first, *rows = await reader.ask(scope, versions, *asked)
    head, features = make(rows)
    if features is None:
        body, media_type = orjson.dumps({**said_of(first), **head}), "application/json"
    else:
        start = orjson.dumps({"type": "FeatureCollection", **said_of(first), **head})
        body, media_type = b'%s,"features":[%s]}' % (start[:-1], features), GEOJSON
    if not known:
        return Response(body, media_type=media_type, headers={"Cache-Control": "private, no-store"})
    return tagged(tag_of(first, layers, scope, *address, *parts), body, media_type)


def _drawn(sent: Sent) -> dict[str, Any]:
    """Return the GeoJSON of a body; InputError when its coordinates aren't said to be CRS84."""
    if sent.system != CRS84:
        raise InputError(
            "所画的图形只收经纬度(CRS84),经度在前;请去掉 Content-Crs 请求头。",
            "What is drawn comes in CRS84, longitude first; leave out the Content-Crs header.",
        )
    return read_json(sent.body)


def read_layers(written: str | None, default: Sequence[Layer] = _ALL) -> list[Layer]:
    """Return the layers that a request names, without names the default ones.

    Raises
    ------
    InputError
        When there is no such layer, or no name.
    """
    if written is None:
        return list(default)
    names = list(dict.fromkeys(name for name in written.split(",") if name))
    for name in names or [written]:
        if name not in LAYERS:
            raise InputError(
                f"没有图层 {name!r};可用的有:{'、'.join(LAYERS)}。", f"There is no layer {name!r}; see /collections."
            )
    return [LAYERS[name] for name in names]
