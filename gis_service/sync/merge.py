"""Merging a change that was made offline: field by field against the version it was made on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.errors import InputError
from gis_service.features.properties import queryable
from gis_service.features.received import Changes, check_values
from gis_service.features.stamps import Stamp
from gis_service.features.transact import Locked, change_feature, lock_feature
from gis_service.scope import Scope
from layers.layer import Layer

GEOMETRY = "geometry"
_DAY_OF: Final = {"tenant_count": "tenant_count_as_of"}
"""Counts, and in which field their day is."""


@dataclass(frozen=True)
class Difference:
    """A field that two people gave different values since the version a change was made on."""

    field: str
    title: str
    base: Any
    present: Any
    mine: Any


@dataclass(frozen=True)
class Merged:
    """What became of a change: the feature's version now, the fields that were written, and those that clash."""

    stamp: Stamp
    written: tuple[str, ...]
    clashes: tuple[Difference, ...] = field(default_factory=tuple)


def merge_change(
    conn: Connection, layer: Layer, scope: Scope, feature: str, base: int | None, changes: Changes,
    *, before: Mapping[str, Any] | None = None, insist: bool = False, decided: Collection[str] | None = None,
    counted_on: date | None = None,
) -> Merged:  # fmt: skip
    """Write those fields of a change that nobody else has changed since its base; the others clash.

    Parameters
    ----------
    feature
        The feature's name: community, a dot, identifier or code.
    base
        The version that the change was made on; None where it isn't known.
    before
        What the phone showed of the fields: what still says that was changed by nobody whom they hadn't heard of.
    insist
        Whether the change is written whatever others did since: somebody decided so.
    decided
        The fields that they decided about; of the others nothing is written, since others may have gone on with what
        was written when the change arrived. None for all.
    counted_on
        When the counts among the changes were made; a count is worth what its day is, and takes it along.

    Raises
    ------
    NotFoundError, OutsideScopeError, ConflictError
        As writing a feature does.
    InputError
        When a value doesn't fit the layer.
    """
    locked = lock_feature(conn, layer, scope, feature)
    for name in changes.properties:
        if queryable(layer, name).by_step:
            raise InputError(
                f"“{layer.field(name).title}”由办理步骤改变,不能直接改。", f"{name} changes by a step only."
            )
    if decided is not None:
        changes = Changes(
            {name: value for name, value in changes.properties.items() if name in decided},
            changes.geometry if GEOMETRY in decided else None,
        )
    mine = _checked(layer, locked, changes.properties)
    if insist:
        clashes: list[Difference] = []
    else:
        shown, held = dict(before or {}), _base(conn, layer, locked.stamp, base) or {}
        clashes = [
            Difference(name, layer.field(name).title, held.get(name, shown.get(name)), locked.values[name], value)
            for name, value in mine.items()
            if locked.values[name] != value
            and not (_says(held, name, locked.values[name]) or _says(shown, name, locked.values[name]))
        ]
        if changes.geometry is not None and _moved_since(conn, layer, locked.stamp, base):
            clashes.append(Difference(GEOMETRY, "位置", None, None, None))
    clashing = {one.field for one in clashes}
    written = {name: value for name, value in changes.properties.items() if name not in clashing}
    geometry = None if GEOMETRY in clashing else changes.geometry
    different = {name: value for name, value in written.items() if mine[name] != locked.values[name]}
    if counted_on is not None:
        different |= _days_of(written, different, locked, counted_on)
    stamp = locked.stamp
    if different or geometry is not None:
        stamp = change_feature(conn, layer, locked, different, geometry)
    return Merged(stamp, (*different, *((GEOMETRY,) if geometry is not None else ())), tuple(clashes))


def _says(known: Mapping[str, Any], name: str, present: object) -> bool:
    """Return whether what somebody knew of a field is what it says now; JSON writes days as text."""
    return name in known and known[name] in (present, present.isoformat() if isinstance(present, date) else present)


def _days_of(
    written: Mapping[str, object], different: Mapping[str, object], locked: Locked, counted_on: date
) -> dict[str, str]:
    """Return the days of the counts that are written, and of those that stand already and were confirmed later."""
    found = {}
    for count, day in _DAY_OF.items():
        stood = locked.values.get(day)
        confirmed = count in written and (not isinstance(stood, date) or stood < counted_on)
        if day not in written and (count in different or confirmed):
            found[day] = counted_on.isoformat()
    return found


def _checked(layer: Layer, locked: Locked, properties: Mapping[str, object]) -> dict[str, object]:
    """Return the changed fields as their columns take them."""
    given = {**locked.values, **properties}
    checked = check_values(layer, {name: value for name, value in given.items() if value is not None}, properties)
    return {name: checked[name] for name in properties}


def _base(conn: Connection, layer: Layer, stamp: Stamp, version: int | None) -> dict[str, Any] | None:
    """Return the fields of a version; None where the history has none."""
    if version is None:
        return None
    names = ", ".join(one.name for one in layer.fields)
    row = conn.execute(
        text(
            f"select {names} from gis.{layer.name}_history where community = :community and id = :id"
            " and version = :version and operation <> 'delete' order by written_at desc limit 1"
        ),
        {"community": stamp.community, "id": stamp.id, "version": version},
    ).mappings().first()  # fmt: skip
    return None if row is None else dict(row)


def _moved_since(conn: Connection, layer: Layer, stamp: Stamp, version: int | None) -> bool:
    """Return whether somebody has moved a feature since a version, or may have, where it isn't known."""
    if version is None:
        return True
    moved = conn.execute(
        text(
            f"select not st_equals(t.geom, h.geom) from gis.{layer.name} t join gis.{layer.name}_history h"
            " on h.community = t.community and h.id = t.id where t.community = :community and t.id = :id"
            " and h.version = :version order by h.written_at desc limit 1"
        ),
        {"community": stamp.community, "id": stamp.id, "version": version},
    ).scalar()
    return moved is not False
