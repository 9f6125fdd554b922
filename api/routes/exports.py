"""Exports: sheets for the meeting, asked for here, made by a worker, and compared with what is so today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from api.days import day_of, past_day
from api.dependencies import CommunityParameter, DatabaseOf, FormatParameter, ScopeOf
from api.drawing import map_named
from api.links import wants_html
from api.quick_route import QuickRoute
from api.sent_fields import fields_of
from gis_service.analysis.catalog import refuse_partial
from gis_service.areas import first_registered, list_areas, read_area
from gis_service.database import Database
from gis_service.errors import ConflictError, ForbiddenError, InputError, NotFoundError, ServiceError
from gis_service.features.question import today
from gis_service.jobs import Job, enqueue, read_job, read_jobs
from gis_service.people.roles import Right, may
from gis_service.reports.figure import key_of
from gis_service.scope import Scope
from gis_service.sheets.files import PREVIEW, SheetFiles
from gis_service.sheets.material import check_grid, read_figures_now, seen_grids
from gis_service.sheets.records import (
    EVERY_GRID,
    EXPORT_JOB,
    SheetOrder,
    SheetRecord,
    add_order,
    cancel_order,
    count_unfinished,
    list_grids,
    list_records,
    note_taken,
    read_record,
)
from gis_service.surveys.document import job_document
from maps.atlas import MAPS
from maps.exports_page import Changed, export_page, exports_page
from maps.sheets.paper import FORMATS, SCALES, UNDIVIDED, Orientation, Paper, undivided

router = APIRouter(tags=["exports"], route_class=QuickRoute)

_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Accept, Cookie"}
_SHOWN = 50
_LONGEST = 60
_REFRESH_S = 2
_MOST_WAITING = 20


def sheets_of(request: Request) -> SheetFiles:
    """Return the folder of sheets; NotFoundError where there is none."""
    found: SheetFiles | None = request.app.state.sheets
    if found is None:
        raise NotFoundError("这里没有存放图的文件夹,不出图。", "No folder for exports is set.")
    return found


FieldsOf = Annotated[dict[str, str], Depends(fields_of)]
ExportName = Annotated[str, Path(description="编号:UUID,或印在图上的短编号")]
_FIELDS = ("name", "format", "paper", "orientation", "community", "grid", "scale", "on", "as_of", "author", "review")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "object", "properties": {name: {"type": "string"} for name in _FIELDS}}}
            for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    }
}


@router.get(
    "/exports", summary="出图:网页是表单和清单,程序得到清单", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def exports(
    request: Request, database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    f: FormatParameter = None, name: Annotated[str, Query(max_length=60, description="表单里先选哪张地图")] = "",
) -> Response:  # fmt: skip
    """List the sheets that were made, the latest first; a browser gets the form to ask for one."""
    with database.read(scope) as conn:
        records = list_records(conn, limit=_SHOWN, community=community)
        jobs = read_jobs(conn, [record.id for record in records])
        areas = list_areas(conn)
        chosen = community or (first_registered(areas).code if areas else None)
        grids = list_grids(conn, scope, chosen) if chosen else []
    if not wants_html(request, f):
        body = [document_of(record, jobs.get(record.id)) for record in records]
        return Response(orjson.dumps({"exports": body}, default=str), media_type="application/json", headers=_PRIVATE)
    listed = [(record, _page_state(request, record, jobs.get(record.id))) for record in records]
    page = exports_page(listed, [(area.code, area.name) for area in areas], chosen, grids, name)
    return HTMLResponse(page, headers=_PRIVATE)


@router.post(
    "/exports", summary="出一张图", response_class=Response, status_code=202, openapi_extra=_BODY,
    responses={202: {"content": {"application/json": {}}}, 303: {"description": "网页的表单:转到这张图的页面"}},
)  # fmt: skip
def order_export(request: Request, database: DatabaseOf, scope: ScopeOf, fields: FieldsOf) -> Response:
    """Ask for a sheet; a worker makes it, and says how far it is."""
    wanted, community = _order_of(fields, request.app.state.author), fields.get("community", "")
    entry = map_named(wanted.name)
    with database.write(scope) as conn:
        areas = list_areas(conn)
        if not areas:
            raise NotFoundError("还没有登记社区,出不了图。", "No community is registered yet.")
        found = read_area(conn, community).code if community else first_registered(areas).code
        if count_unfinished(conn, scope.actor) >= _MOST_WAITING:
            raise ConflictError(
                f"您已有 {_MOST_WAITING} 张图在等;请等它们出好,或先取消几张。", "Too many of your exports are waiting."
            )
        refuse_partial(scope, entry.analysis, found)
        check_grid(wanted.grid, seen_grids(conn, scope, found))
        record = add_order(conn, scope, found, wanted)
        enqueue(conn, scope.narrowed(found), found, EXPORT_JOB, {"export": str(record.id)}, record.id)
        sheets_of(request)
    request.app.state.wake()
    if wants_html(request, None):
        return RedirectResponse(f"/exports/{record.code}", status_code=303)
    with database.read(scope) as conn:
        body = orjson.dumps(document_of(record, read_job(conn, str(record.id))), default=str)
    return Response(
        body, status_code=202, media_type="application/json",
        headers={**_PRIVATE, "Location": f"/exports/{record.id}"},
    )  # fmt: skip


@router.get(
    "/exports/{export}", summary="一张图:进行到哪里,出图以后变了什么", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def export_(
    request: Request, export: ExportName, database: DatabaseOf, scope: ScopeOf, f: FormatParameter = None
) -> Response:
    """Return a sheet's record, and what has changed since it was made."""
    with database.read(scope) as conn:
        record = read_record(conn, export)
        job = read_jobs(conn, [record.id]).get(record.id)
    same = set(scope.narrowed(record.community).areas) == set(record.areas)
    changed, uncompared = _changes(database, scope, record) if same else ([], _OTHER_SCOPE)
    if not wants_html(request, f):
        body = {**document_of(record, job), "since": [one.document() for one in changed]}
        return Response(orjson.dumps(body, default=str), media_type="application/json", headers=_PRIVATE)
    state = _page_state(request, record, job)
    headers = {**_PRIVATE, "Refresh": str(_REFRESH_S)} if state in {"waiting", "running"} else _PRIVATE
    return HTMLResponse(
        export_page(record, state, job, changed, uncompared, own=_may_delete(scope, record)), headers=headers
    )


