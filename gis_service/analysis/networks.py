"""Wires and roads: how much hangs in the open in each grid, and what pavement was renewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import select
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.reconcile import quoted
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.areas import Area
from gis_service.scope import Scope
from gis_service.tables import REPORTED_TOTAL
from layers.catalog.road import RoadCondition, Surface
from layers.catalog.utility_line import Laying, LineState, UtilityKind
from layers.field import Kind

WIRES = (str(UtilityKind.POWER), str(UtilityKind.TELECOM))
OPEN = (str(Laying.OVERHEAD), str(Laying.WALL))
_GONE = (str(LineState.REMOVED), str(LineState.PLANNED))
_PER_GRID = Breaks((250.0, 500.0, 1000.0, 2000.0), "m")


def overhead_wires(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return power and telephone lines that hang in the open, and their length in each grid."""
    asked = scope.narrowed(area.code)
    read = ["kind", "laying", "state", "owner_unit", "grid"]
    lines = read_frame(conn, asked, "utility_line", read, srid=area.metric_srid)
    wires = lines[lines["kind"].isin(WIRES) & ~lines["state"].isin(_GONE)]
    hanging = wires[wires["laying"].isin(OPEN)].copy()
    hanging["length_m"] = [round(float(one), 1) for one in hanging.geometry.length]
    hanging[CLASS] = [_state(state) for state in hanging["state"]]
    grids = read_frame(conn, asked, "grid", ["name"], srid=area.metric_srid)
    grids["length_m"] = [round(one, 1) for one in length_within(hanging, grids)]
    told = wires[~wires["laying"].isin((None, str(Laying.UNKNOWN)))]
    total, all_m = float(hanging.geometry.length.sum()), float(told.geometry.length.sum())
    unknown_m = float(wires.geometry.length.sum()) - all_m
    messy = float(hanging[hanging[CLASS] != "in_use"].geometry.length.sum())
    share = percent(all_m - total, all_m)
    return Answer(
        name="overhead_wires", title="架空飞线", community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_wires_finding(wires, total, all_m, messy),
        method="强电和弱电中架空或沿墙明敷的线路,不含已拆除和规划的;长度由图形量出,按网格边界切开后合计,"
        "压在两个网格边界上的计入编码在前的网格,落在网格以外的不计入网格。入地率的分母是敷设方式已知的强弱电长度。",
        facts=(
            Fact("架空或明敷", round(total, 1), "m", f"{len(hanging)} 条", theme="wires"),
            Fact("飞线杂乱或废弃未拆", round(messy, 1), "m"),
            Fact("强弱电入地率", share, "%", "按长度"),
            Fact("敷设方式不明", round(unknown_m, 1), "m", "未计入入地率"),
        ),
        themes=(_wires_theme(hanging, grid_titles(conn, asked, area)), _wires_by_grid(grids)),
        dated=False,
    )  # fmt: skip


def length_within(lines: geopandas.GeoDataFrame, areas: geopandas.GeoDataFrame) -> list[float]:
    """Return for each area the metres of the lines that lie in it; along a border they are of the first."""
    left = np.array(lines.geometry.array, dtype=object)
    tree = shapely.STRtree(left)
    lengths = []
    for area in areas.geometry:
        near = tree.query(area, predicate="intersects")
        lengths.append(float(shapely.length(shapely.intersection(left[near], area)).sum()))
        left[near] = shapely.difference(left[near], area)
    return lengths


def _state(state: str) -> str:
    return str(state) if state in (LineState.TANGLED, LineState.IDLE) else "in_use"


def _wires_finding(wires: pd.DataFrame, total: float, all_m: float, messy: float) -> str:
    if not len(wires):
        return "还没有强电和弱电线路数据。"
    if not all_m:
        return f"{len(wires):,} 条强弱电线路的敷设方式都不详。"
    return (
        f"强弱电线路 {all_m:,.0f} m 中 {total:,.0f} m({100 * total / all_m:.1f}%)仍架空或沿墙明敷,"
        f"其中飞线杂乱或废弃未拆 {messy:,.0f} m。"
    )


