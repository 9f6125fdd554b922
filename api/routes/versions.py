"""The versions of a feature: who, when, which file, what changed."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from api.dependencies import DatabaseOf, FormatParameter, LayerOf, ScopeOf
from api.links import base_url, wants_html
from api.quick_route import QuickRoute
from gis_service.features.versions import feature_versions
from maps.versions_page import versions_page

router = APIRouter(prefix="/collections/{layer}", tags=["features"], route_class=QuickRoute)
_HEADERS = {"Vary": "Accept", "Cache-Control": "private, no-cache"}


@router.get(
    "/items/{feature}/versions", summary="一个要素的历次版本:谁、何时、哪份文件、改了什么", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def versions(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf,
    feature: Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")], f: FormatParameter = None,
) -> Response:  # fmt: skip
    """Return every version of a feature that the scope sees, the latest first, deleted features too."""
    with database.read(scope) as conn:
        found = feature_versions(conn, layer, scope, feature)
    if not wants_html(request, f):
        return Response(orjson.dumps({"versions": found}), media_type="application/json", headers=_HEADERS)
    here = f"{base_url(request)}/collections/{layer.name}/items"
    trail = [("首页", f"{base_url(request)}/"), (layer.title, f"{here}?f=html"),
             (found[0].code, f"{here}/{feature}?f=html")]  # fmt: skip
    return HTMLResponse(versions_page(layer, "历次版本", found, trail), headers=_HEADERS)
