"""Vector tiles of a layer (WebMercatorQuad: zoom, row, column)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.conditional import answer_asked
from api.dependencies import CommunityParameter, LayerOf, ReaderOf, ScopeOf
from gis_service.features.question import Question, parse_as_of
from gis_service.features.tiles import read_tile, tile_of

router = APIRouter(tags=["tiles"])

MVT = "application/vnd.mapbox-vector-tile"


@router.get(
    "/collections/{layer}/tiles/WebMercatorQuad/{zoom}/{row}/{column}", summary="矢量瓦片", response_class=Response
)
async def tile(
    request: Request, layer: LayerOf, reader: ReaderOf, scope: ScopeOf,
    zoom: Annotated[int, Path(description="级别")],
    row: Annotated[int, Path(description="行号,自北向南")],
    column: Annotated[int, Path(description="列号,自西向东")],
    community: CommunityParameter = None,
    as_of: Annotated[str | None, Query(description="当时的记录")] = None,
) -> Response:  # fmt: skip
    """Return one tile; 204 where nothing lies, 304 while the layer hasn't changed."""
    question = Question(community=community, as_of=parse_as_of(as_of) if as_of else None)
    asked = tile_of(layer, scope, question, zoom=zoom, row=row, column=column)
    parts = (f"{zoom}/{row}/{column}", community or "", as_of or "")
    return await answer_asked(request, reader, scope, [layer], parts, [asked], lambda rows: read_tile(rows[0]), MVT)
