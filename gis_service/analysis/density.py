"""Density: people, rental units, enterprises and hazards per hectare, on the fixed lattice, by grid and by estate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas
import pandas as pd
import shapely
from sqlalchemy import (
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Text,
    case,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.frames import read_frame
from gis_service.analysis.lattice import Cell, Protected, cell_code, cell_shapes, protect
from gis_service.analysis.premises import GONE
from gis_service.analysis.themes import feature_collection
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope, within
from gis_service.tables import tables_of
from layers.field import Kind
from layers.layer import Layer
from layers.record import DataStatus
from layers.registry import LAYERS

_HA_M2 = 10_000.0


@dataclass(frozen=True)
class Measure:
    """What is counted: its title, its unit, the layer it is read from and the weight of a row."""

    name: str
    title: str
    unit: str
    layer: str
    weight: Callable[[FromClause], ColumnElement[Any]]
    breaks: tuple[float, ...]


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("residents", "常住人口", "人", "building", lambda rows: rows.c.resident_count, (10, 25, 50, 100, 200)),
        Measure("tenants", "租户", "人", "rental_unit", lambda rows: rows.c.tenant_count, (10, 25, 50, 100, 200)),
        Measure("rentals", "出租房(含未出租)", "户", "rental_unit", lambda _rows: literal(1), (5, 10, 20, 40, 80)),
        Measure(
            "enterprises", "企业", "家", "enterprise",
            lambda rows: cast(rows.c.status.not_in(GONE), Integer), (1, 2, 4, 8, 16),
        ),
        Measure(
            "hazards", "隐患(含已办结)", "起", "hazard",
            lambda rows: cast(rows.c.status.not_in(["rejected", "merged"]), Integer), (1, 2, 5, 10, 20),
        ),
    )
}  # fmt: skip
"""What the density maps count, with frozen bounds of classes per hectare: maps of two months may be compared."""

BEFORE = Measure(
    "tenants_before", "上期租户", "人", "rental_unit", lambda rows: rows.c.tenant_count_prev, MEASURES["tenants"].breaks
)
_CHANGE = (5.0, 25.0)
"""Bounds of change either way, persons per hectare (系统默认); below the first it counts as none."""
UNCOUNTED = Measure(
    "uncounted_before", "没有上期人数", "人", "rental_unit",
    lambda rows: case((rows.c.tenant_count_prev.is_(None), rows.c.tenant_count), else_=0), (),
)  # fmt: skip


def density(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return how dense each measure is, per hectare of the lattice's squares, of grids and of estates."""
    asked = scope.narrowed(area.code)
    rule = read_rules(conn, area.code)["privacy.lattice"]
    counts = read_counts(conn, asked, area, rule.value, tuple(MEASURES.values()))
    grids = read_frame(conn, asked, "grid", ["name"], srid=area.metric_srid)
    estates = read_frame(conn, asked, "estate", ["name"], srid=area.metric_srid)
    themes = [_cells_theme(counts, measure, rule.value, area.metric_srid) for measure in MEASURES.values()]
    zones = [
        _zones_theme("grids", "各网格", counts.by_zone("grid"), grids, estates),
        _zones_theme("estates", "各小区", counts.by_zone("estate"), estates, estates),
    ]
    totals = {name: counts.total(name) for name in MEASURES}
    facts = [
        Fact(measure.title, totals[name], measure.unit, theme=f"cells_{name}") for name, measure in MEASURES.items()
    ]
    net_ha = float(shapely.union_all(estates.geometry.array).area) / _HA_M2 if len(estates) else 0.0
    if net_ha:
        note = f"分母为小区净居住用地 {net_ha:,.1f} 公顷"
        facts.append(Fact("净居住密度(常住)", round(totals["residents"] / net_ha, 1), "人/公顷", note))
    return Answer(
        name="density",
        title="人口、租户、企业与隐患密度",
        community=area.code,
        on=on,
        srid=area.metric_srid,
        unit="人/公顷",
        finding=_finding(counts, "residents"),
        method=f"按固定 {rule.value:g} 米方格(每格 {rule.value**2 / _HA_M2:g} 公顷)统计,位置取要素的面上点;"
        "网格、小区的密度以其全部面积为分母,净密度以网格内小区用地为分母。",
        facts=tuple(facts),
        themes=(*themes, *zones),
        rules=(rule,),
        dated=False,
    )


