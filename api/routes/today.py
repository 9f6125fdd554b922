"""The list of a day for a grid worker, as a walk; and for the office how far each grid and each post is round."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.conditional import holds, tagged, unchanged
from api.dependencies import CommunityParameter, DatabaseOf, DayParameter, ScopeOf
from api.quick_route import QuickRoute
from api.routes.questions import GridParameter
from gis_service.areas import area_named
from gis_service.errors import InputError
from gis_service.features.question import today as this_day
from gis_service.features.tags import read_etag
from gis_service.field.coverage import coverage
from gis_service.field.document import told
from gis_service.field.start import of_grid
from gis_service.field.today import LEAST_HOURS, MOST_HOURS
from gis_service.field.today import today as walk_of
from gis_service.rules import rules_in_force
from layers.registry import LAYERS

router = APIRouter(tags=["questions"], route_class=QuickRoute)

_ALL = tuple(LAYERS.values())
_JSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}}}, 304: {"description": "没有变化"},
}  # fmt: skip
Hours = Annotated[
    float,
    Query(
        description=f"有几个小时(步行加现场),{LEAST_HOURS:g} 到 {MOST_HOURS:g}",
        json_schema_extra={"minimum": LEAST_HOURS, "maximum": MOST_HOURS},
    ),
]
StartParameter = Annotated[
    str | None,
    Query(max_length=60, description="起点:经度,纬度;不写为网格的党群服务中心,没有的为网格内一点"),
]


@router.get("/today", summary="今日走访:去哪些地方、为什么、按什么次序走", response_class=Response, responses=_JSON)
def today(
    request: Request, database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    grid: GridParameter = None, hours: Hours = 3.0, start: StartParameter = None, on: DayParameter = None,
) -> Response:  # fmt: skip
    """Return what is due in a grid, or in all that whoever asks may see, as a walk that fits into the hours."""
    begun, day = None if start is None else _place(start), on or this_day()
    with database.read(scope, snapshot=True) as conn:
        area = area_named(conn, community or (grid and grid[:12]))
        tag = read_etag(conn, _ALL, scope, *_parts(request, day, rules_in_force(conn, area.code)))
        if holds(request, tag):
            return unchanged(tag)
        found = walk_of(conn, of_grid(conn, scope, area, grid), area, on=day, hours=hours, start=begun)
    return tagged(tag, orjson.dumps(told(found)), "application/json")


@router.get(
    "/today/coverage", summary="走访进度:各网格、各岗位走访了多少,今天办了多少", response_class=Response,
    responses=_JSON,
)  # fmt: skip
def today_coverage(
    request: Request, database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    on: DayParameter = None,
) -> Response:  # fmt: skip
    """Return for each grid, and to the office for each post, what was seen in time and what was done today."""
    day = on or this_day()
    with database.read(scope, snapshot=True) as conn:
        area = area_named(conn, community)
        tag = read_etag(conn, _ALL, scope, *_parts(request, day, rules_in_force(conn, area.code)))
        if holds(request, tag):
            return unchanged(tag)
        found = coverage(conn, scope, area, on=day)
    return tagged(tag, orjson.dumps(found), "application/json")


def _parts(request: Request, day: date, rules: object) -> tuple[str, ...]:
    """Return what an answer depends on beside the layers: the address, the day, the programme and the thresholds."""
    address = request.scope["path"], request.scope["query_string"].decode()
    return *address, str(day), request.app.state.page_version, str(rules)


def _place(written: str) -> tuple[float, float]:
    """Return longitude and latitude as they were written; InputError when they can't be read."""
    try:
        lon, lat = map(float, written.split(","))
    except ValueError as error:
        raise InputError(
            f"起点 {written!r} 看不懂;请写成 经度,纬度,例如 120.995,30.702。",
            "The start can't be read; write it as longitude,latitude.",
        ) from error
    return lon, lat
