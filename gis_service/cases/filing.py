"""Filing a case: what a worker found becomes a row, once, however often a phone sends it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.cases.case import OPEN, Case, stands, told_of
from gis_service.cases.steps import Clock, StepSent, make_step, read_clock
from gis_service.documents_sent import Moment
from gis_service.errors import ConflictError, InputError
from gis_service.features.question import SHANGHAI
from gis_service.features.received import read_feature_sent
from gis_service.features.transact import Conditions, create_feature
from gis_service.reference_systems import CRS84
from gis_service.rules import read_rules
from layers.catalog.hazard import (
    FoundBy,
    HazardFlow,
    HazardLevel,
    HazardStatus,
    SubjectKind,
    category_of,
)
from layers.flows import FIRST_STEP
from layers.registry import LAYERS

_HAZARD = LAYERS["hazard"]
DUPLICATE_RULE: Final = "case.duplicate_m"


class NewCase(BaseModel):
    """A case as it is filed.

    ``geometry`` is GeoJSON in CRS84, or ``lon`` and ``lat`` of a point; ``at`` is when it was found. ``register`` makes
    the step of registering at once. Level 02 isn't taken: the community may only suspect it.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, str_max_length=2000)

    id: uuid.UUID | None = None
    at: Moment | None = None
    lon: Annotated[float | None, Field(ge=-180, le=180, allow_inf_nan=False)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90, allow_inf_nan=False)] = None
    geometry: dict[str, Any] | None = None
    event_code: Annotated[str, Field(max_length=16)]
    detail: str | None = None
    level: HazardLevel = HazardLevel.GENERAL
    flow: HazardFlow = HazardFlow.COMMUNITY
    category: str | None = None
    subject_kind: SubjectKind | None = None
    enterprise_code: Annotated[str | None, Field(max_length=64)] = None
    building_code: Annotated[str | None, Field(max_length=64)] = None
    rental_code: Annotated[str | None, Field(max_length=64)] = None
    found_by: FoundBy = FoundBy.PATROL
    campaign: Annotated[str | None, Field(max_length=80)] = None
    accuracy: str | None = None
    register_it: Annotated[bool, Field(alias="register")] = False


@dataclass(frozen=True)
class Filed:
    """A case that was filed; ``new`` is False where the same was filed before."""

    case: Case
    new: bool


def file_case(
    conn: Connection, community: str, given: NewCase, clock: Clock | None = None, found_by: str | None = None
) -> Filed:  # fmt: skip
    """File a case, and register it where that is asked for.

    Parameters
    ----------
    clock
        What time limits are reckoned with, where it was read already.
    found_by
        Who found it, where somebody else files it: the journal tells of both.

    Raises
    ------
    InputError
        When something doesn't fit, or the place lies outside the community.
    ConflictError
        When the identifier stands for something else.
    OutsideScopeError
        When the place isn't the asker's.
    """
    identifier = given.id or uuid.uuid4()
    before = conn.execute(
        text("select event_code from gis.hazard where community = :community and id = :id"),
        {"community": community, "id": identifier},
    ).scalar()  # fmt: skip
    if before is not None:
        if before != given.event_code:
            raise ConflictError(
                "这个标识已用于另一件案件;请换一个标识再提交。", "The identifier is another case's; take another one."
            )
        return Filed(stands(conn, community, identifier), new=False)
    if given.level is HazardLevel.MAJOR:
        raise InputError(
            "社区不能认定重大隐患;请选“疑似重大(待认定)”。", "The community can't determine a major hazard."
        )
    found = min(given.at or datetime.now(UTC), datetime.now(UTC))
    day = found.astimezone(SHANGHAI).date()
    sent = read_feature_sent(_HAZARD, _document(given, identifier, day), CRS84, new=True)
    create_feature(conn, _HAZARD, community, sent, Conditions(), identifier)
    case = Case(
        community, identifier, code_of(identifier, day), given.event_code, given.flow,
        HazardStatus.FOUND, given.level, day, None, None, None,
    )  # fmt: skip
    clock = clock or read_clock(conn, community)
    for name in (FIRST_STEP, "register") if given.register_it else (FIRST_STEP,):
        note = f"{found_by} 在终端登记,核对后采用" if found_by and name == FIRST_STEP else None
        make_step(conn, case, StepSent(step=name, id=uuid.uuid5(identifier, name), at=found, note=note), clock)
        case = stands(conn, community, identifier)
    return Filed(case, new=True)


