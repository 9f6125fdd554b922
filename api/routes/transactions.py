"""Writing features one at a time (OGC API Features Part 4): create, replace, update, delete, and what is allowed.

A change is answered with 204 and an ETag: QGIS and OWSLib take an empty answer for what it is, and read a new feature's
name from Location.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request
from fastapi.responses import Response

from api.dependencies import CommunityParameter, DatabaseOf, LayerOf, ScopeOf
from api.links import base_url
from api.quick_route import QuickRoute
from gis_service.errors import InputError, ServiceError
from gis_service.features.allowed import community_for, methods_of_feature, methods_of_layer
from gis_service.features.received import read_changes, read_feature_sent, read_json
from gis_service.features.stamps import Stamp
from gis_service.features.transact import Conditions, create_feature, remove_feature, replace_feature, update_feature
from gis_service.reference_systems import CRS84, ReferenceSystem, reference_system

router = APIRouter(prefix="/collections/{layer}", tags=["transactions"], route_class=QuickRoute)

MERGE_PATCH = "application/merge-patch+json"
FEATURE_TYPES = ("application/geo+json", "application/json")
PATCH_TYPES = (MERGE_PATCH, *FEATURE_TYPES)
_PRIVATE = {"Cache-Control": "private, no-cache"}


class MediaTypeError(ServiceError):
    """The body is of a kind that the route doesn't take."""


@dataclass(frozen=True)
class Sent:
    """What a client sent: the body, its media type, and the system of its coordinates."""

    body: bytes
    media_type: str
    system: ReferenceSystem


