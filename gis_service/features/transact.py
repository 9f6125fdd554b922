"""Writing one feature at a time (OGC API Features Part 4): create, replace, update and delete, each on its condition.

The row is locked before its version is compared, so that of two editors who saw the same version only one writes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Insert,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from gis_service.errors import ConflictError, InputError, ServiceError
from gis_service.features.allowed import no_community
from gis_service.features.received import Changes, Received, check_values
from gis_service.features.stamps import Stamp, missing_feature
from gis_service.features.write import refused_by_database
from gis_service.scope import Scope, within
from gis_service.statement import Statement, remembered
from gis_service.tables import tables_of
from layers.layer import Layer
from layers.registry import LAYERS

MUST_SAY_VERSION: Final = frozenset({"grid_worker"})
"""Roles whose changes need If-Match: several people walk one grid with phones that were offline. Desktop programmes
such as QGIS send none, so other roles may leave it out."""

_UNMOVED_DEG: Final = 6e-9
"""Coordinates are given with 8 decimals of a degree, so what comes back is up to half a millimetre off."""


class ConditionFailedError(ServiceError):
    """The feature isn't in the version that the client saw."""


class ConditionNeededError(ServiceError):
    """The client must say which version of the feature it saw."""


class OutsideScopeError(ServiceError):
    """The scope may see this, but not change it."""


@dataclass(frozen=True)
class Conditions:
    """On what a change depends: entity tags as in If-Match and If-None-Match, None where there is no condition."""

    match: str | None = None
    none_match: str | None = None


@dataclass(frozen=True)
class Locked:
    """A row that nobody else changes until the transaction ends: its version, its fields, and its shape in degrees."""

    stamp: Stamp
    values: Mapping[str, object]
    shape: Any


def create_feature(
    conn: Connection, layer: Layer, community: str, sent: Received, conditions: Conditions,
    identifier: uuid.UUID | None = None,
) -> Stamp:  # fmt: skip
    """Add a feature; its identifier is made here, unless a client that was offline has made one.

    Raises
    ------
    ConflictError
        When the code is taken; ConditionFailedError instead when If-None-Match asks for that.
    InputError, NotFoundError, OutsideScopeError
        When it lies outside the community, there is no such community, or its place is beyond the scope.
    """
    identifier = identifier or uuid.uuid4()
    asked = remembered(("create", layer.name), lambda: _creation(layer))
    given = {f"new_{name}": value for name, value in sent.values.items()}
    with _refusals(layer, community):
        _refuse_outside(conn, community, sent.geometry)
        try:
            _run(conn, asked, {**given, "home": community, "shape": sent.geometry, "identifier": identifier})
        except IntegrityError as error:
            if conditions.none_match is not None and _state(error) == "23505":
                raise _changed_meanwhile(layer) from error
            raise
        return _stamp(conn, layer, community, identifier)


def replace_feature(
    conn: Connection, layer: Layer, scope: Scope, identifier: str, sent: Received, conditions: Conditions
) -> Stamp:
    """Replace a feature's fields and geometry; what isn't given takes its default.

    Raises
    ------
    NotFoundError, OutsideScopeError
        When the scope doesn't reach it, or may not change it.
    ConditionNeededError, ConditionFailedError
        When a version must be said, or it isn't the current one.
    ConflictError, InputError
        When the new code is taken, or the place lies outside the community.
    """
    locked = _lock(conn, layer, scope, identifier, conditions)
    return _change(conn, layer, locked, sent.values, sent.geometry)


def update_feature(
    conn: Connection, layer: Layer, scope: Scope, identifier: str, changes: Changes, conditions: Conditions
) -> Stamp:
    """Change some fields, the geometry, or both; raises what ``replace_feature`` does.

    The whole row is checked with its changes, so that no rule over several fields is got round.
    """
    locked = _lock(conn, layer, scope, identifier, conditions)
    if changes.identifier not in [None, identifier, locked.stamp.identifier]:
        raise InputError("要素的标识不能改。", "The identifier of a feature never changes.")
    return change_feature(conn, layer, locked, changes.properties, changes.geometry)


def change_feature(
    conn: Connection, layer: Layer, locked: Locked, properties: Mapping[str, object], geometry: bytes | None
) -> Stamp:
    """Change some fields of a locked feature, as they were written; the whole row is checked with them."""
    given = {**locked.values, **properties}
    checked = check_values(layer, {name: value for name, value in given.items() if value is not None}, properties)
    return _change(conn, layer, locked, {name: checked[name] for name in properties}, geometry)


def remove_feature(conn: Connection, layer: Layer, scope: Scope, identifier: str, conditions: Conditions) -> None:
    """Delete a feature; its versions stay in history. Raises what ``replace_feature`` does."""
    stamp = _lock(conn, layer, scope, identifier, conditions).stamp
    table = tables_of(layer).current
    with _refusals(layer, stamp.community):
        conn.execute(delete(table).where(table.c.community == stamp.community, table.c.id == stamp.id))


