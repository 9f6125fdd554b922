"""Landing page, conformance and the description of the interface (OGC API Common 1, Features 1)."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from api.conformance import conformance_of
from api.dependencies import CommunityParameter, DatabaseOf, FormatParameter, ScopeOf
from api.links import HTML, JSON, OGC_REL, OPENAPI_TYPE, base_url, both_forms, link, link_headers, wants_html
from api.quick_route import QuickRoute
from api.routes.maps import home_page
from api.routes.pages import answer_in_form
from gis_service.people.roles import Right, may
from maps.document_page import with_links

router = APIRouter(route_class=QuickRoute)

_TWO_FORMS: dict[int | str, dict[str, Any]] = {200: {"content": {JSON: {}, HTML: {}}}}
_VARY = {"Vary": "Accept, Cookie"}


@router.get("/", summary="首页:浏览器得到地图,程序得到 OGC API 入口", response_class=Response, responses=_TWO_FORMS)
def landing(
    request: Request, database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    f: FormatParameter = None,
) -> Response:  # fmt: skip
    """Answer a browser with the living map, and a program with the landing page of the API."""
    base = base_url(request)
    html = wants_html(request, f)
    if html and not may(scope.role, Right.READ):
        there = "/accounts" if may(scope.role, Right.ACCOUNTS) else "/account"
        return RedirectResponse(base + there, 303, {**_VARY, "Cache-Control": "no-store"})
    links = [
        *both_forms(f"{base}/", "首页", html=html),
        link(f"{base}/api", "service-desc", OPENAPI_TYPE, "接口说明 (OpenAPI 3.0)"),
        link(f"{base}/api.html", "service-doc", HTML, "接口说明"),
        link(f"{base}/conformance", "conformance", JSON, "符合的规范"),
        link(f"{base}/collections", "data", JSON, "图层"),
        link(f"{base}/conformance", f"{OGC_REL}conformance", JSON, "符合的规范"),
        link(f"{base}/collections", f"{OGC_REL}data", JSON, "图层"),
        link(f"{base}/tiles", f"{OGC_REL}tilesets-vector", JSON, "矢量瓦片"),
        link(f"{base}/tileMatrixSets", f"{OGC_REL}tiling-schemes", JSON, "瓦片方案"),
    ]
    if html:
        return _with_links(home_page(request, database, scope, community), links)
    document = {"title": "社区空间管理服务", "description": "城市社区的工作地图", "links": links}
    return JSONResponse(document, headers={**_VARY, **link_headers(links)})


def _with_links(page: Response, links: list[dict[str, str]]) -> Response:
    """Return the map with the links of the landing page in it; 304 stays as it is."""
    if page.status_code != 200:
        return page
    headers = {name: value for name, value in page.headers.items() if name not in {"content-length", "content-type"}}
    return HTMLResponse(with_links(bytes(page.body).decode(), "数据接口", links), headers=headers)


@router.get("/conformance", summary="符合的规范", response_class=Response, responses=_TWO_FORMS)
async def conformance(request: Request, f: FormatParameter = None) -> Response:
    """List the conformance classes that hold."""
    classes = {"conformsTo": conformance_of(request.app.state.openapi)}
    return answer_in_form(request, f, f"{base_url(request)}/conformance", "符合的规范", classes)


@router.get(
    "/api", summary="接口说明 (OpenAPI 3.0)", response_class=Response,
    responses={200: {"content": {OPENAPI_TYPE: {}, HTML: {}}}},
)  # fmt: skip
async def api_definition(request: Request, f: FormatParameter = None) -> Response:
    """Return the OpenAPI 3.0 document, with a literal path for each collection."""
    if wants_html(request, f):
        return HTMLResponse(request.app.state.openapi_page, headers=_VARY)
    # The document is large and always the same but for the address under which the client came.
    servers = orjson.dumps({"servers": [{"url": base_url(request)}]})
    return Response(servers[:-1] + b"," + request.app.state.openapi_text[1:], media_type=OPENAPI_TYPE, headers=_VARY)


@router.get("/api.html", summary="接口说明(网页)", response_class=HTMLResponse)
async def api_page(request: Request) -> HTMLResponse:
    """Show the interface as a plain page that needs no script and no outside host."""
    return HTMLResponse(request.app.state.openapi_page)
