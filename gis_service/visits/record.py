"""Recording a visit: once, at the place of what was visited, with what was found to be different from the register."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.engine import Connection, RowMapping

from gis_service.cases.case import identifier_of
from gis_service.documents_sent import Moment
from gis_service.errors import ConflictError, InputError, NotFoundError
from gis_service.features.question import SHANGHAI
from gis_service.features.received import read_changes, read_feature_sent
from gis_service.features.transact import Conditions, create_feature
from gis_service.reference_systems import CRS84
from gis_service.scope import Scope
from gis_service.sync.merge import Merged, merge_change
from layers.catalog.visit import CheckResult, TargetKind, VisitOutcome, VisitPurpose
from layers.registry import LAYERS

_VISIT = LAYERS["visit"]


class NewVisit(BaseModel):
    """A visit as it is recorded.

    ``target_code`` is the code of what was visited, or its identifier where several grids have that code; ``at`` is
    when it was made; ``lon`` and ``lat`` where the phone was, or else the place of what was visited counts.
    ``changes`` are fields of what was visited that were found to be otherwise, ``base`` the version that the phone had
    of it and ``before`` what it showed of these fields.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, str_max_length=2000)

    id: uuid.UUID | None = None
    at: Moment | None = None
    target_kind: TargetKind
    target_code: Annotated[str, Field(min_length=1, max_length=64)]
    lon: Annotated[float | None, Field(ge=-180, le=180, allow_inf_nan=False)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90, allow_inf_nan=False)] = None
    purpose: VisitPurpose = VisitPurpose.CALL
    outcome: VisitOutcome = VisitOutcome.DONE
    check_result: CheckResult | None = None
    counted: Annotated[int | None, Field(ge=0, le=100_000)] = None
    checked_count: Annotated[int | None, Field(ge=0, le=100_000)] = None
    correct_count: Annotated[int | None, Field(ge=0, le=100_000)] = None
    at_night: bool | None = None
    remark: str | None = None
    changes: dict[str, Any] = Field(default_factory=dict)
    base: int | None = None
    before: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """A visit that was recorded; ``merged`` is what became of the changes; ``new`` False where it was there before."""

    id: uuid.UUID
    code: str
    new: bool
    merged: Merged | None = None


def record_visit(
    conn: Connection, scope: Scope, community: str, given: NewVisit, *, insist: bool = False,
    decided: Collection[str] | None = None, worker: str | None = None,
) -> Recorded:  # fmt: skip
    """Record a visit, and write what was found to be otherwise of what was visited.

    Parameters
    ----------
    worker
        Who made the visit, where somebody else writes it down.
    insist
        Whether what was found is written whatever others did since, also where the visit itself stands already.
    decided
        The fields that this was decided about; None for all.

    Raises
    ------
    InputError
        When something doesn't fit, or there is no place.
    NotFoundError
        When nothing of that code is within the scope.
    ConflictError
        When the identifier stands for another visit.
    """
    identifier = given.id or uuid.uuid4()
    before = conn.execute(
        text("select code, target_code from gis.visit where community = :community and id = :id"),
        {"community": community, "id": identifier},
    ).one_or_none()  # fmt: skip
    if before is not None:
        if before.target_code != given.target_code and identifier_of(given.target_code) is None:
            raise ConflictError("这个标识已用于另一次走访。", "The identifier is another visit's.")
        target = _target(conn, community, given) if insist else None
        merged = _found_otherwise(conn, scope, community, given, target, insist=insist, decided=decided)
        return Recorded(identifier, before.code, new=False, merged=merged)
    if given.correct_count is not None and given.correct_count > (given.checked_count or 0):
        raise InputError(
            f"正确数 {given.correct_count} 比检查数 {given.checked_count or 0} 多;请核对。",
            "More was correct than was checked.",
        )
    target = _target(conn, community, given)
    visit = _document(worker or scope.actor, given, identifier, target)
    sent = read_feature_sent(_VISIT, visit, CRS84, new=True)
    create_feature(conn, _VISIT, community, sent, Conditions(), identifier)
    merged = _found_otherwise(conn, scope, community, given, target, insist=insist, decided=decided)
    return Recorded(identifier, str(visit["properties"]["code"]), new=True, merged=merged)


def _moment(given: NewVisit) -> datetime:
    """Return when a visit was made; a phone's clock may be ahead."""
    now = datetime.now(UTC)
    return min(given.at or now, now)


def _found_otherwise(
    conn: Connection, scope: Scope, community: str, given: NewVisit, target: RowMapping | None, *, insist: bool,
    decided: Collection[str] | None,
) -> Merged | None:  # fmt: skip
    if not given.changes or target is None:
        return None
    layer = LAYERS[given.target_kind]
    changes = read_changes(layer, {"properties": given.changes}, CRS84, whole=False)
    return merge_change(
        conn, layer, scope, f"{community}.{target['id']}", given.base, changes, before=given.before, insist=insist,
        decided=decided, counted_on=_moment(given).astimezone(SHANGHAI).date(),
    )  # fmt: skip


def _target(conn: Connection, community: str, given: NewVisit) -> RowMapping | None:
    """Return identifier and place of what was visited; None where it stands in no layer."""
    if given.target_kind not in LAYERS:
        if given.changes:
            raise InputError("“其他”对象没有图层,不能同时改它的信息。", "What stands in no layer can't be changed.")
        return None
    rows = conn.execute(
        text(
            "select id, code, st_x(st_pointonsurface(geom)) as lon, st_y(st_pointonsurface(geom)) as lat"
            f" from gis.{given.target_kind} where community = :community and (code = :code or id = :id)"
            " order by id is not distinct from :id desc limit 2"
        ),
        {"community": community, "code": given.target_code, "id": identifier_of(given.target_code)},
    ).mappings().all()  # fmt: skip
    if not rows:
        raise NotFoundError(
            f"没有编码为 {given.target_code[:64]!r} 的{given.target_kind.label},或不在您的范围内。",
            "There is nothing of that code within your area.",
        )
    if len(rows) > 1 and str(rows[0]["id"]) != given.target_code.lower():
        raise ConflictError(
            f"编码 {given.target_code[:64]!r} 的{given.target_kind.label}在几个网格里都有;请改用它的标识。",
            "Several things have this code; use the identifier.",
        )
    return rows[0]


def _place(given: NewVisit, target: RowMapping | None) -> tuple[float, float]:
    if target is not None:
        return float(target["lon"]), float(target["lat"])
    if given.lon is None or given.lat is None:
        raise InputError("没有位置:请给出 lon 和 lat。", "The visit has no place: give lon and lat.")
    return given.lon, given.lat


def _document(worker: str, given: NewVisit, identifier: uuid.UUID, target: RowMapping | None) -> dict[str, Any]:
    day = _moment(given).astimezone(SHANGHAI).date()
    properties = {
        "code": f"ZF{day:%Y%m%d}-{identifier.hex[:8].upper()}",
        "target_kind": str(given.target_kind),
        "target_code": given.target_code if target is None else target["code"], "visited_on": day.isoformat(),
        "purpose": str(given.purpose), "outcome": str(given.outcome),
        "check_result": None if given.check_result is None else str(given.check_result),
        "counted": given.counted, "checked_count": given.checked_count, "correct_count": given.correct_count,
        "at_night": given.at_night, "worker": worker, "remark": given.remark, "source": "reported",
        "surveyed_on": day.isoformat(),
    }  # fmt: skip
    kept = {name: value for name, value in properties.items() if value is not None}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": list(_place(given, target))},
        "properties": kept,
    }