def _document(given: NewCase, identifier: uuid.UUID, found_on: date) -> dict[str, Any]:
    geometry = given.geometry
    if geometry is None:
        if given.lon is None or given.lat is None:
            raise InputError("没有位置:请给出 lon 和 lat,或 geometry。", "The case has no place: give lon and lat.")
        geometry = {"type": "Point", "coordinates": [given.lon, given.lat]}
    subject = given.subject_kind or _subject(given)
    properties = {
        # A phone without a signal can name it, and shows the same name later.
        "code": code_of(identifier, found_on),
        "event_code": given.event_code, "category": given.category or str(category_of(given.event_code)),
        "level": str(given.level), "flow": str(given.flow), "status": str(HazardStatus.FOUND),
        "subject_kind": str(subject), "enterprise_code": given.enterprise_code,
        "building_code": given.building_code, "rental_code": given.rental_code, "detail": given.detail,
        "found_on": found_on.isoformat(), "found_by": str(given.found_by), "campaign": given.campaign,
        "accuracy": given.accuracy, "source": "reported", "surveyed_on": found_on.isoformat(),
    }  # fmt: skip
    kept = {name: value for name, value in properties.items() if value is not None}
    return {"type": "Feature", "geometry": geometry, "properties": kept}


def code_of(identifier: uuid.UUID, found_on: date) -> str:
    """Return the code of a case: its day, and the first eight digits of its identifier."""
    return f"AJ{found_on:%Y%m%d}-{identifier.hex[:8].upper()}"


def _subject(given: NewCase) -> SubjectKind:
    if given.enterprise_code or given.event_code.startswith("X-IN"):
        return SubjectKind.ENTERPRISE
    return SubjectKind.RESIDENTIAL if given.rental_code or given.building_code else SubjectKind.PUBLIC


_SIMILAR = text(
    "select h.id, h.community, h.code, h.status, h.level, h.event_code, h.found_on, h.detail,"
    " st_distance(h.geom::geography, p.point::geography) as distance_m,"
    " st_x(st_pointonsurface(h.geom)) as lon, st_y(st_pointonsurface(h.geom)) as lat"
    " from gis.hazard h, (select st_setsrid(st_makepoint(:lon, :lat), 4490) as point) p"
    " where h.community = :community and h.event_code = :event"
    f" and {OPEN} and h.data_status <> 'void'"
    # Rows near by are found with the index first; a degree of longitude is shorter than one of latitude.
    " and h.geom && st_expand(p.point, :metres / 111000.0 / cos(radians(:lat)), :metres / 110000.0)"
    " and st_dwithin(h.geom::geography, p.point::geography, :metres) order by distance_m, h.code limit 10"
)


def similar_cases(
    conn: Connection, community: str, event_code: str, lon: float, lat: float
) -> tuple[float, list[dict[str, Any]]]:
    """Return within how many metres was looked, and the open cases of the same event there, the nearest first."""
    metres = read_rules(conn, community)[DUPLICATE_RULE].value
    rows = conn.execute(
        _SIMILAR, {"community": community, "event": event_code, "lon": lon, "lat": lat, "metres": metres}
    ).mappings()
    return metres, [{**told_of(row), "distance_m": round(row["distance_m"], 1)} for row in rows]


def due_said(moment: datetime | None) -> str:
    """Return a limit as people read it: the day and the hour in Shanghai; the end of a day is its 24:00."""
    if moment is None:
        return ""
    local = moment.astimezone(SHANGHAI)
    if (local.hour, local.minute) == (0, 0):
        before = local - timedelta(days=1)
        return f"{before:%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"
