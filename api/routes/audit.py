"""The audit for those who check: as a page, as JSON, as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.days import FIRST_DAY, LAST_DAY
from api.dependencies import DatabaseOf, ScopeOf
from api.downloads import attachment
from api.links import wants_html
from api.quick_route import QuickRoute
from api.routes.login import PRIVATE
from gis_service.errors import InputError
from gis_service.exports.csv_table import csv_table
from gis_service.features.question import SHANGHAI
from gis_service.people.audit import lines_of, list_audit
from maps.audit_page import audit_page, describe

router = APIRouter(tags=["people"], route_class=QuickRoute)

_COLUMNS = {
    "at": "时间", "actor": "账户", "role": "角色", "area": "范围", "position": "位置", "did": "做了什么",
    "rows": "行数", "key": "对谁或对什么", "detail": "说明", "upload": "上传",
}  # fmt: skip
_MOST_CSV = 100_000
_LAST = 2**63 - 1
DayBound = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)]


@router.get(
    "/audit", summary="审计记录:谁写了什么、看了谁的个人信息", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}, "text/csv": {}}}},
)  # fmt: skip
def audit(
    request: Request, database: DatabaseOf, scope: ScopeOf,
    actor: Annotated[str | None, Query(max_length=60, description="只看一个账户")] = None,
    area: Annotated[str | None, Query(max_length=15, description="只看一条链:社区代码")] = None,
    since: DayBound = None,
    until: DayBound = None,
    after: Annotated[str | None, Query(max_length=80, description="从这一条之后(更早的)起")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    f: Annotated[str | None, Query(pattern="^(json|html|csv)$", description="不写则按 Accept")] = None,
) -> Response:  # fmt: skip
    """Return what was written and whose personal data was read, the latest first."""
    with database.read(scope) as conn:
        links = list_audit(
            conn, actor=actor or None, area=area or None, since=_begin(since), until=_begin(until, 1),
            after=_place(after), limit=_MOST_CSV if f == "csv" else limit,
        )  # fmt: skip
    asked = {"actor": actor, "area": area, "since": str(since or ""), "until": str(until or "")}
    said = {name: value for name, value in asked.items() if value}
    if f == "csv":
        rows = [[_cell({**line, "did": describe(line)}, name) for name in _COLUMNS] for line in lines_of(links)]
        table = csv_table(list(_COLUMNS.values()), rows)
        headers = {**PRIVATE, "Content-Disposition": attachment("audit.csv", "审计记录.csv")}
        return Response(table, media_type="text/csv; charset=utf-8", headers=headers)
    last = links[-1] if len(links) == limit else None
    following = None
    if last is not None:
        following = f"/audit?{urlencode({**said, 'after': f'{last.at.isoformat()},{last.area},{last.position}'})}"
    if wants_html(request, f):
        page = audit_page(lines_of(links), asked, f"/audit?{urlencode({**said, 'f': 'csv'})}", following)
        return HTMLResponse(page, headers=PRIVATE)
    document = {"audit": list(lines_of(links)), "next": following}
    return Response(orjson.dumps(document, default=str), headers=PRIVATE, media_type="application/json")


def _begin(day: date | None, later: int = 0) -> datetime | None:
    """Return the first moment of a day in Shanghai, or of one some days later."""
    return None if day is None else datetime.combine(day + timedelta(days=later), time.min, SHANGHAI)


def _place(after: str | None) -> tuple[datetime, str, int] | None:
    if after is None:
        return None
    try:
        moment, area, position = after.split(",")
        return datetime.fromisoformat(moment), area, min(int(position), _LAST)
    except ValueError as error:
        raise InputError("after 不对;请从“更早的”链接翻页。", "after isn't where a page ended.") from error


def _cell(line: Mapping[str, Any], name: str) -> Any:
    value = line[name]
    return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value
