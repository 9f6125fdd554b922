"""What a sheet is drawn from: the map's ground, the answer of its analysis, and by what both can be traced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.drawing import MOST_GROUND, answer_of, map_named
from gis_service.analysis.answer import Answer
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.overview import Overview, read_overview
from gis_service.scope import Scope
from gis_service.sheets.records import Figure, SheetOrder, list_grids, read_versions
from maps.atlas import AtlasMap

EXPORT_JOB = "export"


@dataclass(frozen=True)
class Ground:
    """All that sheets of one order are drawn from, as of one moment."""

    entry: AtlasMap
    overview: Overview
    answer: Answer | None
    srid: int
    versions: dict[str, int]
    grids: Sequence[tuple[str, str]]

    @property
    def version(self) -> str:
        """One number for the data: the sum of the layers' versions, which grows with every change."""
        shown = [
            number for layer, number in self.versions.items()
            if layer in self.entry.ground or self.entry.analysis is not None
        ]  # fmt: skip
        return str(sum(shown)) if shown else ""

    @property
    def figures(self) -> list[Figure]:
        """The figures by which a sheet is compared with what is so today."""
        if self.answer is None:
            return [Figure(one.layer.title, float(one.count), "个") for one in self.overview.layers]
        return [Figure(fact.title, fact.value, fact.unit) for fact in self.answer.facts]


def read_ground(database: Database, scope: Scope, community: str, order: SheetOrder) -> Ground:
    """Read what an order's sheets show, of what the scope sees."""
    entry = map_named(order.name)
    with database.read(scope) as conn:
        srid = read_area(conn, community).metric_srid
        versions, grids = read_versions(conn, community), list_grids(conn, scope, community)
        overview = read_overview(conn, scope, community, layers=entry.ground, names=entry.fields, most=MOST_GROUND)
    answer = answer_of(database, scope, entry.analysis, community, order.day) if entry.analysis else None
    return Ground(entry, overview, answer, srid, versions, grids)