def _wires_theme(hanging: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = hanging.assign(title=hanging.index)
    columns = (
        Column("title", "管线"),
        field_column("utility_line", "kind", "类型", filtered=True),
        field_column("utility_line", "laying", "敷设", filtered=True),
        Column("length_m", "长度", Kind.NUMBER, "m"),
        Column("owner_unit", "权属单位"),
        grid_column(grids),
    )
    classes = (Class("in_use", "在用"), Class("idle", "废弃未拆"), Class("tangled", "飞线杂乱"))
    return theme_of(
        frame, "wires", "架空或明敷线路", "MULTILINESTRING", "title", columns, classes, Ramp.SEVERITY,
    )  # fmt: skip


def _wires_by_grid(grids: geopandas.GeoDataFrame) -> Theme:
    frame = grids.assign(**{CLASS: _PER_GRID.keys(grids["length_m"].tolist())})
    columns = (Column("name", "网格"), Column("length_m", "架空或明敷", Kind.NUMBER, "m"))
    return theme_of(
        frame, "grids", "各网格长度", "MULTIPOLYGON", "name", columns, _PER_GRID.classes(), Ramp.SEQUENTIAL,
        shown=False,
    )  # fmt: skip


def road_renewal(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return roads by renewal and condition, and the renewed square metres against the reported total."""
    asked = scope.narrowed(area.code)
    read = ["name", "kind", "surface", "condition", "area_m2", "renewed_on", "grid"]
    roads = read_frame(conn, asked, "road", read, srid=area.metric_srid)
    roads[CLASS] = renewal_of(roads, on)
    roads["length_m"] = [round(float(one), 1) for one in roads.geometry.length]
    renewed = roads[roads[CLASS] == "renewed"]
    done_m2 = sum(float(one) for one in renewed["area_m2"] if one is not None)
    total = conn.execute(
        select(REPORTED_TOTAL.c.value, REPORTED_TOTAL.c.qualifier).where(
            REPORTED_TOTAL.c.community == area.code, REPORTED_TOTAL.c.measure == "road_renewed_area_m2"
        )
    ).first()
    against = f"上报 {quoted(float(total.value), total.qualifier)} m²" if total else "没有上报数"
    concrete, bad = (roads[roads[CLASS] == one] for one in ("concrete", "bad"))
    again = renewed[renewed["condition"].isin(_WORN)]
    progress = percent(done_m2, float(total.value)) if total else None
    return Answer(
        name="road_renewal", title="道路白改黑", community=area.code, on=on, srid=area.metric_srid, unit="m²",
        finding=_roads_finding(roads, renewed, done_m2, concrete, bad, against),
        method="已改造指计算日前登记了改造日期的路段,面积取工程登记的路面面积;长度由图形量出。"
        "未改造的先看是否破损,再看是否水泥路面。没有登记路面状况的按不详,不算破损。",
        facts=(
            Fact("已改造", round(done_m2, 1), "m²", f"{len(renewed)} 段;{against}", theme="roads",
                 where={CLASS: "renewed"}),
            Fact("完成上报数的", progress, "%", "" if progress is not None else "没有上报数"),
            Fact("改造后又破损", len(again), "段"),
            Fact("水泥路面,未改造", round(float(concrete.geometry.length.sum()), 1), "m", f"{len(concrete)} 段",
                 theme="roads", where={CLASS: "concrete"}),
            Fact("破损,未改造", round(float(bad.geometry.length.sum()), 1), "m", f"{len(bad)} 段",
                 theme="roads", where={CLASS: "bad"}),
        ),
        themes=(_roads_theme(roads, grid_titles(conn, asked, area)),),
    )  # fmt: skip


_WORN = (str(RoadCondition.POOR), str(RoadCondition.FAILED))


def renewal_of(roads: pd.DataFrame, on: date) -> list[str]:
    """Return the class of each road: renewed by ``on``, else bad, else concrete, else other."""
    return [
        "renewed" if renewed is not None and renewed <= on else "bad" if condition in _WORN
        else "concrete" if surface == Surface.CONCRETE else "other"
        for renewed, condition, surface in zip(roads["renewed_on"], roads["condition"], roads["surface"], strict=True)
    ]  # fmt: skip


def _roads_finding(
    roads: pd.DataFrame, renewed: pd.DataFrame, done_m2: float, concrete: pd.DataFrame, bad: pd.DataFrame, against: str
) -> str:
    if not len(roads):
        return "还没有道路数据。"
    return (
        f"{len(roads):,} 段道路中已改造 {len(renewed)} 段、{done_m2:,.0f} m²({against});"
        f"未改造的还有 {len(concrete)} 段水泥路面、{len(bad)} 段破损路面。"
    )


def _roads_theme(roads: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = roads[roads[CLASS] != "other"].copy()
    frame["title"] = titles_of(frame, "name")
    columns = (
        Column("title", "道路"),
        field_column("road", "kind", "等级", filtered=True),
        field_column("road", "surface", "路面", filtered=True),
        field_column("road", "condition", "状况", filtered=True),
        Column("renewed_on", "改造日期", Kind.DATE),
        Column("area_m2", "路面面积", Kind.NUMBER, "m²"),
        Column("length_m", "长度", Kind.NUMBER, "m"),
        grid_column(grids),
    )
    classes = (Class("renewed", "已改造"), Class("concrete", "水泥路面,未改造"), Class("bad", "破损,未改造"))
    return theme_of(
        frame, "roads", "道路改造", "MULTILINESTRING", "title", columns, classes, Ramp.CATEGORY,
    )  # fmt: skip
