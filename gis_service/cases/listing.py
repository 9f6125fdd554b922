"""Cases by what is asked of them, the late ones first; and what the desk counts beside its list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.cases.case import LAST_STEP, LIMIT_ON, OPEN, OVERDUE, SELECT, late_by, told_of
from gis_service.scope import Scope

MOST: Final = 1000
"""Cases that one page lists at most."""
_SOON = f"({OPEN} and not {OVERDUE} and s.remind_at < now())"
_TERMS: Final = {
    "status": "h.status = any(cast(:status as text[]))",
    "flow": "h.flow = :flow",
    "level": "h.level = any(cast(:level as text[]))",
    "event": "h.event_code = any(cast(:event as text[]))",
    "grid": "h.grid = :grid",
    "handler": "h.handler = :handler",
    "department": "h.transferred_to = :department",
    "since": "h.found_on >= :since",
    "until": "h.found_on <= :until",
    "text": "strpos(lower(concat_ws(' ', h.code, h.detail, h.name, h.handler, h.transferred_ref)), lower(:text)) > 0",
}
_KINDS: Final = {
    "open": OPEN, "closed": f"not {OPEN}", "overdue": OVERDUE, "soon": _SOON,
    "grave": f"({OPEN} and h.level in ('02', 'suspected'))", "unassigned": f"({OPEN} and h.handler is null)",
    "all": "true",
}  # fmt: skip
KINDS: Final = tuple(_KINDS)
"""Kinds of cases that a list can be narrowed to."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a list; what is None isn't asked. ``text`` is looked for in code, description and handler."""

    kind: str = "open"
    status: tuple[str, ...] | None = None
    flow: str | None = None
    level: tuple[str, ...] | None = None
    event: tuple[str, ...] | None = None
    grid: str | None = None
    handler: str | None = None
    department: str | None = None
    since: date | None = None
    until: date | None = None
    text: str | None = None
    limit: int = 200
    offset: int = 0

    def terms(self) -> tuple[str, dict[str, object]]:
        """Return the conditions as SQL, and their values."""
        given = {name: getattr(self, name) for name in _TERMS if getattr(self, name) is not None}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        return " and ".join([_KINDS[self.kind], *(_TERMS[name] for name in given)]), values


def within_community(scope: Scope, community: str) -> tuple[str, dict[str, object]]:
    """Return the query's own filter of the rows ``h`` beside row-level security; what was declared void is left out."""
    codes = scope.narrowed(community).areas
    grids = [code for code in codes if len(code) == 15]
    mine = "h.community = :community and h.data_status <> 'void'"
    if any(len(code) <= 12 for code in codes):
        return mine, {"community": community}
    return f"{mine} and h.grid = any(cast(:grids as text[]))", {"community": community, "grids": grids}


def list_cases(conn: Connection, scope: Scope, community: str, wanted: Wanted, on: date) -> dict[str, Any]:
    """Return a page of cases and how many there are; late ones first, then grave ones, then by the nearest limit."""
    where, values = wanted.terms()
    mine, areas = within_community(scope, community)
    given = {**values, **areas, **late_by(conn, community, on)}
    rows = conn.execute(
        text(
            f"{SELECT} where {mine} and {where} order by {OVERDUE} desc, (h.level <> '01') desc,"
            f" least(s.due_at, ({LIMIT_ON} + 1)::timestamp at time zone 'Asia/Shanghai') nulls last,"
            " h.found_on nulls last, h.code, h.id"
            " limit :limit offset :offset"
        ),
        {**given, "limit": wanted.limit, "offset": wanted.offset},
    ).mappings()
    cases = [told_of(row) for row in rows]
    total = conn.execute(
        text(f"select count(*) from gis.hazard h {LAST_STEP} where {mine} and {where}"), given
    ).scalar_one()
    counts = conn.execute(
        text(
            "select " + ", ".join(f"count(*) filter (where {term}) as {kind}" for kind, term in _KINDS.items())
            + f" from gis.hazard h {LAST_STEP} where {mine}"
        ),
        given,
    ).mappings().one()  # fmt: skip
    return {"numberMatched": total, "numberReturned": len(cases), "counts": dict(counts), "cases": cases}
