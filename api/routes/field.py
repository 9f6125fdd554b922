"""The field page, what it is installed by, and what it asks first: whose phone this is, and of which area."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from api.dependencies import CommunityParameter, DatabaseOf, IdentityOf
from api.documents import JSON, told
from api.quick_route import QuickRoute
from gis_service.areas import area_named
from gis_service.cases.filing import DUPLICATE_RULE
from gis_service.cases.steps import read_offices
from gis_service.rules import read_rules
from gis_service.scope import partial_of
from maps.field_page import FIELD_POLICY, field_page, manifest, service_worker

router = APIRouter(tags=["field"], route_class=QuickRoute)

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Cookie"}


@router.get("/field", summary="网格员页:手机优先,没有信号也能用", response_class=HTMLResponse)
def field(identity: IdentityOf) -> Response:
    """Show the page of a grid worker; its data comes from the API, and from what the phone holds."""
    page = field_page(identity.scope.actor, identity.title or identity.scope.actor)
    return HTMLResponse(page, headers={**_PRIVATE, "Content-Security-Policy": FIELD_POLICY})


@router.get(
    "/field/start", summary="网格员页的开头:账户、范围、社区、能办什么", response_class=Response, responses=JSON
)
def start(database: DatabaseOf, identity: IdentityOf, community: CommunityParameter = None) -> Response:
    """Return whose login this is, which areas it has in a community, and in which capacities it makes steps there."""
    scope = identity.scope
    with database.read(scope) as conn:
        area = area_named(conn, community)
        offices = read_offices(conn, area.code)
        near = read_rules(conn, area.code)[DUPLICATE_RULE].value
    areas = scope.narrowed(area.code).areas
    shown: dict[str, Any] = {
        "account": scope.actor, "title": identity.title, "role": scope.role, "areas": list(areas),
        "community": area.code, "name": area.name, "offices": list(offices), "duplicate_m": near,
        "scope": partial_of(areas).removeprefix("只含") or area.name,
    }  # fmt: skip
    return told(shown)


@router.get("/field.webmanifest", summary="网格员页的安装说明(manifest)", response_class=Response)
def field_manifest() -> Response:
    """Return what lets a phone install the page."""
    return JSONResponse(manifest(), media_type="application/manifest+json", headers={"Cache-Control": "no-cache"})


@router.get("/field.worker.js", summary="网格员页的离线脚本(service worker)", response_class=Response)
def field_worker(request: Request) -> Response:
    """Return the script that keeps the page on the phone; it changes with every file of the page."""
    script = service_worker(request.app.state.page_version)
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
