"""What sheets, slides and workbooks are made of, read in one snapshot: the ground, the answers, and the figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from gis_service.analysis.answer import Answer
from gis_service.analysis.catalog import Analysis, refuse_partial
from gis_service.areas import Area, read_area
from gis_service.database import Database
from gis_service.errors import NotFoundError
from gis_service.overview import Overview, count_by_layer, read_overview
from gis_service.rules import rules_in_force
from gis_service.scope import Scope, partial_of
from gis_service.sheets.records import EVERY_GRID, Figure, SheetOrder, list_grids, read_versions


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that is drawn of one order, as of one moment.

    Attributes
    ----------
    rules
        Every threshold in force.
    grids
        Codes and names of the grids whose rows are among them.
    by_grid
        Answers about single grids, where the order is of grids and the analysis can be asked of one.
    areas, partial
        Whose rows these are, and what must be said where they aren't the whole community's.
    figures
        The numbers by which a sheet is compared with what is so today.
    """

    overview: Overview
    answer: Answer | None
    srid: int
    versions: dict[str, int]
    rules: tuple[tuple[str, float], ...]
    grids: Sequence[tuple[str, str]]
    areas: tuple[str, ...]
    partial: str
    by_grid: Mapping[str, Answer]
    figures: Sequence[Figure]

    def answer_for(self, grid: str | None) -> Answer | None:
        """Return what a sheet shows: the answer about its grid alone where there is one, else that about everything."""
        return self.by_grid.get(grid or "", self.answer)


def read_material(
    database: Database, scope: Scope, community: str, order: SheetOrder, analysis: Analysis | None,
    layers: Collection[str], fields: tuple[str, ...] | None, most: int,
) -> Material:  # fmt: skip
    """Read what an order shows of what the scope sees.

    Parameters
    ----------
    layers, fields, most
        Of the ground: its layers, the only fields to tell, and how many features of a layer are drawn one by one.

    Raises
    ------
    NotFoundError
        When the order is of a grid whose rows the scope doesn't see, or that there isn't.
    ForbiddenError
        When it is for outside, and the scope doesn't hold the whole community.
    """
    refuse_partial(scope, analysis, community)
    areas = scope.narrowed(community).areas
    with database.read(scope, past=order.past_of(community), snapshot=True) as conn:
        area, grids = read_area(conn, community), seen_grids(conn, scope, community)
        check_grid(order.grid, grids)
        overview = read_overview(conn, scope, community, layers=layers, names=fields, most=most)
        answer = _answer(conn, scope, area, analysis, order)
        alone = [code for code, _ in grids if order.grid in {code, EVERY_GRID} and analysis and analysis.by_grid]
        found = {code: _answer(conn, scope, area, analysis, order, code) for code in alone}
        by_grid = {code: one for code, one in found.items() if one is not None}
        return Material(
            overview=overview, answer=answer, srid=area.metric_srid, versions=read_versions(conn, community),
            rules=rules_in_force(conn, community), grids=grids, areas=areas, partial=partial_of(areas), by_grid=by_grid,
            figures=_figures(conn, scope, area, order, by_grid.get(order.grid or "", answer)),
        )  # fmt: skip


def read_figures_now(
    database: Database, scope: Scope, community: str, order: SheetOrder, analysis: Analysis | None
) -> list[Figure]:
    """Return the figures of an order as they are, without all that it would take to draw it.

    Raises
    ------
    NotFoundError
        When there is no such grid any more.
    """
    with database.read(scope, past=order.past_of(community), snapshot=True) as conn:
        area = read_area(conn, community)
        check_grid(order.grid, seen_grids(conn, scope, community))
        alone = order.grid if analysis and analysis.by_grid and order.grid != EVERY_GRID else None
        return _figures(conn, scope, area, order, _answer(conn, scope, area, analysis, order, alone))


def check_grid(grid: str | None, seen: Sequence[tuple[str, str]]) -> None:
    """Raise NotFoundError for a grid whose rows aren't seen: a sheet of it would tell of nothing but zeros."""
    if grid not in {None, EVERY_GRID, *(code for code, _ in seen)}:
        raise NotFoundError(f"没有网格 {grid},或不在您的范围内。", f"There is no grid {grid}.")


def seen_grids(conn: Connection, scope: Scope, community: str) -> list[tuple[str, str]]:
    """Return code and name of the governance grids whose rows the scope sees."""
    areas = scope.narrowed(community).areas
    partial = partial_of(areas)
    return [
        (code, name) for code, name in list_grids(conn, scope, community)
        if not partial or any(code.startswith(area) for area in areas)
    ]  # fmt: skip


def _answer(
    conn: Connection, scope: Scope, area: Area, analysis: Analysis | None, order: SheetOrder, alone: str | None = None
) -> Answer | None:
    """Return what the analysis answers; ``alone`` as to somebody who has one grid only."""
    if analysis is None:
        return None
    asked = scope if alone is None else Scope(scope.actor, scope.role, (alone,))
    return analysis.compute(conn, asked, area, on=order.day)


def _figures(conn: Connection, scope: Scope, area: Area, order: SheetOrder, answer: Answer | None) -> list[Figure]:
    if answer is not None:
        return [Figure(fact.title, fact.value, fact.unit) for fact in answer.facts]
    grid = None if order.grid == EVERY_GRID else order.grid
    counts = count_by_layer(conn, scope.narrowed(area.code), grid)
    return [Figure(layer.title, float(count), "个") for layer, count in counts.items()]