def density_change(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return where tenants became more or fewer between the count before and the last one."""
    asked = scope.narrowed(area.code)
    rule = read_rules(conn, area.code)["privacy.lattice"]
    now = MEASURES["tenants"]
    counts = read_counts(conn, asked, area, rule.value, (BEFORE, now, UNCOUNTED))
    before, after, uncounted = (counts.total(one.name) for one in (BEFORE, now, UNCOUNTED))
    share = f"({(after - before) / before:+.1%})" if before else ""
    theme = _change_theme(counts, rule.value, area.metric_srid)
    return Answer(
        name="density_change",
        title="租户增减",
        community=area.code,
        on=on,
        srid=area.metric_srid,
        unit="人/公顷",
        finding=f"租户从 {before:,} 人变为 {after:,} 人,增减 {after - before:+,} 人{share}。"
        if before or after
        else "还没有租户人数,无法比较增减。",
        method="每个出租单元最近一次清点人数减去上期人数,按固定方格合计,除以方格面积;没有上期人数的单元按 0 计。",
        facts=(
            Fact("上期租户", before, "人"),
            Fact("本期租户", after, "人"),
            Fact("增减", after - before, "人", theme="change"),
            Fact("其中没有上期人数的", uncounted, "人", "本期租户所在单元上期没有清点;按 0 计,看起来都是增加"),
        ),
        themes=(theme,),
        rules=(rule,),
        dated=False,
    )


def public_density(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return counts of people that may leave the house: on the lattice only, small cells hidden with others.

    One set of hidden cells holds for all tables of the answer, so that neither totals nor the other date undo it; see
    ``lattice.protect``.
    """
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    side, k = rules["privacy.lattice"], rules["privacy.k"]
    published = (MEASURES["residents"], BEFORE, MEASURES["tenants"])
    counts = read_counts(conn, asked, area, side.value, published)
    tables = {measure.name: counts.by_cell(measure.name) for measure in published}
    protected = protect(tables, int(k.value))
    themes = [
        _public_theme(measure, tables[measure.name], protected, side.value, area.metric_srid) for measure in published
    ]
    hidden = len(protected.hidden)
    return Answer(
        name="public_density",
        title="对外人口密度(已做隐私处理)",
        community=area.code,
        on=on,
        srid=area.metric_srid,
        unit="人/公顷",
        finding=f"{len(_populated(tables))} 个有人居住的方格中,{hidden} 个因人数少于 {k.value:g} 或会被推算出来而隐去。"
        if _populated(tables)
        else "还没有人口数据,没有可以对外公布的方格。",
        method=f"只在固定 {side.value:g} 米方格上公布;任一张表里人数少于 {k.value:g} 的格,在所有表和两个时点都隐去,"
        f"并再隐去若干较小的格,使各表隐去的合计不少于 {k.value:g} 人且不止一格,用合计减去已公布数也推不出任何一格。",
        facts=tuple(
            Fact(measure.title, protected.totals[measure.name], "人", theme=f"cells_{measure.name}")
            for measure in published
        ),
        themes=tuple(themes),
        rules=(side, k),
        dated=False,
    )


class Counts:
    """Sums of measures: a frame with the columns measure, col, row, grid, estate and value, one row a combination."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def total(self, measure: str) -> int:
        """Return the sum of a measure over the community."""
        return int(self._of(measure)["value"].sum())

    def by_cell(self, measure: str) -> dict[Cell, int]:
        """Return the sum in each populated cell."""
        sums = self._of(measure).groupby(["col", "row"])["value"].sum()
        return {(int(col), int(row)): int(value) for (col, row), value in sums.items() if value > 0}

    def by_zone(self, zone: str) -> dict[str, dict[str, int]]:
        """Return for each zone, ``grid`` or ``estate``, the sums by measure."""
        sums = self.frame.dropna(subset=[zone]).groupby([zone, "measure"])["value"].sum()
        found: dict[str, dict[str, int]] = {}
        for (code, measure), value in sums.items():
            found.setdefault(str(code), {})[str(measure)] = int(value)
        return found

    def _of(self, measure: str) -> pd.DataFrame:
        return self.frame[self.frame["measure"] == measure]


def read_counts(conn: Connection, scope: Scope, area: Area, side_m: float, measures: tuple[Measure, ...]) -> Counts:
    """Return the measures summed in PostgreSQL: what comes back grows with the cells, not with the rows."""
    query = union_all(*(_sums(scope, area.metric_srid, side_m, measure) for measure in measures))
    names = ["measure", "col", "row", "grid", "estate", "value"]
    return Counts(pd.DataFrame(conn.execute(query).all(), columns=names))


def _sums(scope: Scope, srid: int, side_m: float, measure: Measure) -> Any:
    layer = LAYERS[measure.layer]
    rows = tables_of(layer).current.alias("counted")
    placed = (
        select(
            rows.c.grid,
            func.coalesce(measure.weight(rows), 0).label("weight"),
            _point(layer, rows).label("place"),
            rows.c.community,
        )
        .where(within(scope, rows, layer.visibility), rows.c.data_status != str(DataStatus.VOID))
        .subquery("placed")
    )
    metric = func.ST_Transform(placed.c.place, srid)
    estate = tables_of(LAYERS["estate"]).current.alias("zone")
    inside = (
        select(estate.c.code)
        .where(
            estate.c.community == placed.c.community,
            estate.c.geom.op("&&")(placed.c.place),
            func.ST_Covers(estate.c.geom, placed.c.place),
        )
        .order_by(estate.c.code)
        .limit(1)
        .lateral("inside")
    )
    col = cast(func.floor(func.ST_X(metric) / literal(side_m, Double)), Integer).label("col")
    row = cast(func.floor(func.ST_Y(metric) / literal(side_m, Double)), Integer).label("row")
    return (
        select(
            literal(measure.name, Text).label("measure"), col, row, placed.c.grid, inside.c.code.label("estate"),
            func.sum(placed.c.weight).label("value"),
        )
        .select_from(placed.outerjoin(inside, true()))
        .where(placed.c.weight > 0)
        .group_by("col", "row", placed.c.grid, inside.c.code)
    )  # fmt: skip


def _point(layer: Layer, rows: FromClause) -> ColumnElement[Any]:
    return rows.c.geom if layer.geometry == "POINT" else func.ST_PointOnSurface(rows.c.geom)


def _cells_frame(cells: Mapping[Cell, Mapping[str, Any]], side_m: float, srid: int) -> geopandas.GeoDataFrame:
    order = sorted(cells)
    frame = pd.DataFrame([cells[cell] for cell in order], index=[cell_code(cell) for cell in order])
    frame["cell"] = frame.index
    return geopandas.GeoDataFrame(frame, geometry=cell_shapes(order, side_m), crs=srid)


def _theme(
    name: str, title: str, frame: geopandas.GeoDataFrame, columns: tuple[Column, ...], classes: tuple[Class, ...],
    *, ramp: Ramp = Ramp.SEQUENTIAL, shown: bool = False,
) -> Theme:  # fmt: skip
    features = feature_collection(frame, columns) if len(frame) else '{"type":"FeatureCollection","features":[]}'
    return Theme(
        name, title, "MULTIPOLYGON", columns[0].name, columns, classes, ramp, features, len(frame),
        shown=shown, choice="areas",
    )  # fmt: skip


def _cells_theme(counts: Counts, measure: Measure, side_m: float, srid: int) -> Theme:
    breaks = Breaks(measure.breaks, f"{measure.unit}/公顷")
    found = counts.by_cell(measure.name)
    density_of = {cell: round(value / (side_m**2 / _HA_M2), 2) for cell, value in found.items()}
    keys = dict(zip(found, breaks.keys([density_of[cell] for cell in found]), strict=True))
    cells = {cell: {"value": value, "per_ha": density_of[cell], CLASS: keys[cell]} for cell, value in found.items()}
    columns = (
        Column("cell", "方格"),
        Column("value", measure.title, Kind.INTEGER, measure.unit),
        Column("per_ha", "密度", Kind.NUMBER, f"{measure.unit}/公顷"),
    )
    return _theme(
        f"cells_{measure.name}", f"{measure.title}密度(方格)", _cells_frame(cells, side_m, srid), columns,
        breaks.classes(), shown=measure.name == "residents",
    )  # fmt: skip


def _zones_theme(
    name: str,
    title: str,
    sums: Mapping[str, Mapping[str, int]],
    zones: geopandas.GeoDataFrame,
    estates: geopandas.GeoDataFrame,
) -> Theme:
    """Return zones with each measure's count, coloured by residents per hectare of the whole zone."""
    homes = shapely.union_all(estates.geometry.array) if len(estates) else shapely.Polygon()
    frame = zones.copy()
    area_ha = frame.geometry.area / _HA_M2
    net_ha = shapely.intersection(frame.geometry.array, homes)
    frame["area_ha"] = area_ha.round(2)
    for measure in MEASURES:
        frame[measure] = [sums.get(code, {}).get(measure, 0) for code in frame.index]
        frame[f"{measure}_per_ha"] = (frame[measure] / area_ha).round(2)
    net = shapely.area(net_ha) / _HA_M2
    frame["per_net_ha"] = [
        round(float(people) / float(land), 2) if land > 0.01 else None
        for people, land in zip(frame["residents"], net, strict=True)
    ]
    breaks = Breaks(MEASURES["residents"].breaks, "人/公顷")
    frame[CLASS] = breaks.keys(frame["residents_per_ha"].tolist())
    columns = (
        Column("name", "名称"),
        Column("per_net_ha", "常住人口净居住密度", Kind.NUMBER, "人/公顷"),
        Column("area_ha", "面积", Kind.NUMBER, "公顷"),
        *(
            column
            for one in MEASURES.values()
            for column in (
                Column(f"{one.name}_per_ha", f"{one.title}密度", Kind.NUMBER, f"{one.unit}/公顷"),
                Column(one.name, one.title, Kind.INTEGER, one.unit),
            )
        ),
    )
    return _theme(name, f"{title}密度", frame, columns, breaks.classes())


def _change_theme(counts: Counts, side_m: float, srid: int) -> Theme:
    before, after = counts.by_cell(BEFORE.name), counts.by_cell("tenants")
    breaks = Breaks(_CHANGE, "人/公顷")
    none, *more = (one.title for one in breaks.classes())
    titles = (*(f"减少 {title}" for title in more[::-1]), f"增减{none}", *(f"增加 {title}" for title in more))
    classes = tuple(Class(str(number), title) for number, title in enumerate(titles))
    ha = side_m**2 / _HA_M2
    cells = {}
    for cell in before.keys() | after.keys():
        change = after.get(cell, 0) - before.get(cell, 0)
        cells[cell] = {
            "before": before.get(cell, 0), "after": after.get(cell, 0), "change": change,
            CLASS: str(len(more) + (1 if change > 0 else -1) * int(breaks.keys([abs(change) / ha])[0])),
        }  # fmt: skip
    columns = (
        Column("cell", "方格"),
        Column("before", "上期租户", Kind.INTEGER, "人"),
        Column("after", "本期租户", Kind.INTEGER, "人"),
        Column("change", "增减", Kind.INTEGER, "人"),
    )
    frame = _cells_frame(cells, side_m, srid)
    return _theme("change", "租户增减(方格)", frame, columns, classes, ramp=Ramp.DIVERGING, shown=True)


def _populated(tables: Mapping[str, Mapping[Cell, int]]) -> set[Cell]:
    return {cell for table in tables.values() for cell in table}


HIDDEN = Class("hidden", "隐去(保护隐私)")


def _public_theme(measure: Measure, table: Mapping[Cell, int], protected: Protected, side_m: float, srid: int) -> Theme:
    breaks = Breaks(measure.breaks, "人/公顷")
    ha = side_m**2 / _HA_M2
    cells: dict[Cell, dict[str, Any]] = {cell: {"value": None, CLASS: HIDDEN.key} for cell in protected.hidden}
    for cell, value in table.items():
        if cell not in protected.hidden:
            cells[cell] = {"value": value, CLASS: breaks.keys([value / ha])[0]}
    columns = (Column("cell", "方格"), Column("value", measure.title, Kind.INTEGER, "人"))
    return _theme(
        f"cells_{measure.name}", f"{measure.title}密度(对外)", _cells_frame(cells, side_m, srid), columns,
        (*breaks.classes(), HIDDEN), shown=measure.name == "residents",
    )  # fmt: skip


def _finding(counts: Counts, measure: str) -> str:
    cells = counts.by_cell(measure)
    total = sum(cells.values())
    if not total:
        return "还没有人口数据:请先导入楼栋的常住人口。"
    densest = sorted(cells.values(), reverse=True)
    number = next(index for index in range(1, len(densest) + 1) if sum(densest[:index]) * 2 >= total)
    return (
        f"{total:,} 名常住人口住在 {len(cells)} 个方格里,一半集中在最密的 {number} 格;最密的一格有 {densest[0]:,} 人。"
    )
