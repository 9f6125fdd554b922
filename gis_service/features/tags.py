"""Entity tags made of layer versions: an answer's tag changes when what it stands on may have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

from sqlalchemy import Select, Text, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.engine import Connection

from gis_service.scope import Scope, values_of, within
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import LAYER_VERSION
from layers.layer import Layer
from layers.registry import LAYERS


def versions_of(layers: Iterable[Layer], scope: Scope) -> Asked:
    """Return the statement that reads the versions of layers; ``tag_of`` makes a tag of what it answers."""
    statement = remembered(("versions", scope.shape), lambda: _versions(scope))
    return statement, {**values_of(scope), "layers": _names(layers)}


def _names(layers: Iterable[Layer]) -> str:
    # One text travels for half of what a list costs.
    return ",".join(layer.name for layer in layers)


def tag_of(rows: Rows, layers: Iterable[Layer], scope: Scope, *parts: str) -> str:
    """Return an entity tag that changes with any of the layers, the scope, the programme or the further ``parts``.

    The moment of the last change is hashed beside the counter, so that a restored or a fresh database, which counts
    from the same numbers, never answers with another one's tag. Versions are read before the data, so a tag may be
    older than what it stands on, never newer: at worst a client asks once more.
    """
    said = "|".join([declaration_version(), scope.key(), *(layer.name for layer in layers), *parts])
    versions = rows[0][0] or b""
    found = said.encode() + (versions if isinstance(versions, bytes) else versions.encode())
    return '"' + hashlib.sha256(found).hexdigest()[:32] + '"'


def read_etag(conn: Connection, layers: Iterable[Layer], scope: Scope, *parts: str) -> str:
    """Return the tag of layers read through a connection."""
    listed = list(layers)
    rows = [tuple(row) for row in conn.execute(_versions(scope), {"layers": _names(listed)})]
    return tag_of(rows, listed, scope, *parts)


def _versions(scope: Scope) -> Select[tuple[str]]:
    row = LAYER_VERSION.c
    said = func.concat_ws("/", row.community, row.layer, row.version, row.changed_at)
    listed = func.string_agg(said, aggregate_order_by(literal_column("'|'"), row.community, row.layer))
    return (
        select(listed)
        .where(within(scope, LAYER_VERSION, "community"))
        .where(row.layer == func.any(func.string_to_array(bindparam("layers", type_=Text), ",", type_=ARRAY(Text))))
    )


@cache
def declaration_version() -> str:
    """Return a digest of all declarations: styles, codes and fields show in what is drawn."""
    said = [f"{layer.title}{layer.style}{layer.fields}" for layer in LAYERS.values()]
    return hashlib.sha256("|".join(said).encode()).hexdigest()[:12]
