"""The survey desk's doors: upload a file, answer what it leaves open, look at what would change, commit, revert."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from api.dependencies import CommunityParameter, DatabaseOf, FormatParameter, ScopeOf
from api.drawing import MOST_GROUND
from api.links import GEOJSON, base_url, wants_html
from api.quick_route import QuickRoute
from api.received_files import ReceivedOf, json_of
from api.routes.maps import layer_url, page_policy
from api.turns import Readings
from gis_service.areas import list_areas, only_area, read_area
from gis_service.database import Database
from gis_service.errors import InputError, UnavailableError
from gis_service.features.question import SHANGHAI
from gis_service.jobs import enqueue
from gis_service.overview import read_overview
from gis_service.proposal_tables import STEPS
from gis_service.scope import Scope
from gis_service.surveys.before_after import MOST_DRAWN, before_after
from gis_service.surveys.commit import Wanted, commit_upload, place_row, resolve
from gis_service.surveys.desk import COMMIT_JOB, Desk, find_proposal
from gis_service.surveys.document import upload_document
from gis_service.surveys.files.kind import ACCEPTED
from gis_service.surveys.proposal_rows import changes_geojson, choose, count_steps, list_rows, read_row
from gis_service.surveys.revert import revert_upload
from gis_service.surveys.uploads import list_everything
from gis_service.surveys.workbook import marked_workbook
from maps.base_map import BaseLayer
from maps.offline import to_served_page
from maps.thematic import draw
from maps.upload_page import UPLOAD_POLICY, desk_page

router = APIRouter(tags=["uploads"], route_class=QuickRoute)

_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Accept, Cookie"}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_GROUND = ("community", "grid", "water", "green", "building", "road")
"""Layers under a map of changes; what the upload changes is drawn from the proposal."""
_AT_ONCE_ROWS = 20_000
"""Rows that a commit writes while the sender waits; more are a job."""


async def desk_of(request: Request, database: DatabaseOf, scope: ScopeOf) -> Desk:
    """Return the survey desk of whoever asks."""
    originals = request.app.state.originals
    if originals is None:
        raise UnavailableError("没有设置存放上传文件的文件夹,不能上传。", "No folder for uploads is set.")
    return Desk(database, scope, originals)


def readings_of(request: Request) -> Readings:
    """Return the turns of those who read and write files."""
    found: Readings = request.app.state.readings
    return found


async def upload_of(upload: Annotated[str, Path(description="上传编号")]) -> uuid.UUID:
    """Return the identifier in the path; InputError when it is none."""
    try:
        return uuid.UUID(upload)
    except ValueError as error:
        raise InputError(
            f"上传编号 {upload[:60]!r} 不对:应为 36 位的编号。", "An upload's identifier is a UUID."
        ) from error


DeskOf = Annotated[Desk, Depends(desk_of)]
UploadOf = Annotated[uuid.UUID, Depends(upload_of)]
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        **{name: {"type": "string"} for name in
                           ("layer", "community", "mode", "grid", "crs", "sheet", "source", "attribution")},
                    },
                }
            }
        },
    }
}  # fmt: skip


@router.get(
    "/uploads", summary="上传:网页是上传台,程序得到清单", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def uploads(
    request: Request, database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    f: FormatParameter = None,
) -> Response:  # fmt: skip
    """List the uploads, the latest first; a browser gets the page to upload on."""
    with database.read(scope) as conn:
        areas = list_areas(conn)
        listed = list_everything(conn, community)
    if not wants_html(request, f):
        return _json({"uploads": listed})
    page = desk_page([(one.code, one.name) for one in areas], community, _dated(listed), ACCEPTED)
    return HTMLResponse(page, headers={**_PRIVATE, "Content-Security-Policy": UPLOAD_POLICY})


@router.post(
    "/uploads", summary="上传一份普查文件,得到提案", status_code=201, response_class=Response, openapi_extra=_FORM,
)  # fmt: skip
async def upload(request: Request, desk: DeskOf, received: ReceivedOf) -> Response:
    """Receive a file: small ones are read at once, large ones as a job."""
    return await received.run(lambda: _receive(request, desk, received))


def _receive(request: Request, desk: Desk, received: Any) -> Response:
    with desk.database.read(desk.scope) as conn:
        area = read_area(conn, received.community) if received.community else only_area(conn)
    with received.sent() as sent:
        identifier = desk.receive(area.code, sent)
    waiting = desk.read(identifier)
    if waiting.row["state"] == "processing":
        request.app.state.wake()
    here = f"{base_url(request)}/uploads/{identifier}"
    return _json(_document(desk.database, desk.scope, identifier), 201, {"Location": here})


@router.get(
    "/uploads/{upload}", summary="一次上传:状态、问题、会改什么", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def one_upload(
    request: Request, upload: UploadOf, database: DatabaseOf, scope: ScopeOf, f: FormatParameter = None
) -> Response:
    """Return an upload as it stands; a browser gets the desk with it opened."""
    document = _document(database, scope, upload)
    if not wants_html(request, f):
        return _json(document)
    with database.read(scope) as conn:
        areas = [(one.code, one.name) for one in list_areas(conn)]
    page = desk_page(areas, document["community"], [], ACCEPTED, str(upload))
    return HTMLResponse(page, headers={**_PRIVATE, "Content-Security-Policy": UPLOAD_POLICY})


@router.delete(
    "/uploads/{upload}", summary="丢弃一份没有入库的提案", status_code=204, response_class=Response,
)  # fmt: skip
def discard(upload: UploadOf, desk: DeskOf) -> Response:
    """Let go of a proposal and its file."""
    desk.discard(upload)
    return Response(status_code=204)


@router.post(
    "/uploads/{upload}/answers", summary="回答上传的问题,例如坐标系", response_class=Response, openapi_extra=_BODY,
)  # fmt: skip
async def answers(request: Request, upload: UploadOf, desk: DeskOf) -> Response:
    """Take answers ``{"crs": "GCJ-02"}`` and read the file anew."""
    given = await json_of(request)
    if not given or not all(isinstance(value, str) and len(value) <= 200 for value in given.values()):
        raise InputError('回答应是 JSON,例如 {"crs": "GCJ-02"}。', "Answers are a JSON object of texts.")

    def answered() -> Response:
        waiting = desk.answer(upload, given)
        if waiting.row["state"] == "processing":
            request.app.state.wake()
        return _json(_document(desk.database, desk.scope, upload))

    return await readings_of(request).run(answered)


@router.post(
    "/uploads/{upload}/commit", summary="入库:全部、按类或按行", response_class=Response, openapi_extra=_BODY,
)  # fmt: skip
async def commit(
    request: Request, upload: UploadOf, desk: DeskOf,
    idempotency_key: Annotated[str | None, Header(max_length=200, description="同一键只入库一次")] = None,
) -> Response:  # fmt: skip
    """Write what is accepted: ``{"accept": "all" | "valid" | ["added", …], "rows": [1, 2]}``."""
    given = await json_of(request, empty=True)
    wanted = _wanted(given, idempotency_key)
    return await readings_of(request).run(lambda: _commit(request, desk, upload, wanted))


def _commit(request: Request, desk: Desk, upload: uuid.UUID, wanted: Wanted) -> Response:
    with desk.database.read(desk.scope) as conn:
        waiting = find_proposal(conn, upload)
        counts = count_steps(conn, waiting.kept)
    steps = wanted.steps
    if sum(counts[step] for step in steps) > _AT_ONCE_ROWS and waiting.row["state"] == "proposed":
        with desk.database.write(desk.scope) as conn:
            subject = {"upload": str(upload), "accept": wanted.accept, "rows": wanted.rows, "key": wanted.key}
            enqueue(conn, desk.scope, waiting.row["community"], COMMIT_JOB, subject)
        request.app.state.wake()
        return _json(_document(desk.database, desk.scope, upload), 202)
    commit_upload(desk, upload, wanted)
    return _json(_document(desk.database, desk.scope, upload))


@router.post(
    "/uploads/{upload}/revert", summary="撤回一次入库;之后的修改保留", response_class=Response,
)  # fmt: skip
def revert(upload: UploadOf, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Take a committed upload back; the revert is an upload too, with an identifier of its own."""
    by = uuid.uuid4()
    with database.write(scope, str(by)) as conn:
        done = revert_upload(conn, str(upload), by=str(by))
    return _json(
        {
            "id": str(by), "state": "committed", "reverts": str(upload),
            "counts": {"removed": done.removed, "restored": done.restored, "changed": done.changed,
                       "moved": done.moved, "unchanged": done.same, "conflict": len(done.conflicts)},
            "conflicts": [{"code": one.code, "fields": one.fields, "reason": one.reason} for one in done.conflicts],
        }
    )  # fmt: skip