def _lock(conn: Connection, layer: Layer, scope: Scope, identifier: str, conditions: Conditions) -> Locked:
    """Lock the feature and check the conditions: from here on its version is the one that they were compared with."""
    locked = lock_feature(conn, layer, scope, identifier)
    stamp = locked.stamp
    if conditions.match is None and scope.role in MUST_SAY_VERSION:
        raise ConditionNeededError(
            "请在 If-Match 请求头里写上读取时的 ETag,以免覆盖别人刚做的修改。",
            "Send the ETag that you read in If-Match, so that nobody's change is lost.",
        )
    if conditions.match is not None and not stamp.named_in(conditions.match):
        raise _changed_meanwhile(layer)
    if conditions.none_match is not None and stamp.named_in(conditions.none_match, weak=True):
        raise _changed_meanwhile(layer)
    return locked


def lock_feature(conn: Connection, layer: Layer, scope: Scope, identifier: str) -> Locked:
    """Lock a feature by its name, so that nobody else changes it until the transaction ends.

    Raises
    ------
    NotFoundError, OutsideScopeError
        When the scope doesn't reach it, or may not change it.
    ConflictError
        When several have the code.
    """
    table = tables_of(layer).current
    community, _, key = identifier.partition(".")
    same: ColumnElement[bool] = table.c.code == key
    with suppress(ValueError):
        same = or_(table.c.id == uuid.UUID(key), same)
    names = ["id", "version", "recorded_at", *(found.name for found in layer.fields)]
    query: Select[Any] = select(*(table.c[name] for name in names), func.ST_AsBinary(table.c.geom).label("shape"))
    query = query.where(and_(within(scope, table, layer.visibility), table.c.community == community, same))
    rows = conn.execute(query.with_for_update()).mappings().all()
    if not rows:
        # Who sees a row of a neighbouring grid is told that it isn't theirs; it is no secret that it exists.
        if conn.execute(query).first():
            raise _not_theirs(layer)
        raise missing_feature(layer, identifier)
    chosen = [row for row in rows if str(row["id"]) == key.lower()] or rows
    if len(chosen) > 1:
        raise ConflictError(
            f"编码 {key!r} 在几个网格里都有,无法确定是哪一个;请用要素的标识。",
            "Several features have this code; use the identifier.",
        )
    row = chosen[0]
    stamp = Stamp(community, row["id"], row["version"], row["recorded_at"])
    return Locked(stamp, {found.name: row[found.name] for found in layer.fields}, shapely.from_wkb(row["shape"]))


def _change(
    conn: Connection, layer: Layer, locked: Locked, values: Mapping[str, object], geometry: bytes | None
) -> Stamp:
    stamp = locked.stamp
    table = tables_of(layer).current
    if layer.name == "community" and values.get("code", stamp.community) != stamp.community:
        raise InputError(
            f"社区边界的编码就是社区代码 {stamp.community},不能改。", "The boundary's code is the community's own."
        )
    changed = _left_to_steps(layer, locked, values)
    with _refusals(layer, stamp.community):
        if geometry is not None and not _unmoved(locked.shape, shapely.from_wkb(geometry)):
            _refuse_outside(conn, stamp.community, geometry)
            changed |= _placed(bindparam(None, stamp.community, Text), bindparam(None, geometry, LargeBinary))
        if changed:
            conn.execute(
                update(table).where(table.c.community == stamp.community, table.c.id == stamp.id).values(changed)
            )
        return _stamp(conn, layer, stamp.community, stamp.id)


def _left_to_steps(layer: Layer, locked: Locked, values: Mapping[str, object]) -> dict[str, object]:
    """Return what may be written; raise InputError of fields that only a step of a flow changes."""
    by_step = [field for field in layer.fields if field.by_step and field.name in values]
    for field in by_step:
        if values[field.name] != locked.values[field.name]:
            raise InputError(
                f"“{field.title}”由办理步骤改变,不能直接改,没有写入任何内容;请用 POST /cases/{{案件}}/steps。",
                f"{field.name} changes by a step only; nothing was written. Use POST /cases/{{case}}/steps.",
            )
    kept = {field.name for field in by_step}
    return {name: value for name, value in values.items() if name not in kept}


def _run(conn: Connection, statement: Statement, given: Mapping[str, object]) -> CursorResult[Any]:
    """Run a statement that is kept as text: a phone's day is a hundred rows, each of forty columns."""
    sql, names = statement.plain
    return conn.exec_driver_sql(sql, tuple(statement.values(names, given)))


def _creation(layer: Layer) -> Insert:
    """Return the statement that adds a row; a field's value is the parameter ``new_`` and its name."""
    table = tables_of(layer).current
    home, shape = bindparam("home", type_=Text), bindparam("shape", type_=LargeBinary)
    values = {found.name: bindparam(f"new_{found.name}", type_=table.c[found.name].type) for found in layer.fields}
    key = {"community": home, "id": bindparam("identifier", type_=UUID)}
    return insert(table).values({**values, **_placed(home, shape), **key})


