"""What a sheet is drawn from: the map's ground, the answer of its analysis, and by what both can be traced."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.drawing import MOST_GROUND, answer_of, map_named, partial_of
from gis_service.analysis.answer import Answer
from gis_service.analysis.catalog import Analysis
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.errors import UnavailableError
from gis_service.overview import Overview, read_overview
from gis_service.scope import Scope
from gis_service.sheets.records import EVERY_GRID, Figure, SheetOrder, list_grids, read_versions
from maps.atlas import AtlasMap


@dataclass(frozen=True)
class Ground:
    """All that sheets of one order are drawn from, as of one moment.

    Attributes
    ----------
    grids
        Codes and names of the grids whose rows are among them.
    by_grid
        Answers about single grids, where the order is of grids and the analysis can be asked of one.
    areas, partial
        Whose rows these are, and what must be said where they aren't the whole community's.
    """

    entry: AtlasMap
    overview: Overview
    answer: Answer | None
    srid: int
    versions: dict[str, int]
    grids: Sequence[tuple[str, str]]
    areas: tuple[str, ...]
    partial: str
    by_grid: Mapping[str, Answer]

    def answer_for(self, grid: str | None) -> Answer | None:
        """Return what a sheet shows: the answer about its grid alone where there is one, else that about everything."""
        return self.by_grid.get(grid or "", self.answer)

    @property
    def digest(self) -> str:
        """What tells this ground from another: pages of a book that were drawn of the same are taken as they are."""
        rules = self.answer.rules if self.answer else ()
        parts = (self.versions, self.areas, rules, self.overview.name, self.overview.attributions, self.answer is None)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    @property
    def version(self) -> str:
        """One number for the data: the sum of the layers' versions, which grows with every change."""
        shown = [
            number for layer, number in self.versions.items()
            if layer in self.entry.ground or self.entry.analysis is not None
        ]  # fmt: skip
        return str(sum(shown)) if shown else ""

    def figures_for(self, grid: str | None) -> list[Figure]:
        """Return the figures by which a sheet is compared with what is so today."""
        answer = self.answer_for(grid)
        if answer is None:
            return [Figure(one.layer.title, float(one.count), "个") for one in self.overview.layers]
        return [Figure(fact.title, fact.value, fact.unit) for fact in answer.facts]


def read_ground(database: Database, scope: Scope, community: str, order: SheetOrder) -> Ground:
    """Read what an order's sheets show, of what the scope sees: all of it as of one moment.

    Raises
    ------
    UnavailableError
        When somebody writes so busily that no moment lasts as long as the reading does.
    """
    for _ in range(_TRIES):
        found = _read(database, scope, community, order)
        with database.read(scope, order.moment) as conn:
            if read_versions(conn, community) == found.versions:
                return found
    raise UnavailableError("有人正在大量改数据,出不了前后一致的图;请稍候再试。", "The data keep changing; try again.")


_TRIES = 4


def _read(database: Database, scope: Scope, community: str, order: SheetOrder) -> Ground:
    entry = map_named(order.name)
    with database.read(scope, order.moment) as conn:
        versions, grids = read_versions(conn, community), list_grids(conn, scope, community)
        srid = read_area(conn, community).metric_srid
        overview = read_overview(conn, scope, community, layers=entry.ground, names=entry.fields, most=MOST_GROUND)
    by_grid = _answers_by_grid(database, scope, community, entry.analysis, order, [code for code, _ in grids])
    answer = answer_of(database, scope, entry.analysis, community, order.day, order.moment) if entry.analysis else None
    areas = scope.narrowed(community).areas
    partial = partial_of(areas)
    seen = [(code, name) for code, name in grids if not partial or any(code.startswith(area) for area in areas)]
    return Ground(entry, overview, answer, srid, versions, seen, areas, partial, by_grid)


def _answers_by_grid(
    database: Database, scope: Scope, community: str, analysis: Analysis | None, order: SheetOrder,
    grids: Sequence[str],
) -> dict[str, Answer]:  # fmt: skip
    """Return what the analysis answers to somebody who has one grid only, for each grid that a sheet is asked of."""
    if analysis is None or not analysis.by_grid or order.grid is None:
        return {}
    wanted = [grid for grid in grids if order.grid in {grid, EVERY_GRID}]
    with database.read(scope, order.moment) as conn:
        area = read_area(conn, community)
        return {
            grid: analysis.compute(conn, Scope(scope.actor, scope.role, (grid,)), area, on=order.day)
            for grid in wanted
            if any(grid.startswith(own) for own in scope.areas)
        }
