"""Cases: the flows they go through, filing one, what is late, its steps and photos, and the text for a superior."""

from __future__ import annotations

import itertools
import uuid
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any, BinaryIO

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CommunityParameter, DatabaseOf, DayParameter, ScopeOf
from api.documents import JSON, PRIVATE, DocumentOf, body_of, told
from api.links import base_url
from api.quick_route import QuickRoute
from api.received_files import body_file
from api.routes.transactions import MediaTypeError
from api.turns import Readings
from api.wanted_cases import WantedOf
from gis_service.areas import area_named, read_area
from gis_service.cases.case import Case, case_of, find_case, take_case, told_of
from gis_service.cases.figures import BY, case_figures
from gis_service.cases.filing import NewCase, file_case, similar_cases
from gis_service.cases.flow_document import flow_told, step_told
from gis_service.cases.listing import list_cases
from gis_service.cases.photos import STAGES, Kept, add_photo, has_photo, list_photos, photo_hash
from gis_service.cases.report import report_text
from gis_service.cases.steps import (
    StepSent,
    assumed_years_of,
    make_step,
    read_clock,
    read_journal,
    read_offices,
    steps_from,
)
from gis_service.documents_sent import read_document
from gis_service.errors import ConflictError, ServiceError, UnauthenticatedError, UnavailableError
from gis_service.features.allowed import community_for
from gis_service.features.question import today
from gis_service.photos.encode import encode
from gis_service.photos.files import PhotoFiles
from layers.flows import FLOWS

router = APIRouter(tags=["cases"], route_class=QuickRoute)

_PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")
_BATCH = 200
_NOT_REACHED = "服务中断了,还没有办到这一件;请再办一次。"
CaseName = Annotated[str, Path(description="社区代码.标识,或 社区代码.编码")]


class BatchSent(BaseModel):
    """One step of several cases."""

    model_config = ConfigDict(extra="forbid")

    cases: Annotated[list[Annotated[str, Field(max_length=120)]], Field(min_length=1, max_length=_BATCH)]
    step: StepSent


