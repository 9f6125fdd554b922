"""The desk of cases, as a page; what happens on it is asked of ``/cases`` and told by ``/changes``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from api.dependencies import CommunityParameter, DatabaseOf, ScopeOf
from api.documents import PRIVATE
from api.quick_route import QuickRoute
from api.wanted_cases import WantedOf
from gis_service.areas import first_registered, list_areas, read_area
from gis_service.cases.figures import BY
from gis_service.cases.steps import read_offices
from gis_service.people.roles import Right, may
from maps.case_page import CASE_POLICY, VIEWS, Opened, case_page
from maps.notice import empty_page
from maps.ways import ways_for

router = APIRouter(tags=["cases"], route_class=QuickRoute)


@router.get("/desk", summary="案件台(网页):地址栏里的筛选与 /cases 相同", response_class=HTMLResponse)
def desk(
    database: DatabaseOf, scope: ScopeOf, wanted: WantedOf, community: CommunityParameter = None,
    case: Annotated[str | None, Query(max_length=120, description="打开的案件")] = None,
    view: Annotated[str, Query(pattern=f"^({'|'.join(VIEWS)})$", description="打开的一页")] = "cases",
    by: Annotated[str, Query(pattern=f"^({'|'.join(BY)})$", description="指标按什么分")] = "grid",
) -> Response:  # fmt: skip
    """Show the desk; its script reads the same parameters out of the address, so that a link opens what it names."""
    with database.read(scope) as conn:
        areas = list_areas(conn)
        if not areas:
            return HTMLResponse(empty_page(), headers=PRIVATE)
        named = community or (case[:12] if case and case[:12].isdigit() else None)
        area = read_area(conn, named) if named else first_registered(areas)
        offices = read_offices(conn, area.code)
    writes = may(scope.role, Right.WRITE) and not (scope.grant and (scope.grant.read_only or scope.grant.viewing))
    opened = Opened(area.code, tuple((one.code, one.name) for one in areas), offices if writes else ())
    page = case_page(opened, ways_for(scope.role, "/desk"))
    return HTMLResponse(page, headers={**PRIVATE, "Content-Security-Policy": CASE_POLICY})
