"""Illegal structures: what was pulled down, what still stands, and areas on the map against the reported ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import pandas as pd
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.catalog.illegal_structure import StructureStatus
from layers.field import Kind
from layers.rules import Rule
from layers.style import Marker

DOWN = (StructureStatus.SELF_DEMOLISHED, StructureStatus.DEMOLISHED, StructureStatus.REUSED)
"""Statuses of what stands no more."""
SETTLED = (StructureStatus.REGULARISED, StructureStatus.LEGAL)
"""Statuses of what stands lawfully."""
_READ = ["name", "address", "grid", "status", "kind", "area_reported_m2", "found_on", "demolished_on", "campaign"]


def illegal_structures(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return structures that stand and that were pulled down by ``on``, with both areas of each."""
    asked = scope.narrowed(area.code)
    rule = read_rules(conn, area.code)["illegal_structure.area_mismatch"]
    frame = measured(read_frame(conn, asked, "illegal_structure", _READ, srid=area.metric_srid), rule, on)
    grids = grid_titles(conn, asked, area)
    down, standing = frame[frame["state"] == "down"], frame[frame["state"] == "standing"]
    return Answer(
        name="illegal_structures", title="违建拆前拆后", community=area.code, on=on, srid=area.metric_srid, unit="m²",
        finding=_finding(frame, down, standing, rule),
        method="图上面积由图形在本社区的平面坐标系中量出;上报面积照登记。"
        f"两者相差超过上报面积的 {rule.value:g}{rule.unit}标为不符,请核对图形和台账。"
        "拆后指自行拆除、强制拆除、拆后利用;拆除日期晚于计算日期的仍算未拆;改正保留和不属违建的单列。",
        facts=_facts(frame, down, standing),
        themes=(
            _structures("standing", "未拆违建", standing, grids),
            _structures("down", "已拆违建", down, grids),
            _structures("settled", "改正保留或不属违建", frame[frame["state"] == "settled"], grids, shown=False),
            _outlines(frame),
        ),
        rules=(rule,),
    )  # fmt: skip


def measured(frame: geopandas.GeoDataFrame, rule: Rule, on: date) -> geopandas.GeoDataFrame:
    """Return the structures with ``area_m2`` from the geometry, ``gap`` in percent of the reported area, and ``state``.

    ``gap`` is None without a reported area; ``mismatch`` tells whether it exceeds the rule either way. ``state`` is
    down, standing or settled; what is to be pulled down after ``on`` still stands.
    """
    found = frame.copy()
    found["area_m2"] = [round(float(area_m2), 1) for area_m2 in found.geometry.area]
    found["gap"] = [
        round(100 * (area_m2 - reported) / reported, 1) if reported else None
        for area_m2, reported in zip(found.geometry.area, found["area_reported_m2"], strict=True)
    ]
    found["mismatch"] = [
        bool(reported) and abs(area_m2 - reported) > reported * rule.value / 100
        for area_m2, reported in zip(found.geometry.area, found["area_reported_m2"], strict=True)
    ]
    found["state"] = [
        "down" if status in DOWN and not (day and day > on) else "settled" if status in SETTLED else "standing"
        for status, day in zip(found["status"], found["demolished_on"], strict=True)
    ]
    found[CLASS] = ["mismatch" if one else "agrees" for one in found["mismatch"]]
    return found


def _finding(frame: pd.DataFrame, down: pd.DataFrame, standing: pd.DataFrame, rule: Rule) -> str:
    if not len(frame):
        return "还没有登记违建。"
    return (
        f"违建 {len(frame):,} 处中已拆 {len(down):,} 处、{down['area_m2'].sum():,.0f} m²,"
        f"未拆 {len(standing):,} 处、{standing['area_m2'].sum():,.0f} m²;"
        f"{int(frame['mismatch'].sum())} 处图上面积与上报相差超过 {rule.value:g}{rule.unit}。"
    )


def _facts(frame: pd.DataFrame, down: pd.DataFrame, standing: pd.DataFrame) -> tuple[Fact, ...]:
    def total(rows: pd.DataFrame, column: str) -> float | None:
        known = [float(value) for value in rows[column] if value is not None]
        return round(sum(known), 1) if known else None

    campaigns = [
        Fact(f"{campaign}:已拆(图上)", total(rows, "area_m2"), "m²",
             f"{len(rows)} 处,上报合计 {total(rows, 'area_reported_m2') or 0:,.1f} m²")
        for campaign, rows in down.groupby("campaign") if len(rows)
    ]  # fmt: skip
    unknown = sum(reported is None for reported in frame["area_reported_m2"])
    return (
        Fact("已拆", len(down), "处", theme="down"),
        Fact("已拆面积(图上)", total(down, "area_m2"), "m²"),
        Fact("已拆面积(上报)", total(down, "area_reported_m2"), "m²"),
        *campaigns,
        Fact("未拆", len(standing), "处", theme="standing"),
        Fact("未拆面积(图上)", total(standing, "area_m2"), "m²"),
        Fact("面积不符(未拆)", int(standing["mismatch"].sum()), "处", theme="standing", where={CLASS: "mismatch"}),
        Fact("面积不符(已拆)", int(down["mismatch"].sum()), "处", theme="down", where={CLASS: "mismatch"}),
        Fact("没有上报面积", unknown, "处"),
    )


def _structures(
    name: str, title: str, rows: geopandas.GeoDataFrame, grids: Mapping[str, str], *, shown: bool = True
) -> Theme:
    frame = rows.set_geometry(rows.geometry.representative_point())
    frame["title"] = titles_of(frame, "address", "name")
    frame["demolished"] = frame["demolished_on"]
    columns = (
        Column("title", "违建"),
        field_column("illegal_structure", "status", "状态", filtered=True),
        field_column("illegal_structure", "kind", "类型", filtered=True),
        Column("area_m2", "图上面积", Kind.NUMBER, "m²"),
        Column("area_reported_m2", "上报面积", Kind.NUMBER, "m²"),
        Column("gap", "相差", Kind.NUMBER, "%"),
        Column("demolished", "拆除日期", Kind.DATE),
        grid_column(grids),
    )
    # What stands is warned of in strong colours; what is gone keeps to those of little.
    ramp = Ramp.SEVERITY if name == "standing" else Ramp.REACH
    return theme_of(
        frame, name, title, "POINT", "title", columns, _CLASSES[name], ramp,
        timed="demolished" if name == "down" else None, shown=shown,
    )  # fmt: skip


def _outlines(frame: geopandas.GeoDataFrame) -> Theme:
    """Return the structures in their extent, which is seen from near; from afar their points stand for them."""
    rows = frame.assign(title=titles_of(frame, "address", "name"))
    rows[CLASS] = frame["state"]
    columns = (Column("title", "违建"), Column("area_m2", "图上面积", Kind.NUMBER, "m²"))
    classes = (Class("down", "已拆"), Class("standing", "未拆"), Class("settled", "保留"))
    return theme_of(
        rows, "outlines", "违建范围", "MULTIPOLYGON", "title", columns, classes, Ramp.CATEGORY,
    )  # fmt: skip


_CLASSES = {
    name: (Class("agrees", f"{word},面积相符", marker), Class("mismatch", f"{word},面积不符", Marker.DIAMOND))
    for name, word, marker in (
        ("standing", "未拆", Marker.TRIANGLE),
        ("down", "已拆", Marker.CIRCLE),
        ("settled", "保留", Marker.SQUARE),
    )
}
