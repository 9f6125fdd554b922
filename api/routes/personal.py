"""Personal fields of a feature: masked for a look, whole for a reason that the audit keeps."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.dependencies import DatabaseOf, FormatParameter, LayerOf, ScopeOf
from api.links import base_url, wants_html
from api.quick_route import QuickRoute
from api.routes.login import BODY, PRIVATE
from api.sent_fields import FieldsOf
from gis_service.people.personal import Feature, find_feature, read_masked, read_whole, write_personal
from gis_service.people.roles import Right, may
from gis_service.scope import Scope
from layers.layer import Layer
from maps.personal_page import personal_page

router = APIRouter(prefix="/collections/{layer}/items/{feature}/personal", tags=["people"], route_class=QuickRoute)

FeatureName = Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")]


@router.get(
    "", summary="个人信息,遮住大部分", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def masked(
    request: Request, layer: LayerOf, feature: FeatureName, database: DatabaseOf, scope: ScopeOf,
    f: FormatParameter = None,
) -> Response:  # fmt: skip
    """Return the personal fields masked: 张**, 138****1234."""
    with database.read(scope) as conn:
        found = find_feature(conn, layer, scope, feature)
        values = read_masked(conn, layer, found)
    return _answer(request, layer, found, scope, values, f, whole=False)


@router.post("", summary="个人信息:写明理由查看完整内容,或修改", response_class=Response, openapi_extra=BODY)
def whole_or_changed(
    request: Request, layer: LayerOf, feature: FeatureName, database: DatabaseOf, scope: ScopeOf, sent: FieldsOf
) -> Response:
    """Return the fields as they are, for a ``reason``; without one, replace them by what is sent."""
    with database.write(scope) as conn:
        found = find_feature(conn, layer, scope, feature)
        if "reason" in sent:
            values = read_whole(conn, layer, found, sent["reason"])
        else:
            write_personal(conn, layer, found, sent)
    if "reason" in sent:
        return _answer(request, layer, found, scope, values, None, whole=True)
    if wants_html(request, None):
        return RedirectResponse(f"{base_url(request)}{_here(layer, found)}?f=html", 303, PRIVATE)
    return Response(status_code=204, headers=PRIVATE)


def _answer(
    request: Request, layer: Layer, feature: Feature, scope: Scope, values: dict[str, str | None], f: str | None, *,
    whole: bool,
) -> Response:  # fmt: skip
    if not wants_html(request, f):
        return Response(orjson.dumps(values), headers=PRIVATE, media_type="application/json")
    base, here = base_url(request), _here(layer, feature)
    trail = [("首页", f"{base}/"), (layer.title, f"{base}/collections/{layer.name}/items?f=html"),
             (feature.code, f"{base}{here.removesuffix('/personal')}?f=html")]  # fmt: skip
    page = personal_page(
        layer, "个人信息", values, here, trail, whole=whole, changes=may(scope.role, Right.PERSONAL),
        said="这次查看已记入审计。" if whole else "",
    )  # fmt: skip
    return HTMLResponse(page, headers=PRIVATE)


def _here(layer: Layer, feature: Feature) -> str:
    return f"/collections/{layer.name}/items/{feature.community}.{feature.id}/personal"
