"""The versions of one feature: who wrote what and when, out of which file, and what it changed."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Text, and_, bindparam, func, or_, select
from sqlalchemy.engine import Connection

from gis_service.features.stamps import missing_feature
from gis_service.scope import Scope, within
from gis_service.tables import UPLOAD, tables_of
from layers.layer import Layer

_MOST = 500
_FILE = ("file_name", "sha256", "crs", "encoding", "reverts")


@dataclass(frozen=True)
class Version:
    """One version of a feature.

    Attributes
    ----------
    operation
        ``insert``, ``update`` or ``delete``.
    actor
        The account or programme that wrote it.
    upload
        The upload it came with (``id``, ``file_name``, ``sha256``, ``crs``, ``encoding``, ``reverts``), or None; None
        also for people of one grid, who don't see uploads.
    changes
        Field name to (before, after), for an update; the geometry's name is ``geom`` and its values are None.
    moved_m
        Metres between the points on the geometry before and after, None where it didn't change.
    """

    version: int
    operation: str
    recorded_at: datetime
    actor: str
    code: str
    upload: Mapping[str, Any] | None
    changes: Mapping[str, tuple[Any, Any]]
    moved_m: float | None


def feature_versions(conn: Connection, layer: Layer, scope: Scope, identifier: str) -> list[Version]:
    """Return the versions of a feature that the scope sees, the latest first; deleted features have versions too.

    Parameters
    ----------
    identifier
        ``community.uuid`` or ``community.code``; a code stands for whatever feature has had it.

    Raises
    ------
    NotFoundError
        When the scope sees no version of such a feature.
    """
    rows = conn.execute(_versions_of(layer, scope, identifier)).all()
    if not rows:
        raise missing_feature(layer, identifier)
    found = [_version(layer, row, before) for row, before in itertools.pairwise([*rows, None]) if row is not None]
    # A code may have had several features, one after the other.
    return sorted(found, key=lambda version: version.recorded_at, reverse=True)


def _versions_of(layer: Layer, scope: Scope, identifier: str) -> Select[Any]:
    history = tables_of(layer).history
    community, _, key = identifier.partition(".")
    own = history.alias("own")
    named = own.c.code == bindparam("key", key, Text)
    with suppress(ValueError):
        named = or_(named, own.c.id == uuid.UUID(key))
    ids = select(own.c.id).where(own.c.community == community, within(scope, own, layer.visibility), named)
    h = history.alias("h")
    upload = and_(UPLOAD.c.community == h.c.community, UPLOAD.c.id == h.c.upload)
    before = func.lag(h.c.geom).over(partition_by=h.c.id, order_by=(h.c.recorded_at, h.c.written_at))
    point, past = func.ST_PointOnSurface(h.c.geom), func.ST_PointOnSurface(before)
    metres = func.ST_Distance(func.geography(point), func.geography(past))
    return (
        select(
            *(column for column in h.c if column.name not in {"geom", "recorded_to"}),
            and_(before.is_not(None), h.c.geom.is_distinct_from(before)).label("moved"), metres.label("metres"),
            *(UPLOAD.c[name].label(f"upload_{name}") for name in _FILE),
        )
        .select_from(h.outerjoin(UPLOAD, upload))
        .where(h.c.community == community, within(scope, h, layer.visibility), h.c.id.in_(ids))
        .order_by(h.c.id, h.c.recorded_at.desc(), h.c.written_at.desc())
        .limit(_MOST)
    )  # fmt: skip


def _version(layer: Layer, row: Row[Any], before: Row[Any] | None) -> Version:
    found = row._mapping  # noqa: SLF001 - documented: a row by its columns' names.
    same = before is not None and before.id == row.id and row.operation == "update"
    past = before._mapping if before is not None and same else {}  # noqa: SLF001
    names = [*(field.name for field in layer.fields), "grid"]
    changes: dict[str, tuple[Any, Any]] = {
        name: (past[name], found[name]) for name in names if same and past[name] != found[name]
    }
    moved = bool(same and found["moved"])
    if moved:
        changes["geom"] = (None, None)
    upload = None
    # Whoever doesn't see the community's uploads isn't told which one it was.
    if found["upload_file_name"] is not None:
        upload = {"id": str(found["upload"]), **{name: found[f"upload_{name}"] for name in _FILE}}
        upload["reverts"] = upload["reverts"] and str(upload["reverts"])
    return Version(
        row.version, row.operation, row.recorded_at, row.recorded_by, row.code, upload, changes,
        round(float(found["metres"]), 2) if moved else None,
    )  # fmt: skip
