"""The days on which a community works: what time limits are reckoned with."""

from __future__ import annotations

import hashlib
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from api.conditional import answer_if_changed
from api.days import FIRST_DAY, LAST_DAY
from api.dependencies import CommunityParameter, ReaderOf, ScopeOf
from api.quick_route import QuickRoute
from gis_service.cases.work_days import read_year, year_of

router = APIRouter(tags=["calendar"], route_class=QuickRoute)

YearPath = Annotated[int, Path(ge=FIRST_DAY.year, lt=LAST_DAY.year, description="年份,例如 2026")]


@router.get(
    "/calendar/{year}", summary="一年的工作日历:放假、调休上班的日子和依据", response_class=Response,
    responses={200: {"content": {"application/json": {}}}, 304: {"description": "没有变化"}},
)  # fmt: skip
async def calendar(
    request: Request, year: YearPath, reader: ReaderOf, scope: ScopeOf, community: CommunityParameter = None
) -> Response:
    """Return the days of a year on which the week doesn't hold, of the community registered first if none is named."""
    (rows,) = await reader.ask(scope, year_of(community, year))
    code, found = read_year(rows, community)
    days = [
        {"date": one.day, "working": one.working, "name": one.name, "basis": one.basis, "own": one.own}
        for one in found.of_year(year)
    ]
    body = orjson.dumps({"community": code, "year": year, "known": year in found.known, "days": days})
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return answer_if_changed(request, tag, lambda: body, "application/json")
