"""Vector tiles of one layer and of several (OGC API Tiles 1): lists, metadata, TileJSON and the tiles themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from api.asked import AsOfParameter, FilterLanguage, FilterParameter, FilterSystem, read_filter
from api.conditional import answer_asked
from api.dependencies import CommunityParameter, ExtentsOf, FormatParameter, JsonParameter, LayerOf, ReaderOf, ScopeOf
from api.links import HTML, JSON, MVT, base_url, link
from api.quick_route import QuickRoute
from api.routes.pages import answer_in_form
from api.tile_matrix import NAME, REGISTERED, tile_json, tile_matrix_set, tileset, tileset_item
from gis_service.errors import InputError, NotFoundError
from gis_service.features.question import Question, parse_as_of, parse_period
from gis_service.features.tiles import check_tile, read_tile, tile_of
from gis_service.reader import Reader
from gis_service.scope import Scope
from layers.layer import Layer
from layers.registry import LAYERS

router = APIRouter(tags=["tiles"], route_class=QuickRoute)

_TWO_FORMS: dict[int | str, dict[str, Any]] = {200: {"content": {JSON: {}, HTML: {}}}}
_TILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "瓦片", "content": {MVT: {"schema": {"type": "string", "format": "binary"}}}},
    204: {"description": "这里没有内容"},
    304: {"description": "没有变化"},
}
_TILE_JSON: dict[int | str, dict[str, Any]] = {200: {"content": {JSON: {}}}}

CollectionsParameter = Annotated[
    str | None, Query(description="图层名称或地址,逗号分隔;不写则为全部", json_schema_extra={"x-list": True})
]
Zoom = Annotated[int, Path(description="级别,0–22")]
Row = Annotated[int, Path(description="行号,自北向南")]
Column = Annotated[int, Path(description="列号,自西向东")]


async def chosen_layers(request: Request, collections: CollectionsParameter = None) -> list[Layer]:
    """Return the layers that ``collections`` names, by name or by address; all of them without it.

    Raises
    ------
    InputError
        When there is no such layer.
    """
    if collections is None:
        return list(LAYERS.values())
    prefix = f"{base_url(request)}/collections/"
    names = list(dict.fromkeys(name.strip().removeprefix(prefix) for name in collections.split(",") if name.strip()))
    for name in names:
        if name not in LAYERS:
            raise InputError(
                f"没有图层 {name!r};可用的有:{'、'.join(LAYERS)}。", f"There is no layer {name!r}; see /collections."
            )
    if not names:
        raise InputError("参数 collections 里没有图层。", "The parameter collections names no layer.")
    return [LAYERS[name] for name in names]


ChosenLayers = Annotated[list[Layer], Depends(chosen_layers)]


async def tile_question(
    datetime_: Annotated[str | None, Query(alias="datetime", description="有效期与之相交:日期、时刻或 起/止")] = None,
    as_of: AsOfParameter = None,
    community: CommunityParameter = None,
) -> Question:
    """Return what a request for a tile asks, but for the filter, which is each layer's own."""
    return Question(
        valid=parse_period(datetime_) if datetime_ is not None else None,
        as_of=parse_as_of(as_of) if as_of is not None else None,
        community=community,
    )


TileQuestion = Annotated[Question, Depends(tile_question)]


@router.get("/collections/{layer}/tiles/WebMercatorQuad/{zoom}/{row}/{column}", summary="矢量瓦片",
            response_class=Response, responses=_TILE, operation_id="collection.vector.getTile")  # fmt: skip
async def tile(
    request: Request, layer: LayerOf, reader: ReaderOf, scope: ScopeOf, question: TileQuestion,
    zoom: Zoom, row: Row, column: Column,
    filter_: FilterParameter = None, filter_lang: FilterLanguage = None, filter_crs: FilterSystem = None,
) -> Response:  # fmt: skip
    """Return one tile; 204 where nothing lies, 304 while the layer hasn't changed."""
    asked = [(layer, _filtered(question, layer, filter_, filter_lang, filter_crs))]
    return await _answer(request, reader, scope, asked, (zoom, row, column))


@router.get("/tileMatrixSets", summary="瓦片方案清单", response_class=Response, responses=_TWO_FORMS,
            operation_id="getTileMatrixSetsList")  # fmt: skip
async def tile_matrix_sets(request: Request, f: FormatParameter = None) -> Response:
    """List the tile matrix sets: there is one."""
    base = base_url(request)
    here = f"{base}/tileMatrixSets"
    links = [link(f"{here}/{NAME}", "self", JSON, NAME)]
    listed = {"id": NAME, "title": "Web 墨卡托四叉瓦片", "uri": REGISTERED, "links": links}
    return answer_in_form(request, f, here, "瓦片方案清单", {"tileMatrixSets": [listed]})


@router.get("/tileMatrixSets/{name}", summary="一个瓦片方案", response_class=Response, responses=_TWO_FORMS,
            operation_id="getTileMatrixSet")  # fmt: skip
async def one_tile_matrix_set(
    request: Request, name: Annotated[str, Path(description=NAME)], f: FormatParameter = None
) -> Response:
    """Return the definition of a tile matrix set."""
    if name != NAME:
        raise NotFoundError(f"没有瓦片方案 {name!r};只有 {NAME}。", f"There is no tile matrix set {name!r}.")
    return answer_in_form(request, f, f"{base_url(request)}/tileMatrixSets/{NAME}", NAME, tile_matrix_set())


@router.get("/tiles", summary="全部图层的瓦片集清单", response_class=Response, responses=_TWO_FORMS,
            operation_id="dataset.vector.getTileSetsList")  # fmt: skip
