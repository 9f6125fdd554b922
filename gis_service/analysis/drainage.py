"""Mixed drainage (雨污混流): plots where rain and sewage run together, combined sewers, and open cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.premises import GONE
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.areas import Area
from gis_service.scope import Scope
from layers.catalog.enterprise_plot import Drainage
from layers.catalog.hazard import HazardCategory
from layers.field import Kind
from layers.flows import OVER
from layers.style import Marker

_PLOT = ["name", "address", "grid", "lessor", "drainage"]
_CASE = ["grid", "event_code", "category", "status", "found_on"]


def drainage(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return plots by their drainage, combined sewers, and open cases of drainage."""
    asked = scope.narrowed(area.code)
    grids = grid_titles(conn, asked, area)
    plots = read_frame(conn, asked, "enterprise_plot", _PLOT, srid=area.metric_srid)
    firms = read_frame(conn, asked, "enterprise", ["plot_code", "status"], srid=area.metric_srid)
    on_plot = firms[~firms["status"].isin(GONE)]["plot_code"].value_counts()
    plots["firms"] = [int(on_plot.get(code, 0)) for code in plots.index]
    plots[CLASS] = [str(one) if one else str(Drainage.UNCHECKED) for one in plots["drainage"]]
    lines = read_frame(conn, asked, "utility_line", ["kind", "grid"], srid=area.metric_srid)
    combined = lines[lines["kind"] == "combined"].copy()
    cases = read_frame(conn, asked, "hazard", _CASE, srid=area.metric_srid)
    cases = cases[(cases["category"] == str(HazardCategory.DRAINAGE)) & ~cases["status"].isin(OVER)].copy()
    cases["geometry"] = shapely.point_on_surface(cases.geometry.array)
    mixed, unchecked = (plots[plots[CLASS] == str(one)] for one in (Drainage.MIXED, Drainage.UNCHECKED))
    checked = len(plots) - len(unchecked)
    return Answer(
        name="drainage", title="雨污混流", community=area.code, on=on, srid=area.metric_srid, unit="个",
        finding=_finding(plots, mixed, unchecked, cases),
        method="按企业地块登记的排水情况;混流占比的分母是检查过的地块,没有登记的按未检查计。未办结案件为类别为雨污混流的隐患。",
        facts=(
            Fact("雨污混流地块", len(mixed), "个", theme="plots", where={CLASS: "mixed"}),
            Fact("混流占已检查", percent(len(mixed), checked), "%",
                 f"已检查 {checked:,} 个" if checked else "还没有检查过的地块"),
            Fact("未检查地块", len(unchecked), "个", theme="plots", where={CLASS: "unchecked"}),
            Fact("混流地块上的企业", int(mixed["firms"].sum()), "家"),
            Fact("雨污合流管", round(float(combined.geometry.length.sum()), 1), "m", theme="lines"),
            Fact("雨污混流未办结", len(cases), "起", theme="cases"),
        ),
        themes=(_plots_theme(plots, grids), _lines_theme(combined, grids), _cases_theme(cases, grids)), dated=False,
    )  # fmt: skip


def _finding(plots: pd.DataFrame, mixed: pd.DataFrame, unchecked: pd.DataFrame, cases: pd.DataFrame) -> str:
    if not len(plots):
        return f"还没有企业地块;雨污混流未办结 {len(cases):,} 起。" if len(cases) else "还没有企业地块,也没有排水隐患。"
    return (
        f"{len(plots):,} 个企业地块中 {len(mixed)} 个雨污混流、{len(unchecked)} 个未检查;"
        f"雨污混流未办结 {len(cases):,} 起。"
    )


def _plots_theme(plots: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = plots.copy()
    frame["title"] = titles_of(frame, "name", "address")
    columns = (
        Column("title", "地块"),
        Column("lessor", "出租方"),
        Column("firms", "企业", Kind.INTEGER, "家"),
        field_column("enterprise_plot", "drainage", "排水情况", filtered=True),
        grid_column(grids),
    )
    order = (Drainage.SEPARATED, Drainage.MIXED, Drainage.UNCHECKED)
    classes = tuple(Class(str(one), one.label) for one in order)
    return theme_of(
        frame, "plots", "企业地块", "MULTIPOLYGON", "title", columns, classes, Ramp.CATEGORY,
    )  # fmt: skip


def _lines_theme(combined: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = combined.copy()
    frame["title"] = frame.index
    frame["length_m"] = [round(float(length), 1) for length in frame.geometry.length]
    frame[CLASS] = "combined"
    columns = (
        Column("title", "管线"),
        Column("length_m", "长度", Kind.NUMBER, "m"),
        grid_column(grids),
    )
    return theme_of(
        frame, "lines", "雨污合流管", "MULTILINESTRING", "title", columns, (Class("combined", "雨污合流"),),
        Ramp.CATEGORY,
    )  # fmt: skip


def _cases_theme(cases: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = cases.copy()
    frame[CLASS] = "open"
    columns = (
        field_column("hazard", "event_code", "事件"),
        field_column("hazard", "status", "办理状态", filtered=True),
        Column("found_on", "发现日期", Kind.DATE),
        grid_column(grids),
    )
    return theme_of(
        frame, "cases", "雨污混流未办结", "POINT", "event_code", columns, (Class("open", "未办结", Marker.TRIANGLE),),
        Ramp.SEVERITY, marker=Marker.TRIANGLE, timed="found_on",
    )  # fmt: skip
