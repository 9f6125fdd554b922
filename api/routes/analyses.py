"""The analyses: their list, and each answer as JSON, as a page to read, or one of its tables as CSV."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from api.conditional import answer_if_changed, holds
from api.dependencies import CommunityParameter, DatabaseOf, DayParameter, FormatParameter, ScopeOf
from api.drawing import analysis_named, answer_of, theme_named
from api.links import wants_html
from api.quick_route import QuickRoute
from gis_service.analysis.answer import Answer
from gis_service.analysis.catalog import ANALYSES
from gis_service.analysis.document import to_csv, to_json
from gis_service.areas import Area, first_registered, list_areas
from gis_service.errors import NotFoundError
from gis_service.features.question import today
from gis_service.features.tags import read_etag
from gis_service.rules import rules_in_force
from layers.registry import LAYERS
from maps.atlas_page import ListedMap, answer_page, atlas_page

router = APIRouter(tags=["analyses"], route_class=QuickRoute)

_TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}
AnswerFormat = Annotated[
    str | None, Query(pattern="^(json|csv|html)$", description="json、csv 或 html;不写则按 Accept")
]


@router.get(
    "/analyses", summary="分析清单", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def analyses(request: Request, f: FormatParameter = None) -> Response:
    """List the analyses by name."""
    if wants_html(request, f):
        groups: dict[str, list[ListedMap]] = {}
        for one in ANALYSES.values():
            entry = ListedMap(one.title, one.description, f"/analyses/{one.name}?f=html", {"地图": f"/maps/{one.name}"})
            groups.setdefault(one.group, []).append(entry)
        page = atlas_page("分析", "点名称看结论、数字和依据;地图在后面。", groups)
        return HTMLResponse(page, headers={"Vary": "Accept"})
    listed = [
        {"name": one.name, "group": one.group, "title": one.title, "description": one.description, "public": one.public}
        for one in ANALYSES.values()
    ]
    return JSONResponse({"analyses": listed}, headers={"Vary": "Accept"})


@router.get(
    "/analyses/{name}", summary="一项分析的答案:结论、数字、口径和要素", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/csv": {}, "text/html": {}}}},
)  # fmt: skip
def analysis(
    request: Request, name: Annotated[str, Path(description="分析名称")], database: DatabaseOf, scope: ScopeOf,
    community: CommunityParameter = None, on: DayParameter = None, f: AnswerFormat = None,
    theme: Annotated[str | None, Query(max_length=60, description="CSV 要哪一张表;不写为第一张")] = None,
) -> Response:  # fmt: skip
    """Return one answer about a community, of the one registered first when none is named."""
    asked, day = analysis_named(name), on or today()
    form = f or ("html" if wants_html(request, None) else "json")
    with database.read(scope) as conn:
        code = community or _home(list_areas(conn))
        tag = read_etag(
            conn, LAYERS.values(), scope, "answer", name, code, str(day), form, theme or "",
            request.app.state.page_version, str(rules_in_force(conn, code)),
        )  # fmt: skip
    if holds(request, tag):
        return answer_if_changed(request, tag, bytes, _TYPES[form])

    def body() -> bytes:
        answer = answer_of(database, scope, asked, code, day)
        if form == "csv":
            return to_csv(theme_named(answer, theme))
        return to_json(answer) if form == "json" else _page(answer, code).encode()

    saved = {"Content-Disposition": f'attachment; filename="{name}-{code}.csv"'} if form == "csv" else {}
    return answer_if_changed(request, tag, body, _TYPES[form], saved)


def _page(answer: Answer, code: str) -> str:
    asked = f"community={code}&on={answer.on}"
    links = [
        ("看地图", f"/maps/{answer.name}?{asked}"),
        ("单文件地图", f"/maps/{answer.name}/file?{asked}"),
        ("JSON", f"/analyses/{answer.name}?{asked}&f=json"),
    ]
    themes = [(theme, f"/analyses/{answer.name}?{asked}&f=csv&theme={theme.name}") for theme in answer.themes]
    return answer_page(answer, answer.title, links, themes)


def _home(areas: list[Area]) -> str:
    if not areas:
        raise NotFoundError("还没有登记社区;请先登记并导入数据。", "No community is registered yet.")
    return first_registered(areas).code