async def dataset_tilesets(request: Request, f: FormatParameter = None) -> Response:
    """List the tilesets that hold several layers."""
    base = base_url(request)
    listed = [tileset_item(base, f"{base}/tiles", "全部图层")]
    return answer_in_form(request, f, f"{base}/tiles", "瓦片集清单", {"tilesets": listed})


@router.get("/collections/{layer}/tiles", summary="瓦片集清单", response_class=Response, responses=_TWO_FORMS,
            operation_id="collection.vector.getTileSetsList")  # fmt: skip
async def layer_tilesets(request: Request, layer: LayerOf, f: FormatParameter = None) -> Response:
    """List the tilesets of one layer."""
    base = base_url(request)
    here = f"{base}/collections/{layer.name}/tiles"
    return answer_in_form(
        request, f, here, f"{layer.title}的瓦片集清单", {"tilesets": [tileset_item(base, here, layer.title)]}
    )


@router.get("/tiles/WebMercatorQuad", summary="多个图层的瓦片集", response_class=Response, responses=_TWO_FORMS,
            operation_id="dataset.vector.getTileSet")  # fmt: skip
async def dataset_tileset(
    request: Request, extents: ExtentsOf, scope: ScopeOf, layers: ChosenLayers, f: FormatParameter = None
) -> Response:
    """Describe the tiles of several layers."""
    base, query = base_url(request), _kept(request)
    here = f"{base}/tiles/{NAME}"
    described = tileset(base, here, "全部图层", layers, await extents.around(scope, layers), query)
    return answer_in_form(request, f, f"{here}{query}", "多个图层的瓦片集", described)


@router.get("/collections/{layer}/tiles/WebMercatorQuad", summary="瓦片集", response_class=Response,
            responses=_TWO_FORMS, operation_id="collection.vector.getTileSet")  # fmt: skip
async def layer_tileset(
    request: Request, layer: LayerOf, extents: ExtentsOf, scope: ScopeOf, f: FormatParameter = None
) -> Response:
    """Describe the tiles of one layer."""
    base = base_url(request)
    here = f"{base}/collections/{layer.name}/tiles/{NAME}"
    described = tileset(base, here, layer.title, [layer], await extents.around(scope, [layer]))
    return answer_in_form(request, f, here, f"{layer.title}的瓦片集", described)


@router.get("/tiles/WebMercatorQuad/tilejson.json", summary="多个图层的瓦片 (TileJSON)", response_class=Response,
            responses=_TILE_JSON)  # fmt: skip
async def dataset_tile_json(
    request: Request, extents: ExtentsOf, scope: ScopeOf, layers: ChosenLayers, f: JsonParameter = None
) -> Response:
    """Describe the tiles of several layers for MapLibre."""
    here = f"{base_url(request)}/tiles/{NAME}"
    return JSONResponse(tile_json(here, "全部图层", layers, await extents.around(scope, layers), _kept(request)))


@router.get("/collections/{layer}/tiles/WebMercatorQuad/tilejson.json", summary="瓦片 (TileJSON)",
            response_class=Response, responses=_TILE_JSON)  # fmt: skip
async def layer_tile_json(
    request: Request, layer: LayerOf, extents: ExtentsOf, scope: ScopeOf, f: JsonParameter = None
) -> Response:
    """Describe the tiles of one layer for MapLibre."""
    here = f"{base_url(request)}/collections/{layer.name}/tiles/{NAME}"
    return JSONResponse(tile_json(here, layer.title, [layer], await extents.around(scope, [layer])))


@router.get("/tiles/WebMercatorQuad/{zoom}/{row}/{column}", summary="多个图层的矢量瓦片", response_class=Response,
            responses=_TILE, operation_id="dataset.vector.getTile")  # fmt: skip
async def dataset_tile(
    request: Request, reader: ReaderOf, scope: ScopeOf, question: TileQuestion, zoom: Zoom, row: Row, column: Column,
    layers: ChosenLayers,
    filter_: FilterParameter = None, filter_lang: FilterLanguage = None, filter_crs: FilterSystem = None,
) -> Response:  # fmt: skip
    """Return one tile with several layers; a filter must suit each of them."""
    asked = [(layer, _filtered(question, layer, filter_, filter_lang, filter_crs)) for layer in layers]
    return await _answer(request, reader, scope, asked, (zoom, row, column))


def _filtered(question: Question, layer: Layer, written: str | None, language: str | None, crs: str | None) -> Question:
    found = read_filter(layer, written, language, crs)
    return question if found is None else replace(question, filter=found)


async def _answer(
    request: Request, reader: Reader, scope: Scope, asked: list[tuple[Layer, Question]], place: tuple[int, int, int]
) -> Response:
    """Return a tile in one round trip: layers of a tile follow each other as messages of protocol buffers do."""
    zoom, row, column = place
    check_tile(zoom, row, column)
    query = sorted(request.query_params.items()) if request.scope["query_string"] else ()
    parts = (f"{zoom}/{row}/{column}", *(f"{name}={value}" for name, value in query))
    return await answer_asked(
        request, reader, scope, [layer for layer, _ in asked], parts,
        lambda: [tile_of(layer, scope, question, zoom=zoom, row=row, column=column) for layer, question in asked],
        lambda rows: b"".join(map(read_tile, rows)), MVT,
    )  # fmt: skip


def _kept(request: Request) -> str:
    """Return the part of a query that tiles keep."""
    collections = request.query_params.get("collections")
    return f"?{urlencode({'collections': collections}, safe=',:/')}" if collections else ""
