"""What a layer's features hold, what may be asked of them, and what they may be sorted by, as JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.dependencies import FormatParameter, LayerOf
from api.layer_schemas import feature_schema, queryables_schema, sortables_schema
from api.links import HTML, SCHEMA_TYPE, base_url, wants_html
from api.quick_route import QuickRoute
from api.routes.pages import document_answer
from layers.layer import Layer

router = APIRouter(prefix="/collections/{layer}", tags=["schemas"], route_class=QuickRoute)

_CONTENT: dict[int | str, dict[str, Any]] = {200: {"content": {SCHEMA_TYPE: {}, HTML: {}}}}


@router.get("/schema", summary="要素的字段", response_class=Response, responses=_CONTENT)
async def schema(request: Request, layer: LayerOf, f: FormatParameter = None) -> Response:
    """Describe what features give and take; without it GDAL guesses types from the first features."""
    return _answer(request, layer, f, "schema", "的字段", feature_schema)


@router.get("/queryables", summary="可以查询的属性", response_class=Response, responses=_CONTENT)
async def queryables(request: Request, layer: LayerOf, f: FormatParameter = None) -> Response:
    """Describe what a filter may name."""
    return _answer(request, layer, f, "queryables", "可以查询的属性", queryables_schema)


@router.get("/sortables", summary="可以排序的属性", response_class=Response, responses=_CONTENT)
async def sortables(request: Request, layer: LayerOf, f: FormatParameter = None) -> Response:
    """Describe what features may be sorted by."""
    return _answer(request, layer, f, "sortables", "可以排序的属性", sortables_schema)


def _answer(
    request: Request, layer: Layer, f: str | None, name: str, what: str, make: Callable[[Layer, str], dict[str, Any]]
) -> Response:
    described = make(layer, f"{base_url(request)}/collections/{layer.name}/{name}")
    if wants_html(request, f):
        return document_answer(request, f"{layer.title}{what}", described)
    return JSONResponse(described, media_type=SCHEMA_TYPE, headers={"Vary": "Accept"})