def _placed(community: BindParameter[str], geometry: BindParameter[bytes]) -> dict[str, object]:
    """Return the geometry and the grid that it lies in.

    Triggers keep the grid true anyway; given at once, it lets row-level security see where the row belongs, and
    spares history a second version.
    """
    shape = _shape(geometry)
    grids = tables_of(LAYERS["grid"]).current.c
    point = func.ST_PointOnSurface(shape)
    grid = (
        select(func.min(grids.code))
        .where(grids.community == community, grids.level == "governance")
        .where(grids.geom.op("&&")(point), func.ST_Covers(grids.geom, point))
        .scalar_subquery()
    )
    return {"geom": shape, "grid": grid}


def _shape(geometry: BindParameter[bytes]) -> ColumnElement[Any]:
    return func.ST_GeomFromEWKB(geometry)


def _refuse_outside(conn: Connection, community: str, geometry: bytes) -> None:
    """Refuse what doesn't touch the community's boundary, as uploads do."""
    metres = _run(conn, remembered("outside", _outside), {"home": community, "shape": geometry}).scalar()
    if metres is not None:
        raise InputError(
            f"位置在社区边界之外约 {metres:,.0f} 米,没有写入;请检查坐标、坐标系(Content-Crs)或社区代码。",
            f"The geometry lies {metres:.0f} m outside the community's boundary; nothing was written.",
        )


def _outside() -> Select[Any]:
    area, shape = tables_of(LAYERS["community"]).current.c, _shape(bindparam("shape", type_=LargeBinary))
    home = bindparam("home", type_=Text)
    touches = and_(area.geom.op("&&")(shape), func.ST_Intersects(area.geom, shape))
    # The distance costs far more than the question whether they touch, so only who is refused waits for it.
    away = case((touches, None), else_=func.ST_Distance(func.geography(area.geom), func.geography(shape)))
    return select(away).where(area.community == home, area.code == home)


def _unmoved(stored: Any, sent: Any) -> bool:
    """Return whether what came back is what was given out, which is rounded and winds areas by RFC 7946."""
    before, after = (shapely.orient_polygons(shape) for shape in (stored, sent))
    if before.geom_type != after.geom_type:
        return False
    if [len(part) for part in _rings(before)] != [len(part) for part in _rings(after)]:
        return False
    away = np.abs(shapely.get_coordinates(before) - shapely.get_coordinates(after))
    return bool(away.max(initial=0.0) <= _UNMOVED_DEG)


def _rings(shape: Any) -> list[Any]:
    """Return the coordinates of every point, line or ring of a geometry."""
    parts = shapely.get_parts(shape)
    lines = [ring for part in parts for ring in (shapely.get_rings(part) if part.geom_type == "Polygon" else [part])]
    return [shapely.get_coordinates(line) for line in lines]


def _stamp(conn: Connection, layer: Layer, community: str, identifier: uuid.UUID) -> Stamp:
    """Read the version back: triggers count it after the statement."""
    statement = remembered(("stamp", layer.name), lambda: _stamping(layer))
    row: Any = _run(conn, statement, {"home": community, "identifier": identifier}).one_or_none()
    # A grid's worker who moves a row out of their grid could not see it any more.
    if row is None:
        raise _not_theirs(layer)
    return Stamp(community, identifier, row[0], row[1])


def _stamping(layer: Layer) -> Select[Any]:
    table = tables_of(layer).current
    named = (table.c.community == bindparam("home", type_=Text), table.c.id == bindparam("identifier", type_=UUID))
    return select(table.c.version, table.c.recorded_at).where(*named)


@contextmanager
def _refusals(layer: Layer, community: str) -> Iterator[None]:
    """Turn what the database refuses into errors that betray no hidden row."""
    try:
        yield
    except IntegrityError as error:
        if _state(error) == "23505":
            raise ConflictError(
                f"图层“{layer.title}”里这个编码或标识已被占用,没有写入任何内容;请换一个编码。",
                "The code is taken; nothing was written.",
            ) from error
        if _state(error) == "23503":
            raise no_community(community) from error
        raise refused_by_database(layer, error) from error
    except DataError as error:
        raise InputError(
            "有的数值超出了数据库能存的范围,没有写入任何内容。", "A value is beyond what the database can hold."
        ) from error
    except ProgrammingError as error:
        if _state(error) != "42501":
            raise
        raise _not_theirs(layer) from error


def _state(error: IntegrityError | ProgrammingError) -> str:
    return str(getattr(error.orig, "sqlstate", ""))


def _not_theirs(layer: Layer) -> OutsideScopeError:
    return OutsideScopeError(
        f"图层“{layer.title}”的这个位置或要素不归您的网格管理,没有写入任何内容。",
        f"This place or feature of {layer.name} isn't yours to change; nothing was written.",
    )


def _changed_meanwhile(layer: Layer) -> ConditionFailedError:
    return ConditionFailedError(
        f"图层“{layer.title}”的这个要素已经不是您读到的样子,没有写入任何内容;请重新读取后再改。",
        "The feature isn't in the version that the request depends on; nothing was written. Read it again.",
    )
