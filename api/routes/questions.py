"""Questions of a grid worker, each one request: what lies near."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.asked import read_limit
from api.dependencies import ReaderOf, ScopeOf
from gis_service.errors import InputError
from gis_service.features.nearby import nearby_of, read_nearby
from gis_service.features.question import Question
from layers.layer import Layer
from layers.registry import LAYERS

router = APIRouter(tags=["questions"])

GEOJSON = "application/geo+json"
PRIVATE = {"Cache-Control": "private, no-cache"}

Longitude = Annotated[float, Query(description="经度")]
Latitude = Annotated[float, Query(description="纬度")]
LayersParameter = Annotated[str | None, Query(description="图层名称,逗号分隔;不写则为全部")]


@router.get("/nearby", summary="附近有什么,最近的在前", response_class=Response)
async def nearby(
    reader: ReaderOf, scope: ScopeOf, lon: Longitude, lat: Latitude, layers: LayersParameter = None,
    radius_m: Annotated[float | None, Query(description="半径,米;不写则为最近的 k 个")] = None,
    k: Annotated[str | None, Query(description="最多几个,默认 100")] = None,
) -> Response:  # fmt: skip
    """Return features with their distance in metres and bearing in degrees from north, the nearest first."""
    limit = read_limit(k)
    asked = [
        nearby_of(layer, scope, Question(), lon=lon, lat=lat, radius_m=radius_m, limit=limit)
        for layer in read_layers(layers)
    ]
    features = read_nearby(await reader.ask(scope, *asked), limit)
    body = b'{"type":"FeatureCollection","numberReturned":%d,"features":[%s]}' % (len(features), b",".join(features))
    return Response(body, media_type=GEOJSON, headers=PRIVATE)


def read_layers(written: str | None) -> list[Layer]:
    """Return the layers that a request names, all of them without names.

    Raises
    ------
    InputError
        When there is no such layer.
    """
    if written is None:
        return list(LAYERS.values())
    names = list(dict.fromkeys(name for name in written.split(",") if name))
    for name in names:
        if name not in LAYERS:
            raise InputError(
                f"没有图层 {name!r};可用的有:{'、'.join(LAYERS)}。", f"There is no layer {name!r}; see /collections."
            )
    return [LAYERS[name] for name in names]