@router.get(
    "/exports/{export}/file", summary="一张图的文件", response_class=Response,
    responses={200: {"content": {kind: {} for kind in FORMATS.values()}}},
)  # fmt: skip
def export_file(request: Request, export: ExportName, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Return the file."""
    record = _made(database, scope, export)
    path = sheets_of(request).find(record.id, f".{record.order.format}")
    disposition = (
        f"attachment; filename=\"{record.code}.{record.order.format}\"; filename*=UTF-8''{quote(record.file_name)}"
    )
    tag = f'"{record.sha256}"'
    headers = {"Cache-Control": "private, no-cache", "Vary": "Cookie", "ETag": tag, "Content-Disposition": disposition}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    with database.note(scope) as conn:
        note_taken(conn, record)
    return FileResponse(path, media_type=FORMATS[record.order.format], headers=headers)


@router.get("/exports/{export}/preview", summary="一张图的小样", response_class=Response,
            responses={200: {"content": {"image/png": {}}}})  # fmt: skip
def export_preview(request: Request, export: ExportName, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Return a picture so small that its figures and names can't be read."""
    record = _made(database, scope, export)
    path = sheets_of(request).find(record.id, PREVIEW)
    return FileResponse(path, media_type="image/png", headers=_PRIVATE)


@router.post("/exports/{export}/delete", summary="删去一张图", response_class=Response, status_code=204,
             responses={303: {"description": "网页的表单:回到清单"}})  # fmt: skip
def delete_export(request: Request, export: ExportName, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Delete a sheet's file, whose record stays; a sheet that isn't made yet is cancelled."""
    with database.write(scope) as conn:
        record = read_record(conn, export)
        if not _may_delete(scope, record):
            raise ForbiddenError(
                "这张图是别人出的,只有本人和能改数据的人能删去。", "Only whoever made it may delete it."
            )
        cancel_order(conn, record)
    sheets_of(request).remove(record.id)
    return RedirectResponse("/exports", status_code=303) if wants_html(request, None) else Response(status_code=204)


def _may_delete(scope: Scope, record: SheetRecord) -> bool:
    return record.actor == scope.actor or (may(scope.role, Right.WRITE) and record.community in scope.areas)


def _made(database: Database, scope: Scope, key: str) -> SheetRecord:
    with database.read(scope) as conn:
        record = read_record(conn, key)
    if record.made_at is None:
        raise ConflictError("这张图还没有出好;请稍候再下载。", "The export isn't made yet.")
    return record


_OTHER_SCOPE = "这张图是按别的范围出的,与今天的数字不比较。"


def _changes(database: Database, scope: Scope, record: SheetRecord) -> tuple[list[Changed], str]:
    """Compare a sheet's figures with today's, or say why they can't be; who asks sees just what it was made of."""
    if record.made_at is None:
        return [], ""
    order = replace(record.order, day=today(), as_of=None)
    try:
        figures = read_figures_now(database, scope, record.community, order, map_named(order.name).analysis)
    except ServiceError as error:
        # What was made stays what it was, whatever has become of the map, the grid or the data.
        return [], f"与今天的数字没有比较:{error}"
    # Numbers in a title follow the rules and the data.
    now = {key_of(f"/{one.title}"): one.value for one in figures}
    return [Changed(one.title, one.unit, one.value, now.get(key_of(f"/{one.title}"))) for one in record.figures], ""


def _page_state(request: Request, record: SheetRecord, job: Job | None) -> str:
    """Return what a page says of a sheet: that its file isn't there, too."""
    state = state_of(record, job)
    there = state != "done" or sheets_of(request).has(record.id, f".{record.order.format}")
    return state if there else "removed"


def state_of(record: SheetRecord, job: Job | None) -> str:
    """Return ``done``, or what its job says: ``waiting``, ``running``, ``failed``."""
    if record.made_at is not None:
        return "done"
    return job.state if job is not None else "failed"


def document_of(record: SheetRecord, job: Job | None) -> dict[str, Any]:
    """Return a record as JSON has it."""
    at = f"/exports/{record.id}"
    order = record.order
    return {
        "id": str(record.id), "code": record.code, "state": state_of(record, job), "community": record.community,
        "name": order.name, "title": record.title, "finding": record.finding, "format": order.format,
        "paper": order.paper, "orientation": order.orientation, "scale": order.scale, "grid": order.grid,
        "on": order.day, "as_of": order.as_of, "author": order.author, "review": order.review, "areas": record.areas,
        "actor": record.actor, "created_at": record.created_at, "made_at": record.made_at,
        "versions": record.versions, "sha256": record.sha256, "bytes": record.bytes,
        "problem": job.problem if job is not None and job.state == "failed" else None,
        "job": None if job is None else job_document(job),
        "file": f"{at}/file" if record.made_at else None, "preview": f"{at}/preview" if record.made_at else None,
    }  # fmt: skip


def _order_of(fields: Mapping[str, str], author: str) -> SheetOrder:
    """Return what is asked for.

    Raises
    ------
    InputError
        When a value isn't one of those that there are.
    """
    if unknown := set(fields) - set(_FIELDS):
        raise InputError(f"不认识 {'、'.join(sorted(unknown))[:60]};可写的有:{'、'.join(_FIELDS)}。", "Unknown fields.")
    scale, name = fields.get("scale", ""), _one_of(fields, "name", MAPS, "overview")
    if fields.get("grid") == EVERY_GRID and (fields.get("format") or "pdf") != "pdf":
        raise InputError("图册只有 PDF;请把 format 写成 pdf。", "A book is a PDF.")
    if fields.get("grid") and (fields.get("format") in UNDIVIDED or "grid" not in map_named(name).ground):
        raise undivided()
    as_of = past_day(fields.get("as_of"))
    return SheetOrder(
        name=name,
        format=_one_of(fields, "format", FORMATS, "pdf"),
        paper=_one_of(fields, "paper", [str(one) for one in Paper], "A3"),
        orientation=_one_of(fields, "orientation", [str(one) for one in Orientation], "landscape"),
        scale=int(_one_of(fields, "scale", [str(one) for one in SCALES], scale)) if scale else None,
        grid=fields.get("grid") or None,
        day=day_of(fields["on"]) if fields.get("on") else as_of or today(),
        author=_short(fields, "author") or author,
        review=_short(fields, "review"),
        as_of=as_of,
    )


def _one_of(fields: Mapping[str, str], name: str, known: Any, otherwise: str) -> str:
    value = fields.get(name) or otherwise
    if value not in known:
        raise InputError(f"{name} 的值 {value[:40]!r} 不对;有:{'、'.join(known)}。", f"The value of {name} is wrong.")
    return value


def _short(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "").strip()
    if len(value) > _LONGEST:
        raise InputError(f"{name} 太长:最多 {_LONGEST} 个字。", f"{name} is too long.")
    return value