def _check_photo(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _PHOTO_TYPES:
        raise MediaTypeError(
            f"请把照片原样放在请求内容里,Content-Type 为 {'、'.join(_PHOTO_TYPES)} 之一。", "Send the photo itself."
        )


def photos_of(request: Request) -> PhotoFiles:
    """Return the folder of photos."""
    found: PhotoFiles | None = request.app.state.photos
    if found is None:
        raise UnavailableError("没有设置存放照片的文件夹,不能收照片。", "No folder for photos is set.")
    return found


PhotosOf = Annotated[PhotoFiles, Depends(photos_of)]


@router.get(
    "/flows", summary="办理流程:状态、步骤、谁可以办、要写明什么、时限", response_class=Response, responses=JSON
)
def flows() -> Response:
    """Return both flows as they are declared; the database refuses any other step."""
    return told({"flows": [flow_told(flow) for flow in FLOWS]})


@router.get("/cases", summary="案件清单:超期的在前", response_class=Response, responses=JSON)
def cases(database: DatabaseOf, scope: ScopeOf, wanted: WantedOf, community: CommunityParameter = None) -> Response:
    """Return cases with their limits, and how many there are of each kind."""
    with database.read(scope) as conn:
        area = area_named(conn, community)
        return told({"community": area.code, **list_cases(conn, scope, area.code, wanted, today())})


@router.post("/cases", summary="登记一件案件", status_code=201, response_class=Response, openapi_extra=body_of(NewCase))
def file(
    request: Request, database: DatabaseOf, scope: ScopeOf, document: DocumentOf, community: CommunityParameter = None
) -> Response:
    """File a case; the same identifier again is the same case. Open cases like it near by are told in ``similar``."""
    given = read_document(NewCase, document)
    place = community_for(scope, community)
    with database.write(scope) as conn:
        filed = file_case(conn, place, given)
        row = find_case(conn, f"{place}.{filed.case.id}", today())
        _, similar = similar_cases(conn, place, row["event_code"], row["lon"], row["lat"])
        shown = {**told_of(row), "similar": [one for one in similar if one["code"] != row["code"]]}
    answer = told(shown, 201 if filed.new else 200)
    answer.headers["Location"] = f"{base_url(request)}/cases/{place}.{filed.case.id}"
    return answer


@router.get("/cases/similar", summary="附近同类未办结的案件:登记前先看", response_class=Response, responses=JSON)
def similar(
    database: DatabaseOf, scope: ScopeOf,
    event: Annotated[str, Query(max_length=16, description="事件编码")],
    lon: Annotated[float, Query(ge=-180, le=180, description="经度")],
    lat: Annotated[float, Query(ge=-85, le=85, description="纬度")],
    community: CommunityParameter = None,
) -> Response:  # fmt: skip
    """Return open cases of the same event within the distance of the rule ``case.duplicate_m``, the nearest first."""
    place = community_for(scope, community)
    with database.read(scope) as conn:
        # A tenth of a millimetre; PostGIS can't reckon with what is all but nothing.
        metres, found = similar_cases(conn, place, event, round(lon, 9), round(lat, 9))
    return told({"within_m": metres, "cases": found})


@router.get("/cases/figures", summary="办理指标:上报率、办结率、按期办结率、返工率、超期数", response_class=Response,
            responses=JSON)  # fmt: skip
def figures(
    database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    by: Annotated[str, Query(pattern=f"^({'|'.join(BY)})$", description="按什么分")] = "grid",
    since: DayParameter = None, until: DayParameter = None,
) -> Response:  # fmt: skip
    """Return the figures of the cases that were found in a period, with their definitions."""
    with database.read(scope) as conn:
        area = area_named(conn, community)
        found = case_figures(conn, scope, area.code, by=by, since=since, until=until, on=today())
    return told({"community": area.code, **found})


@router.post("/cases/steps", summary="几件案件一起办同一步", response_class=Response, responses=JSON,
             openapi_extra=body_of(BatchSent))  # fmt: skip
def batch(database: DatabaseOf, scope: ScopeOf, document: DocumentOf) -> Response:
    """Make one step of several cases, each on its own: what can't be done is told, and the others are done.

    Sent again with the same identifier of the step, it goes on where it stopped: what was done is done once.
    """
    given = read_document(BatchSent, document)
    results: list[dict[str, Any]] = []
    for name in given.cases:
        try:
            with database.write(scope) as conn:
                found = take_case(conn, name, given.step.main_code)
                make_step(conn, found, _own_step(given.step, found), read_clock(conn, found.community))
            results.append({"case": name, "done": True})
        except UnauthenticatedError:
            raise
        except UnavailableError as error:
            if not results:
                raise
            # What is done is committed, and must be told; the others would wait as long, one after the other.
            said = itertools.chain([str(error)], itertools.repeat(_NOT_REACHED))
            left = given.cases[len(results) :]
            results += [{"case": case, "done": False, "problem": why} for case, why in zip(left, said, strict=False)]
            break
        except ServiceError as error:
            results.append({"case": name, "done": False, "problem": str(error)})
    return told({"done": sum(one["done"] is True for one in results), "results": results})


def _own_step(step: StepSent, case: Case) -> StepSent:
    """Return a step of several cases as that of one of them: an identifier stands for one step of one case."""
    return step if step.id is None else step.model_copy(update={"id": uuid.uuid5(step.id, str(case.id))})


@router.get("/cases/{case}", summary="一件案件:经过、照片、现在可以办的步骤", response_class=Response, responses=JSON)
def case(request: Request, database: DatabaseOf, scope: ScopeOf, case: CaseName) -> Response:
    """Return a case with its journal, its photos, and the steps that whoever asks may make now."""
    with database.read(scope) as conn:
        row = find_case(conn, case, today())
        found = case_of(row)
        offices = read_offices(conn, found.community)
        journal, photos = read_journal(conn, found), list_photos(conn, found)
        assumed = assumed_years_of(row, read_clock(conn, found.community))
    here = f"{base_url(request)}/cases/{found.community}.{found.id}"
    shown = {
        **told_of(row), "assumed_years": assumed, "geometry": orjson.loads(row["geometry"]), "journal": journal,
        "photos": [{**one, "href": f"{here}/photos/{one['id']}"} for one in photos],
        "steps": [step_told(step) for step in steps_from(found, offices)],
    }  # fmt: skip
    return told(shown)


@router.get("/cases/{case}/report", summary="上报用的文字:复制到上级系统", response_class=Response,
            responses={200: {"content": {"text/plain": {}}}})  # fmt: skip
def report(request: Request, database: DatabaseOf, scope: ScopeOf, case: CaseName) -> Response:
    """Return a case as text to copy into a superior's system, with the addresses of its photos."""
    with database.read(scope) as conn:
        row = find_case(conn, case, today())
        found = case_of(row)
        journal, photos = read_journal(conn, found), list_photos(conn, found)
        area = read_area(conn, found.community)
    here = f"{base_url(request)}/cases/{found.community}.{found.id}"
    grid = f"第 {int(row['grid'][12:])} 网格" if row["grid"] else None
    text = report_text(told_of(row), journal, area.name, grid, [f"{here}/photos/{one['id']}" for one in photos])
    return Response(text, headers=PRIVATE, media_type="text/plain; charset=utf-8")


@router.post("/cases/{case}/steps", summary="办一步", status_code=201, response_class=Response,
             openapi_extra=body_of(StepSent))  # fmt: skip
def step(database: DatabaseOf, scope: ScopeOf, document: DocumentOf, case: CaseName) -> Response:
    """Make a step of a case; the same identifier again changes nothing. The answer is the case as it stands then."""
    given = read_document(StepSent, document)
    with database.write(scope) as conn:
        found = take_case(conn, case, given.main_code)
        clock = read_clock(conn, found.community)
        made = make_step(conn, found, given, clock)
        row = find_case(conn, f"{found.community}.{found.id}", today())
    return told({"made": made, **told_of(row), "assumed_years": assumed_years_of(row, clock)}, 201)


@router.post(
    "/photos", summary="给案件加一张照片", status_code=201, response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": {
        kind: {"schema": {"type": "string", "format": "binary"}} for kind in _PHOTO_TYPES}}},
)  # fmt: skip
async def add(
    request: Request, database: DatabaseOf, scope: ScopeOf, files: PhotosOf,
    case: Annotated[str, Query(max_length=120, description="案件:社区代码.标识")],
    stage: Annotated[str, Query(pattern=f"^({'|'.join(STAGES)})$", description="处置前或处置后")] = "before",
    id: Annotated[uuid.UUID | None, Query(description="照片的标识;同一标识只收一次")] = None,
    account: Annotated[str | None, Query(max_length=80, description="谁拍的;不是现在登录的账户就不收")] = None,
) -> Response:  # fmt: skip
    """Add a photo to a case: it is made anew without what the camera wrote beside it, and kept under its hash."""
    _check_photo(request)
    if account is not None and account != scope.actor:
        raise ConflictError(
            f"照片是账户 {account} 的,现在登录的是 {scope.actor},没有收;请用 {account} 登录后上传。",
            "The photo is another account's; nothing was written.",
        )

    def keep(sent: BinaryIO) -> Response:
        with database.read(scope) as conn:
            found = case_of(find_case(conn, case, today()))
            known = id is not None and has_photo(conn, found, id)
        chosen = id or uuid.uuid4()
        if not known:
            photo = encode(sent)
            # On the disk before any row names it.
            kept = Kept(files.keep(photo), photo.width, photo.height, len(photo.jpeg), photo.taken_at)
            with database.write(scope) as conn:
                add_photo(conn, found, chosen, stage, kept)
        here = f"{base_url(request)}/cases/{found.community}.{found.id}/photos/{chosen}"
        answer = told({"id": chosen, "href": here}, 201)
        answer.headers["Location"] = here
        return answer

    encodings: Readings = request.app.state.encodings
    async with body_file(request) as file:
        return await encodings.run(partial(keep, file))


@router.get("/cases/{case}/photos/{photo}", summary="案件的一张照片", response_class=Response,
            responses={200: {"content": {"image/jpeg": {}}}})  # fmt: skip
def photo(
    database: DatabaseOf, scope: ScopeOf, files: PhotosOf, case: CaseName,
    photo: Annotated[uuid.UUID, Path(description="照片的标识")],
    small: Annotated[bool, Query(description="只要小图")] = False,
) -> Response:  # fmt: skip
    """Return a photo to whoever sees its case."""
    with database.read(scope) as conn:
        sha256 = photo_hash(conn, case_of(find_case(conn, case, today())), photo)
    path: FilePath = files.find(sha256, small=small)
    headers = {"Cache-Control": "private, max-age=86400", "Content-Disposition": "inline", "Vary": "Cookie"}
    return FileResponse(path, media_type="image/jpeg", headers=headers)
