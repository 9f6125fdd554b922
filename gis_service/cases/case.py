"""A case as it stands: a hazard, its last step, what it is about, and how many photos there are of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection, RowMapping

from gis_service.errors import ConflictError, NotFoundError
from gis_service.rules import read_rules
from layers.catalog.hazard import HazardFlow, HazardLevel, HazardStatus
from layers.flows import OVER
from layers.registry import LAYERS

_HAZARD = LAYERS["hazard"]
GENERAL_RULE: Final = "hazard.general_days"
_SHOWN = tuple(field.name for field in _HAZARD.fields if field.name not in {"valid_from", "valid_to", "accuracy"})
_CODED = {field.name: field.codes for field in _HAZARD.fields if field.codes is not None}

OPEN = "h.status not in (" + ", ".join(f"'{state}'" for state in OVER) + ")"
"""Whether a case is open."""

LIMIT_ON = "coalesce(h.due_on, h.found_on + cast(:general_days as int))"
"""The day by which a case is to be settled: as it is recorded, else ``hazard.general_days`` after it was found."""

OVERDUE = f"({OPEN} and (coalesce(s.due_at < now(), false) or coalesce({LIMIT_ON} < :today, false)))"
"""Whether a case is late: its state's limit has passed, or the day by which it was to be settled."""

LAST_STEP = (
    "left join lateral (select * from gis.case_step c where c.community = h.community and c.case_id = h.id"
    " order by c.position desc limit 1) s on true"
)
"""Joins the last step of each case as ``s``."""

# About thirty metres; whoever reads of a place wants a house that it is beside of.
_BESIDE = (
    "(select coalesce(b.address, b.name) || '旁' from gis.building b where b.community = h.community"
    " and coalesce(b.address, b.name) is not null and b.geom && st_expand(h.geom, 0.0003)"
    " order by b.geom <-> h.geom, b.code limit 1)"
)

SELECT = (
    f"select h.id, h.community, h.grid, {', '.join('h.' + name for name in _SHOWN)}, h.version, h.recorded_at,"
    " s.due_at, s.remind_at, s.step, s.at as step_at, s.position,"
    f" {LIMIT_ON} as limit_on, {OVERDUE} as overdue, ({OPEN} and coalesce(s.remind_at < now(), false)) as soon,"
    " st_x(st_pointonsurface(h.geom)) as lon, st_y(st_pointonsurface(h.geom)) as lat,"
    " st_asgeojson(h.geom, 8) as geometry,"
    " (select count(*) from gis.case_photo p where p.community = h.community and p.case_id = h.id) as photos,"
    " coalesce("
    " (select coalesce(r.address, r.name) from gis.rental_unit r where r.community = h.community"
    "   and r.code = h.rental_code limit 1),"
    " (select coalesce(e.name, e.address) from gis.enterprise e where e.community = h.community"
    "   and e.code = h.enterprise_code limit 1),"
    " (select coalesce(b.address, b.name) from gis.building b where b.community = h.community"
    "   and b.code = h.building_code limit 1),"
    f" {_BESIDE}) as place"
    f" from gis.hazard h {LAST_STEP}"
)
"""Cases with their last step; what follows says which."""


@dataclass(frozen=True)
class Case:
    """What steps need to know of a case."""

    community: str
    id: uuid.UUID
    code: str
    event_code: str
    flow: HazardFlow
    status: HazardStatus
    level: HazardLevel
    found_on: date | None
    due_on: date | None
    due_at: datetime | None
    remind_at: datetime | None
    step_at: datetime | None = None


_NAMED = "h.community = :community and (h.code = :key or h.id = :id)"
_FIND = text(f"{SELECT} where {_NAMED}")
_BY_ID = text("select h.id, h.code from gis.hazard h where h.community = :community and h.id = :id for update")
_BY_CODE = text(
    "select h.id, h.code from gis.hazard h where h.community = :community"
    " and (h.code = :key or h.id = :id or h.code = :main) order by h.id for update"
)
_STANDS = text(
    "select h.community, h.id, h.code, h.event_code, h.flow, h.status, h.level, h.found_on, h.due_on, s.due_at,"
    f" s.remind_at, s.at as step_at from gis.hazard h {LAST_STEP}"
    " where h.community = :community and h.id = :id"
)


