"""What a sheet is drawn from: a map of the atlas, and its material; and by what both can be traced."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

from api.drawing import MOST_GROUND, map_named
from gis_service.database import Database
from gis_service.features.question import today
from gis_service.scope import Scope
from gis_service.sheets.material import Material, read_material
from gis_service.sheets.records import SheetOrder
from maps.atlas import AtlasMap


@dataclass(frozen=True, kw_only=True)
class Ground(Material):
    """The material of an order, and the map that it asks for."""

    entry: AtlasMap

    @property
    def digest(self) -> str:
        """What tells this ground from another: pages of a book that were drawn of the same are taken as they are."""
        parts = (
            self.versions, self.areas, self.rules, self.overview.name, self.overview.attributions, self.grids, today(),
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    @property
    def version(self) -> str:
        """One number for the data: the sum of the layers' versions, which grows with every change."""
        shown = [
            number for layer, number in self.versions.items()
            if layer in self.entry.ground or self.entry.analysis is not None
        ]  # fmt: skip
        return str(sum(shown)) if shown else ""


def read_ground(database: Database, scope: Scope, community: str, order: SheetOrder) -> Ground:
    """Read what an order's sheets show, of what the scope sees, as ``read_material`` does."""
    entry = map_named(order.name)
    found = read_material(
        database, scope, community, order, entry.analysis, entry.ground, entry.fields, MOST_GROUND
    )  # fmt: skip
    return Ground(entry=entry, **{one.name: getattr(found, one.name) for one in fields(found)})
