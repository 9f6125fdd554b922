"""The extents of layers within a scope, computed once for each version of a layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from gis_service.features.question import Question
from gis_service.features.select import conditions, rows_of
from gis_service.features.tags import versions_of
from gis_service.reader import Reader
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from layers.layer import Layer

Extent = tuple[float, float, float, float]
"""(west, south, east, north) in degrees."""
REMEMBERED = 4096


class Extents:
    """Extents of layers: every client asks for all of them when it connects, and each costs a walk over its layer."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: OrderedDict[tuple[str, str], tuple[str, Extent | None]] = OrderedDict()

    async def read(self, scope: Scope, layers: Sequence[Layer]) -> list[Extent | None]:
        """Return the extent of each layer in degrees, None for one without a feature."""
        # Versions come before the extents, so that what is remembered is never taken for newer than it is.
        now = _by_layer((await self._reader.ask(scope, versions_of(layers, scope)))[0], layers)
        changed = [layer for layer in layers if self._version(scope, layer) != now[layer.name]]
        if changed:
            answers = await self._reader.ask(scope, *(_extent_of(layer, scope) for layer in changed))
            for layer, rows in zip(changed, answers, strict=True):
                self._known[scope.key(), layer.name] = now[layer.name], _read_extent(rows)
        found = [self._known[scope.key(), layer.name][1] for layer in layers]
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def around(self, scope: Scope, layers: Sequence[Layer]) -> Extent | None:
        """Return the extent that holds all of some layers, None while they are empty."""
        found = [extent for extent in await self.read(scope, layers) if extent is not None]
        if not found:
            return None
        west, south, east, north = zip(*found, strict=True)
        return min(west), min(south), max(east), max(north)

    def _version(self, scope: Scope, layer: Layer) -> str | None:
        key = (scope.key(), layer.name)
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key][0]


def _by_layer(rows: Rows, layers: Sequence[Layer]) -> dict[str, str]:
    """Return what ``versions_of`` says of each layer; nothing for one that was never written to."""
    found = {layer.name: "" for layer in layers}
    for said in (rows[0][0] or b"").decode().split("|"):
        if said:
            found[said.split("/")[1]] += f"|{said}"
    return found


def _extent_of(layer: Layer, scope: Scope) -> Asked:
    def build() -> Select[Any]:
        rows = rows_of(layer, Question())
        wanted = conditions(layer, rows, scope, Question())
        box = select(func.ST_Extent(rows.c.geom).label("b")).where(wanted).subquery("box")
        return select(func.ST_XMin(box.c.b), func.ST_YMin(box.c.b), func.ST_XMax(box.c.b), func.ST_YMax(box.c.b))

    return remembered(("extent", layer.name, scope.shape), build), values_of(scope)


def _read_extent(rows: Rows) -> Extent | None:
    west, south, east, north = rows[0]
    return None if west is None else (west, south, east, north)
