"""Generated maps: the home page, each map of the atlas, its layers, and the single file to carry away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from api.conditional import answer_if_changed
from api.dependencies import Community, CommunityParameter, DatabaseOf, DayParameter, FormatParameter, LayerOf, ScopeOf
from api.drawing import draw_map, map_named
from api.links import wants_html
from api.quick_route import QuickRoute
from gis_service.areas import first_registered, list_areas
from gis_service.database import Database
from gis_service.errors import NotFoundError
from gis_service.features.question import Question, parse_bbox, today
from gis_service.features.read import stream_features
from gis_service.features.tags import read_etag
from gis_service.overview import credits_of
from gis_service.rules import rules_in_force
from gis_service.scope import Scope, partial_of
from layers.layer import Layer
from layers.registry import LAYERS
from maps.atlas import MAPS, AtlasMap
from maps.atlas_page import ListedMap, atlas_page
from maps.base_map import BaseLayer, tile_origins
from maps.document_page import with_ways
from maps.notice import empty_page
from maps.offline import to_served_page, to_single_file
from maps.static_files import static_file
from maps.ways import ways_for

router = APIRouter(tags=["maps"], route_class=QuickRoute)

HTML = "text/html; charset=utf-8"


def home_page(
    request: Request,
    database: Database,
    scope: Scope,
    community: str | None,
    entry: AtlasMap = MAPS["overview"],
    on: date | None = None,
) -> Response:
    """Return a map of a community as a page, or how to begin while there is none; without a map the overview."""
    with database.read(scope) as conn:
        listed = list_areas(conn)
        areas = {area.code: area.name for area in listed}
    if not areas:
        return HTMLResponse(empty_page(), headers={"Cache-Control": "no-cache", "Vary": "Accept"})
    home = first_registered(listed).code
    return map_page(request, database, scope, entry, community or home, areas, on or today())


def _said_of(scope: Scope) -> str:
    partial = partial_of(scope.areas)
    return f"出租房、隐患、走访、违建{partial}" if partial else ""


def map_page(
    request: Request,
    database: Database,
    scope: Scope,
    entry: AtlasMap,
    community: str,
    areas: dict[str, str],
    on: date,
) -> Response:
    """Return the served page of a map, 304 while nothing it shows has changed; ``areas`` are codes and names."""
    bases: tuple[BaseLayer, ...] = request.app.state.base_layers
    with database.read(scope) as conn:
        tag = read_etag(
            conn,
            LAYERS.values(),
            scope,
            "page",
            entry.name,
            str(on) if entry.analysis else "",
            str(rules_in_force(conn, community)) if entry.analysis else "",
            str(areas),
            request.app.state.page_version,
            *credits_of(conn, community),
        )
    if tag in request.headers.get("if-none-match", ""):
        return answer_if_changed(request, tag, bytes, HTML)
    others = [(code, name) for code, name in areas.items() if code != community]
    drawn = draw_map(
        database, scope, entry, community, on,
        url=lambda layer: layer_url(layer, community), base_layers=bases, others=others,
    )  # fmt: skip
    here = "/" if entry.name == "overview" else ""
    viewing = scope.grant.viewing if scope.grant else None
    page = with_ways(to_served_page(drawn), ways_for(scope.role, here), viewing, _said_of(scope))
    return answer_if_changed(request, tag, page.encode, HTML, page_policy(drawn.page.script_hash(), bases))


@router.get(
    "/maps", summary="地图清单", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def atlas(request: Request, community: CommunityParameter = None, f: FormatParameter = None) -> Response:
    """List the maps by name."""
    listed = [
        {"name": entry.name, "group": entry.group, "title": entry.title, "description": entry.description}
        for entry in MAPS.values()
    ]
    if not wants_html(request, f):
        return JSONResponse({"maps": listed}, headers={"Vary": "Accept"})
    asked = f"?community={community}" if community else ""
    groups: dict[str, list[ListedMap]] = {}
    for entry in MAPS.values():
        read = f"/analyses/{entry.name}{asked + '&' if asked else '?'}f=html"
        links = {**({"读数字": read} if entry.analysis else {}), "出图": f"/exports?name={entry.name}"}
        groups.setdefault(entry.group, []).append(
            ListedMap(entry.title, entry.description, f"/maps/{entry.name}{asked}", links)
        )
    hint = "点名称看地图;每张地图都有结论、图例、筛选、表格和 CSV 下载。"
    return HTMLResponse(atlas_page("专题地图", hint, groups), headers={"Vary": "Accept"})


@router.get("/maps/{name}", summary="一张地图(网页)", response_class=HTMLResponse)
def atlas_map(
    request: Request, name: Annotated[str, Path(description="地图名称")], database: DatabaseOf, scope: ScopeOf,
    community: CommunityParameter = None, on: DayParameter = None,
) -> Response:  # fmt: skip
    """Return one map as a page."""
    return home_page(request, database, scope, community, map_named(name), on)


@router.get("/maps/{name}/file", summary="一张地图(单个文件,可离线打开)", response_class=Response)
def atlas_file(
    request: Request, name: Annotated[str, Path(description="地图名称")], community: Community, database: DatabaseOf,
    scope: ScopeOf, on: DayParameter = None,
) -> Response:  # fmt: skip
    """Return one map as a self-contained file that opens without a network."""
    entry, day = map_named(name), on or today()
    with database.read(scope) as conn:
        tag = read_etag(
            conn, LAYERS.values(), scope, "file", name, str(day), str(rules_in_force(conn, community)),
            request.app.state.page_version, *credits_of(conn, community),
        )  # fmt: skip
    saved = f"filename=\"{name}-{community}.html\"; filename*=UTF-8''" + quote(f"{entry.title}-{community}.html")
    return answer_if_changed(
        request, tag, lambda: to_single_file(draw_map(database, scope, entry, community, day)).encode(), HTML,
        {"Content-Disposition": f"attachment; {saved}"},
    )  # fmt: skip


@router.get("/maps/overview/layers/{layer}", summary="一个图层的要素,供地图页使用", response_class=Response)
def map_layer(
    request: Request, layer: LayerOf, community: Community, database: DatabaseOf, scope: ScopeOf,
    bbox: Annotated[str | None, Query(description="西,南,东,北(度):只要这个方框内的,不写则要全部")] = None,
) -> Response:  # fmt: skip
    """Stream a layer, whole or what touches a box, straight from the database."""
    asked = scope.narrowed(community)
    question = Question(**parse_bbox(bbox)) if bbox is not None else Question()  # type: ignore[arg-type]
    with database.read(scope) as conn:
        tag = read_etag(conn, [layer], asked, "map", bbox or "")
    if tag in request.headers.get("if-none-match", ""):
        return answer_if_changed(request, tag, lambda: b"", "application/geo+json")

    def pieces() -> Iterator[bytes]:
        with database.read(scope) as conn:
            yield from stream_features(conn, layer, asked, question, nulls=False)

    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Cookie"}
    return StreamingResponse(pieces(), media_type="application/geo+json", headers=headers)


@router.get("/static/{name:path}", summary="页面的脚本、样式和图片", response_class=Response)
def static(name: str, v: str | None = None) -> Response:
    """Return one file of the pages; with its version in the address it never changes."""
    try:
        file = static_file(name)
    except LookupError as error:
        raise NotFoundError(f"没有文件 {name!r}。", f"There is no file {name!r}.") from error
    kept = "public, max-age=31536000, immutable" if v == file.version else "no-cache"
    return Response(file.content, media_type=file.media_type, headers={"Cache-Control": kept})


def layer_url(layer: Layer, community: str) -> str:
    """Return where a page fetches a layer of the ground."""
    return f"/maps/overview/layers/{layer.name}?community={community}"


def page_policy(script: str, bases: tuple[BaseLayer, ...]) -> dict[str, str]:
    """Return the content policy: nothing on a page comes from another host, but for base layers that were asked for.

    Of inline scripts only Folium's own, which holds no data, may run: ``script`` is its hash.
    """
    images = " ".join(("'self'", "data:", *tile_origins(bases)))
    return {
        "Content-Security-Policy": f"default-src 'self'; script-src 'self' {script}; style-src 'self' 'unsafe-inline';"
        f" img-src {images}; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
    }
