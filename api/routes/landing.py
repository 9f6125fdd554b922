"""Landing page, conformance, and the list of collections (OGC API Common, Features Part 1)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from api.dependencies import CommunityParameter, DatabaseOf, FormatParameter, JsonParameter, LayerOf, ScopeOf
from api.openapi import describe_properties
from api.routes.maps import home_page
from gis_service.features.read import read_extent
from layers.layer import Layer
from layers.registry import LAYERS

router = APIRouter()

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CONFORMANCE = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]
SCHEMA_TYPE = "application/schema+json"
OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.0"


@router.get("/", summary="首页:浏览器得到地图,程序得到 OGC API 入口", response_model=None)
def landing(
    request: Request,
    database: DatabaseOf,
    scope: ScopeOf,
    community: CommunityParameter = None,
    f: FormatParameter = None,
) -> Response:
    """Answer a browser with the living map, and a program with the landing page of the API."""
    wants_page = f == "html" or (f is None and "text/html" in request.headers.get("accept", ""))
    if wants_page:
        return home_page(request, database, scope, community)
    base = base_url(request)
    links = [
        link(f"{base}/?f=json", "self", "application/json", "本文档"),
        link(f"{base}/?f=html", "alternate", "text/html", "地图首页"),
        link(f"{base}/api", "service-desc", OPENAPI_TYPE, "接口说明 (OpenAPI 3.0)"),
        link(f"{base}/api.html", "service-doc", "text/html", "接口说明"),
        link(f"{base}/conformance", "conformance", "application/json", "符合的规范"),
        link(f"{base}/collections", "data", "application/json", "图层"),
    ]
    return JSONResponse(
        {"title": "社区空间管理服务", "description": "城市社区的工作地图", "links": links}, headers=_VARY
    )


@router.get("/conformance", summary="符合的规范")
def conformance(f: JsonParameter = None) -> dict[str, list[str]]:
    """List the conformance classes that hold."""
    return {"conformsTo": CONFORMANCE}


@router.get("/collections", summary="图层清单")
def collections(request: Request, database: DatabaseOf, scope: ScopeOf, f: JsonParameter = None) -> dict[str, Any]:
    """List every layer with its extent."""
    base = base_url(request)
    with database.read(scope) as conn:
        described = [_describe(base, layer, read_extent(conn, layer, scope)) for layer in LAYERS.values()]
    return {"links": [link(f"{base}/collections", "self", "application/json", "图层清单")], "collections": described}


@router.get("/collections/{layer}", summary="一个图层")
def collection(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf, f: JsonParameter = None
) -> dict[str, Any]:
    """Describe one layer."""
    with database.read(scope) as conn:
        return _describe(base_url(request), layer, read_extent(conn, layer, scope))


@router.get("/collections/{layer}/schema", summary="图层的字段")
def schema(request: Request, layer: LayerOf) -> Response:
    """Describe a feature's properties as JSON Schema; without it GDAL guesses types from the first features."""
    described = {"$id": f"{base_url(request)}/collections/{layer.name}/schema", **describe_properties(layer)}
    return JSONResponse(described, media_type=SCHEMA_TYPE)


@router.get("/api", summary="接口说明 (OpenAPI 3.0)")
def api_definition(request: Request, f: JsonParameter = None) -> Response:
    """Return the OpenAPI 3.0 document, with a literal path for each collection."""
    document = {**request.app.state.openapi, "servers": [{"url": base_url(request)}]}
    return JSONResponse(document, media_type=OPENAPI_TYPE)


@router.get("/api.html", summary="接口说明(网页)", response_class=HTMLResponse)
def api_page(request: Request) -> HTMLResponse:
    """Show the interface as a plain page that needs no script and no outside host."""
    return HTMLResponse(request.app.state.openapi_page)


def base_url(request: Request) -> str:
    """Return the address under which the client reached the service, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    """Return a link object."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


_VARY = {"Vary": "Accept"}


def _describe(base: str, layer: Layer, extent: tuple[float, float, float, float] | None) -> dict[str, Any]:
    here = f"{base}/collections/{layer.name}"
    return {
        "id": layer.name,
        "title": layer.title,
        "description": layer.summary,
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [list(extent or (-180, -90, 180, 90))], "crs": CRS84}},
        "crs": [CRS84],
        "links": [
            link(here, "self", "application/json", layer.title),
            link(f"{here}/schema", "describedby", SCHEMA_TYPE, f"{layer.title}的字段"),
            link(f"{here}/items", "items", "application/geo+json", f"{layer.title}的要素"),
            link(
                f"{here}/tiles/WebMercatorQuad/{{tileMatrix}}/{{tileRow}}/{{tileCol}}",
                "item", "application/vnd.mapbox-vector-tile", f"{layer.title}的矢量瓦片",
            ),
        ],
    }  # fmt: skip
