"""Figures of cases (办理指标) by grid, kind of event and month, each with its definition (after GB/T 30428.4).

What a case went through is read from its history, so that ledgers count like cases that began here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.cases.case import LAST_STEP, OVERDUE, late_by
from gis_service.cases.listing import within_community
from gis_service.errors import InputError
from gis_service.scope import Scope
from layers.registry import LAYERS


@dataclass(frozen=True)
class Rate:
    """A share: its name, its title, which cases it is of and which of those count, and its definition in Chinese."""

    name: str
    title: str
    of: str
    counted: str
    definition: str


_REGISTERED = "status not in ('found', 'rejected', 'merged')"
_CLOSED = "status = 'closed'"
# What was put aside or merged and is taken up again wasn't done badly.
_REWORKED = (
    "exists (select from (select t.status, lag(t.status) over (order by t.recorded_at, t.written_at, t.version)"
    " as before from gis.hazard_history t where t.community = h.community and t.id = h.id) v"
    " where v.status = 'rework' and coalesce(v.before, '') not in ('rework', 'rejected', 'merged'))"
)

RATES: Final = (
    Rate("transferred_rate", "上报率", _REGISTERED, f"{_REGISTERED} and transferred",
         "上报移交过的案件 ÷ 已登记的案件(不含不予受理、已并案)"),
    Rate("closed_rate", "办结率", _REGISTERED, _CLOSED,
         "已办结的案件 ÷ 已登记的案件(不含不予受理、已并案)"),
    Rate("closed_in_time_rate", "按期办结率", f"{_CLOSED} and due_on is not null and closed_on is not null",
         f"{_CLOSED} and closed_on <= due_on", "整改期限以内办结的案件 ÷ 有整改期限的已办结案件"),
    Rate("rework_rate", "返工率", _CLOSED + " or reworked", "reworked",
         "返工过(复查不合格或办结后重新办理;不予受理、并案后重新办理的不算)的案件 ÷ 复查过的案件(已办结的和返工过的)"),
)  # fmt: skip
"""Shares; each is given with both numbers, and empty where there is nothing to divide by."""

LATE: Final = (
    "overdue", "超期数",
    "未办结,且已过整改期限(没有登记的,自发现之日起按规则 hazard.general_days 的天数)或本环节时限的案件",
)  # fmt: skip

_BY: Final = {
    "grid": "coalesce(grid, '')", "event": "event_code", "month": "coalesce(to_char(found_on, 'YYYY-MM'), '')",
    "all": "''",
}  # fmt: skip
BY: Final = tuple(_BY)
_EVENTS = LAYERS["hazard"].field("event_code").codes or {}


def case_figures(
    conn: Connection, scope: Scope, community: str, *, by: str, since: date | None, until: date | None, on: date
) -> dict[str, Any]:
    """Return the figures of cases found in a period, by ``grid``, ``event``, ``month`` or as ``all``.

    Raises
    ------
    InputError
        When the period ends before it begins.
    """
    if since is not None and until is not None and since > until:
        raise InputError(f"开始日期 {since} 在结束日期 {until} 之后;请对调。", "The period ends before it begins.")
    mine, areas = within_community(scope, community)
    counted = ", ".join(
        f"count(*) filter (where {rate.of}) as {rate.name}_of, count(*) filter (where {rate.counted}) as {rate.name}_n"
        for rate in RATES
    )
    rows = conn.execute(
        text(
            "with cases as (select h.*, h.transferred_on is not null or exists (select from gis.hazard_history t"
            "   where t.community = h.community and t.id = h.id and t.status = 'transferred') as transferred,"
            f"  {_REWORKED} as reworked, {OVERDUE} as late"
            f" from gis.hazard h {LAST_STEP} where {mine} and (cast(:since as date) is null or h.found_on >= :since)"
            "  and (cast(:until as date) is null or h.found_on <= :until))"
            f" select {_BY[by]} as key, count(*) as found, count(*) filter (where {_REGISTERED}) as registered,"
            f" count(*) filter (where {_CLOSED}) as closed, {counted},"
            " count(*) filter (where late) as overdue from cases group by 1 order by 1"
        ),
        {**areas, **late_by(conn, community, on), "since": since, "until": until},
    ).mappings()
    definitions = [{"name": rate.name, "title": rate.title, "definition": rate.definition} for rate in RATES]
    definitions.append(dict(zip(("name", "title", "definition"), LATE, strict=True)))
    return {"by": by, "since": since, "until": until, "definitions": definitions, "rows": [_told(by, r) for r in rows]}


def _told(by: str, row: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"key": row["key"], "title": _title(by, row["key"])}
    told |= {name: row[name] for name in ("found", "registered", "closed", "overdue")}
    for rate in RATES:
        of, counted = row[f"{rate.name}_of"], row[f"{rate.name}_n"]
        told[rate.name] = {"value": round(counted / of, 4) if of else None, "counted": counted, "of": of}
    return told


def _title(by: str, key: str) -> str:
    if by == "event":
        return _EVENTS.get(key, key)
    return key or {"grid": "不在任何网格", "month": "日期未记", "all": "全部"}[by]
