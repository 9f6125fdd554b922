"""Visits: recording one, who has to be visited together with others, and how well waste was sorted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.dependencies import CommunityParameter, DatabaseOf, DayParameter, ScopeOf
from api.documents import JSON, DocumentOf, body_of, told
from api.quick_route import QuickRoute
from gis_service.areas import area_named
from gis_service.documents_sent import read_document
from gis_service.features.allowed import community_for
from gis_service.features.question import today
from gis_service.visits.lists import list_refusals, waste_figures
from gis_service.visits.record import NewVisit, record_visit

router = APIRouter(prefix="/visits", tags=["visits"], route_class=QuickRoute)


@router.post("", summary="记一次走访,可同时改正走访对象的信息", status_code=201, response_class=Response,
             openapi_extra=body_of(NewVisit))  # fmt: skip
def record(
    database: DatabaseOf, scope: ScopeOf, document: DocumentOf, community: CommunityParameter = None
) -> Response:
    """Record a visit; the same identifier again is the same visit. ``differences`` are changes that weren't written."""
    given = read_document(NewVisit, document)
    place = community_for(scope, community)
    with database.write(scope) as conn:
        recorded = record_visit(conn, scope, place, given)
    shown: dict[str, Any] = {"id": f"{place}.{recorded.id}", "code": recorded.code}
    if recorded.merged is not None:
        shown |= {
            "written": list(recorded.merged.written), "version": recorded.merged.stamp.version,
            "differences": [asdict(one) for one in recorded.merged.clashes],
        }  # fmt: skip
    return told(shown, 201 if recorded.new else 200)


@router.get("/refusals", summary="联合检查名单:拒访、推诿、需联合执法", response_class=Response, responses=JSON)
def refusals(
    database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None, on: DayParameter = None
) -> Response:
    """Return what was refused as often as the rule says since it was last visited."""
    with database.read(scope) as conn:
        area = area_named(conn, community)
        return told({"community": area.code, **list_refusals(conn, scope, area.code, on or today())})


@router.get("/waste", summary="垃圾分类检查:加权正确率与积分", response_class=Response, responses=JSON)
def waste(
    database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    by: Annotated[str, Query(pattern="^(point|month)$", description="按投放点或按月")] = "point",
    since: DayParameter = None, until: DayParameter = None,
) -> Response:  # fmt: skip
    """Return the share of bags that were sorted correctly, weighted by bags, and the points."""
    with database.read(scope) as conn:
        area = area_named(conn, community)
        found = waste_figures(conn, scope, area.code, by=by, since=since, until=until)
    return told({"community": area.code, **found})