async def sent_of(
    request: Request,
    content_crs: Annotated[str | None, Header(description="几何的坐标系 URI;不写则为 CRS84")] = None,
) -> Sent:
    """Return the body of a request, unread.

    Raises
    ------
    InputError
        Without a Content-Type (the standard wants 400), or when the reference system isn't served.
    MediaTypeError
        When it is of another kind, or compressed.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    taken = PATCH_TYPES if request.method == "PATCH" else FEATURE_TYPES
    if not media_type:
        raise InputError(f"缺少 Content-Type 请求头,应为 {taken[0]}。", f"Send a Content-Type: {taken[0]}.")
    if media_type not in taken or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaTypeError(
            f"不接受 {media_type[:80]!r} 或压缩过的内容;可用的有:{'、'.join(taken)}。",
            f"The media type isn't taken; there are: {', '.join(taken)}.",
        )
    return Sent(await request.body(), media_type, reference_system(content_crs))


async def conditions_of(
    if_match: Annotated[str | None, Header(description="读取时的 ETag;要素已变则 412")] = None,
    if_none_match: Annotated[str | None, Header(description="* :已有同一要素则 412")] = None,
) -> Conditions:
    """Return on what a change depends."""
    return Conditions(if_match, if_none_match)


SentOf = Annotated[Sent, Depends(sent_of)]
ConditionsOf = Annotated[Conditions, Depends(conditions_of)]
FeatureName = Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")]


def _body(*media_types: str) -> dict[str, Any]:
    """Return the description of a request's body, which is read by hand: it is validated by the layer's record."""
    schema = {"schema": {"type": "object"}}
    return {"requestBody": {"required": True, "content": dict.fromkeys(media_types, schema)}}


@router.post(
    "/items", summary="新增一个要素", status_code=201, response_class=Response, openapi_extra=_body(*FEATURE_TYPES)
)
def create(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf, sent: SentOf, conditions: ConditionsOf,
    community: CommunityParameter = None,
) -> Response:  # fmt: skip
    """Add a feature; the answer says its address."""
    _refuse_method(request, methods_of_layer(layer, scope))
    feature = read_feature_sent(layer, read_json(sent.body), sent.system, new=True)
    place = community_for(scope, community, feature.community)
    with database.write(scope) as conn:
        stamp = create_feature(conn, layer, place, feature, conditions)
    here = f"{base_url(request)}/collections/{layer.name}/items/{stamp.identifier}"
    return Response(status_code=201, headers={"Location": here, **_tagged(request, stamp, stamp.identifier)})


@router.put(
    "/items/{feature}", summary="替换一个要素", status_code=204, response_class=Response,
    openapi_extra=_body(*FEATURE_TYPES),
)  # fmt: skip
def replace(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf, sent: SentOf, conditions: ConditionsOf,
    feature: FeatureName,
) -> Response:  # fmt: skip
    """Replace a feature's properties and geometry; what isn't given takes its default."""
    _refuse_method(request, methods_of_feature(layer, scope))
    given = read_feature_sent(layer, read_json(sent.body), sent.system)
    with database.write(scope) as conn:
        stamp = replace_feature(conn, layer, scope, feature, given, conditions)
    return Response(status_code=204, headers=_tagged(request, stamp, feature))


@router.patch(
    "/items/{feature}", summary="修改一个要素", status_code=204, response_class=Response,
    openapi_extra=_body(*PATCH_TYPES),
)  # fmt: skip
def change(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf, sent: SentOf, conditions: ConditionsOf,
    feature: FeatureName,
) -> Response:  # fmt: skip
    """Change some properties of a feature, or its geometry, by a JSON merge patch; null clears."""
    _refuse_method(request, methods_of_feature(layer, scope))
    changes = read_changes(layer, read_json(sent.body), sent.system, whole=sent.media_type != MERGE_PATCH)
    with database.write(scope) as conn:
        stamp = update_feature(conn, layer, scope, feature, changes, conditions)
    return Response(status_code=204, headers=_tagged(request, stamp, feature))


@router.delete("/items/{feature}", summary="删除一个要素", status_code=204, response_class=Response)
def remove(
    request: Request, layer: LayerOf, database: DatabaseOf, scope: ScopeOf, conditions: ConditionsOf,
    feature: FeatureName,
) -> Response:  # fmt: skip
    """Delete a feature; its versions stay in history."""
    _refuse_method(request, methods_of_feature(layer, scope))
    with database.write(scope) as conn:
        remove_feature(conn, layer, scope, feature, conditions)
    return Response(status_code=204, headers=_PRIVATE)


@router.options("/items", summary="图层的要素可以怎样改", response_class=Response)
async def options_of_items(layer: LayerOf, scope: ScopeOf) -> Response:
    """Say which methods ``/items`` takes; QGIS edits only what lists POST."""
    allowed = methods_of_layer(layer, scope)
    taken = {"Accept-Post": ", ".join(FEATURE_TYPES)} if "POST" in allowed else {}
    return Response(headers={"Allow": ", ".join(allowed), **taken, **_PRIVATE})


@router.options("/items/{feature}", summary="一个要素可以怎样改", response_class=Response)
async def options_of_item(layer: LayerOf, scope: ScopeOf, feature: FeatureName) -> Response:
    """Say which methods a feature takes."""
    allowed = methods_of_feature(layer, scope)
    taken = {"Accept-Patch": ", ".join(PATCH_TYPES)} if "PATCH" in allowed else {}
    return Response(headers={"Allow": ", ".join(allowed), **taken, **_PRIVATE})


@router.api_route("/items", methods=["PUT", "PATCH", "DELETE"], include_in_schema=False)
async def refuse_for_items(request: Request, layer: LayerOf, scope: ScopeOf) -> None:
    """Answer 405 with every method that there is: the framework would name those of one route only."""
    _refuse_method(request, methods_of_layer(layer, scope))


@router.api_route("/items/{feature}", methods=["POST"], include_in_schema=False)
async def refuse_for_item(request: Request, layer: LayerOf, scope: ScopeOf, feature: FeatureName) -> None:
    """Answer 405 with every method that there is."""
    _refuse_method(request, methods_of_feature(layer, scope))


def item_tag(request: Request, stamp: Stamp, feature: str, system: ReferenceSystem) -> str:
    """Return the entity tag of a feature's representation: under this name, in this reference system."""
    return stamp.tag(base_url(request), feature, system.uri)


def _tagged(request: Request, stamp: Stamp, feature: str) -> dict[str, str]:
    return {"ETag": item_tag(request, stamp, feature, CRS84), **_PRIVATE}


def _refuse_method(request: Request, allowed: tuple[str, ...]) -> None:
    if request.method not in allowed:
        raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
