"""The list of a day for a grid worker, as a walk; and for the office how far each grid is round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.engine import Connection

from api.conditional import answer_if_changed, holds
from api.dependencies import CommunityParameter, DatabaseOf, DayParameter, ScopeOf
from api.quick_route import QuickRoute
from api.routes.questions import GridParameter
from gis_service.areas import Area, first_registered, list_areas, read_area
from gis_service.database import Database
from gis_service.errors import InputError, NotFoundError
from gis_service.features.question import today as this_day
from gis_service.features.tags import read_etag
from gis_service.field.coverage import coverage
from gis_service.field.document import told
from gis_service.field.start import of_grid
from gis_service.field.today import LEAST_HOURS, MOST_HOURS
from gis_service.field.today import today as walk_of
from gis_service.rules import rules_in_force
from gis_service.scope import Scope
from layers.registry import LAYERS

router = APIRouter(tags=["questions"], route_class=QuickRoute)

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
    begun = None if start is None else _place(start)
    day = on or this_day()

    def make(conn: Connection, area: Area) -> dict[str, Any]:
        return told(walk_of(conn, of_grid(conn, scope, area, grid), area, on=day, hours=hours, start=begun))

    return _answer(request, database, scope, community or (grid and grid[:12]), day, make)


@router.get(
    "/today/coverage", summary="走访进度:各网格走访了多少,今天办了多少", response_class=Response, responses=_JSON
)
def today_coverage(
    request: Request, database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    on: DayParameter = None,
) -> Response:  # fmt: skip
    """Return for each grid how many lettings and firms were seen in time, and what was done today."""
    day = on or this_day()
    return _answer(
        request, database, scope, community, day, lambda conn, area: coverage(conn, scope, area, on=day)
    )  # fmt: skip


def _answer(
    request: Request, database: Database, scope: Scope, community: str | None, day: date,
    make: Callable[[Connection, Area], dict[str, Any]],
) -> Response:  # fmt: skip
    """Return what ``make`` makes of a community, of the one registered first when none is named."""
    with database.read(scope, snapshot=True) as conn:
        area = _area(conn, community)
        tag = read_etag(
            conn, LAYERS.values(), scope, request.scope["path"], request.scope["query_string"].decode(), area.code,
            str(day), request.app.state.page_version, str(rules_in_force(conn, area.code)),
        )  # fmt: skip
        body = b"" if holds(request, tag) else orjson.dumps(make(conn, area))
    return answer_if_changed(request, tag, lambda: body, "application/json")


def _area(conn: Connection, community: str | None) -> Area:
    if community is not None:
        return read_area(conn, community)
    areas = list_areas(conn)
    if not areas:
        raise NotFoundError("还没有登记社区;请先登记并导入数据。", "No community is registered yet.")
    return first_registered(areas)


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