@router.get("/uploads/{upload}/rows", summary="提案的各行:会怎样、哪里有问题", response_class=Response)
def rows(
    upload: UploadOf, database: DatabaseOf, scope: ScopeOf,
    step: Annotated[str | None, Query(description="只要这些,逗号分隔:added、changed、refused、unplaced……")] = None,
    after: Annotated[int | None, Query(description="从这一行之后起")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    flagged: Annotated[bool, Query(description="只要有问题或提醒的")] = False,
) -> Response:  # fmt: skip
    """Return a page of a proposal's rows."""
    steps = step.split(",") if step else []
    if unknown := [one for one in steps if one not in STEPS]:
        raise InputError(f"step 没有 {unknown[0][:40]!r};有:{'、'.join(STEPS)}。", f"step is one of {STEPS}.")
    with database.read(scope) as conn:
        waiting = find_proposal(conn, upload)
        found = list_rows(
            conn, waiting.kept, waiting.layer, steps=steps, after=after, limit=limit, flagged=flagged
        )  # fmt: skip
    titles = {field.name: field.title for field in waiting.layer.fields}
    following = found[-1]["row"] if len(found) == limit else None
    return _json({"rows": found, "titles": titles, "after": following})


@router.patch(
    "/uploads/{upload}/rows/{row}", summary="一行:落图、不要、或决定冲突", response_class=Response, openapi_extra=_BODY,
)  # fmt: skip
async def change_row(
    request: Request, upload: UploadOf, desk: DeskOf, row: Annotated[int, Path(description="行号")]
) -> Response:
    """Place a row, leave it out, or decide its conflict: by ``geometry``, ``left_out`` or ``take``."""
    given = await json_of(request)
    return await readings_of(request).run(lambda: _change_row(desk, upload, row, given))


def _change_row(desk: Desk, upload: uuid.UUID, row: int, given: dict[str, Any]) -> Response:
    with desk.database.write(desk.scope) as conn:
        waiting = find_proposal(conn, upload, for_update=True)
        read_row(conn, waiting.kept, waiting.layer, row)
        match given:
            case {"geometry": dict(geometry)}:
                place_row(conn, waiting, row, geometry)
            case {"take": str(take)}:
                resolve(conn, waiting, row, take)
            case {"left_out": bool(left_out)}:
                choose(conn, waiting.kept, [row], "不要" if left_out else None)
            case _:
                raise InputError(
                    "请写 geometry(GeoJSON 几何)、left_out(true 或 false)或 take(file 或 present)中的一个。",
                    "Give geometry, left_out or take.",
                )
        return _json(read_row(conn, waiting.kept, waiting.layer, row))


@router.get("/uploads/{upload}/changes", summary="会改什么,GeoJSON", response_class=Response)
def changes(upload: UploadOf, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Stream what would change, as it will be and as it is now; at most 20,000 rows."""
    with database.read(scope) as conn:
        waiting = find_proposal(conn, upload)
        layer = waiting.layer

    def pieces() -> Iterator[bytes]:
        with database.read(scope) as conn:
            yield from changes_geojson(conn, waiting.kept, layer, MOST_DRAWN)

    return StreamingResponse(pieces(), media_type=GEOJSON, headers=_PRIVATE)


@router.get("/uploads/{upload}/workbook", summary="自己的表格,标出有问题的单元格", response_class=Response)
def workbook(upload: UploadOf, desk: DeskOf) -> Response:
    """Return the uploader's own rows as a workbook, with marked cells and reasons."""
    made, name = marked_workbook(desk, upload)
    plain = f"attachment; filename=\"upload-{upload}.xlsx\"; filename*=UTF-8''{quote(name)}"
    return Response(made, media_type=_XLSX, headers={**_PRIVATE, "Content-Disposition": plain})


@router.get("/uploads/{upload}/map", summary="前后对比地图,网页", response_class=HTMLResponse)
def upload_map(request: Request, upload: UploadOf, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Return a map of what would change: as it is now and as it will be."""
    bases: tuple[BaseLayer, ...] = request.app.state.base_layers
    with database.read(scope) as conn:
        waiting = find_proposal(conn, upload)
        answer, around = before_after(conn, waiting)
        ground = read_overview(
            conn,
            scope,
            answer.community,
            url=lambda layer: layer_url(layer, answer.community),
            most=MOST_GROUND,
            layers=[name for name in _GROUND if name != waiting.layer.name],
        )
    drawn = draw(replace(ground, bbox=around or ground.bbox), answer, bases)
    policy = page_policy(drawn.page.script_hash(), bases)
    return HTMLResponse(to_served_page(drawn), headers={**_PRIVATE, **policy})


def _dated(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "at": one["at"].astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")} for one in listed]


def _document(database: Database, scope: Scope, upload: uuid.UUID) -> dict[str, Any]:
    with database.read(scope) as conn:
        return upload_document(conn, upload)


def _wanted(given: dict[str, Any], key: str | None) -> Wanted:
    accept, listed = given.get("accept", "all"), given.get("rows")
    right = isinstance(accept, str) or (isinstance(accept, list) and all(isinstance(one, str) for one in accept))
    if listed is not None:
        right = right and isinstance(listed, list) and all(type(one) is int and abs(one) < 1 << 31 for one in listed)
    if not right or set(given) - {"accept", "rows"}:
        raise InputError(
            "请写 accept(all、valid 或类别的清单)和 rows(行号的清单),都可以不写。", "Give accept and rows, or neither."
        )
    return Wanted(accept, listed, key)


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps(document, default=str)
    return Response(body, status, {**_PRIVATE, **(headers or {})}, media_type="application/json")
