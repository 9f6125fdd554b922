"""Vector tiles of a layer (WebMercatorQuad: zoom, row, column)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.conditional import answer_if_changed
from api.dependencies import CommunityParameter, DatabaseOf, LayerOf, ScopeOf
from gis_service.features.select import Question, parse_as_of
from gis_service.features.tiles import check_tile, read_etag, read_tile

router = APIRouter(tags=["tiles"])

MVT = "application/vnd.mapbox-vector-tile"


@router.get(
    "/collections/{layer}/tiles/WebMercatorQuad/{zoom}/{row}/{column}", summary="矢量瓦片", response_class=Response
)
def tile(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf,
    zoom: Annotated[int, Path(description="级别")],
    row: Annotated[int, Path(description="行号,自北向南")],
    column: Annotated[int, Path(description="列号,自西向东")],
    community: CommunityParameter = None,
    as_of: Annotated[str | None, Query(description="当时的记录")] = None,
) -> Response:  # fmt: skip
    """Return one tile; 204 where nothing lies, 304 while the layer hasn't changed."""
    check_tile(zoom, row, column)
    question = Question(community=community, as_of=parse_as_of(as_of) if as_of else None)
    with database.read(scope) as conn:
        tag = read_etag(conn, [layer], scope, f"{zoom}/{row}/{column}", community or "", as_of or "")
        return answer_if_changed(
            request, tag,
            lambda: read_tile(conn, layer, scope, question, zoom=zoom, row=row, column=column), MVT,
        )  # fmt: skip