def find_case(conn: Connection, name: str, today: date) -> RowMapping:
    """Return the row of a case by its name: its community, a dot, and its identifier or code.

    Raises
    ------
    NotFoundError
        When there is none within the scope.
    ConflictError
        When several grids have a case of that code.
    """
    named = _named(name)
    given = {**named, **late_by(conn, named["community"], today)}
    return _only(conn.execute(_FIND, given).mappings().all(), name)


def late_by(conn: Connection, community: str, today: date) -> dict[str, object]:
    """Return what ``OVERDUE`` and ``LIMIT_ON`` are reckoned with in a community."""
    return {"today": today, "general_days": int(read_rules(conn, community)[GENERAL_RULE].value)}


def take_case(conn: Connection, name: str, main_code: str | None = None) -> Case:
    """Return what steps need of a case, locked, so that nobody else makes a step of it until the transaction ends.

    Parameters
    ----------
    main_code
        Code of the case that it is to be merged into, which is locked too: of two cases that are merged into each
        other at the same moment, neither would be left.

    Raises
    ------
    NotFoundError, ConflictError
        As :func:`find_case` does.
    """
    named = _named(name)
    rows = conn.execute(_BY_ID, named).mappings().all() if named["id"] is not None and main_code is None else []
    # Codes have no index without their grids, so only who is named by one is looked for by it.
    rows = rows or conn.execute(_BY_CODE, {**named, "main": main_code}).mappings().all()
    found = _only([row for row in rows if row["id"] == named["id"] or row["code"] == named["key"]], name)
    # A statement of its own: only one that begins with the lock in hand sees what others did while it waited.
    return stands(conn, named["community"], found["id"])


def stands(conn: Connection, community: str, identifier: uuid.UUID) -> Case:
    """Return what steps need of a case that is there."""
    return case_of(conn.execute(_STANDS, {"community": community, "id": identifier}).mappings().one())


def _named(name: str) -> dict[str, Any]:
    community, _, key = name.partition(".")
    return {"community": community, "key": key, "id": identifier_of(key)}


def _only(rows: Sequence[RowMapping], name: str) -> RowMapping:
    key = name.partition(".")[2]
    if not rows:
        raise NotFoundError(
            f"没有案件 {name[:80]!r},或不在您的范围内。", "There is no such case, or it lies outside your area."
        )
    exact = [row for row in rows if str(row["id"]) == key.lower()] or rows
    if len(exact) > 1:
        raise ConflictError(
            f"编码 {key[:64]!r} 在几个网格里都有;请用案件的标识。", "Several cases have this code; use the identifier."
        )
    return exact[0]


def case_of(row: RowMapping) -> Case:
    """Return what steps need of a row of ``SELECT``."""
    return Case(
        row["community"], row["id"], row["code"], row["event_code"], HazardFlow(row["flow"]),
        HazardStatus(row["status"]), HazardLevel(row["level"]), row["found_on"], row["due_on"], row["due_at"],
        row["remind_at"], row["step_at"],
    )  # fmt: skip


def told_of(row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """Return a row of ``SELECT`` as clients get it: what is empty left out, codes with their words beside them."""
    told = {key: value for key, value in row.items() if value is not None and key != "geometry"}
    told["id"] = f"{row['community']}.{row['id']}"
    for name, codes in _CODED.items():
        if row.get(name) is not None:
            told[f"{name}_title"] = codes.get(str(row[name]), str(row[name]))
    return told


def identifier_of(key: str) -> uuid.UUID | None:
    """Return a key as an identifier; None where it must be a code."""
    try:
        return uuid.UUID(key)
    except ValueError:
        return None
