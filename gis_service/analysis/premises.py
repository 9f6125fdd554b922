"""Shared premises (厂中厂): plots on which firms rent from others, who lets to whom, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.areas import Area
from gis_service.scope import Scope
from layers.catalog.enterprise import BusinessStatus, Occupancy
from layers.field import Kind
from layers.style import Marker

TENANT = (str(Occupancy.TENANT), str(Occupancy.SUBLESSOR))
GONE = (str(BusinessStatus.CLOSED), str(BusinessStatus.MOVED))
"""Statuses of firms that are no longer there."""
_FIRM = [
    "name", "address", "grid", "plot_code", "building_code", "occupancy", "lessor_code", "status", "safety_agreement",
]  # fmt: skip
_PLOT = ["name", "address", "grid", "lessor", "lessor_code", "floor_area_m2", "let_area_m2", "last_unified_check_on"]
_TENANTS = Breaks((2.0, 4.0, 6.0), "家", least=1)


@dataclass(frozen=True)
class Letting:
    """Who lets to a tenant, and through how many hands: 1 from the holder's own lessor, 2 where that one rents too.

    ``lessor`` is a firm's code, or None where only the plot tells who lets; ``depth`` ends where a firm lets to itself.
    """

    tenant: str
    lessor: str | None
    depth: int


def premises(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return plots, buildings and firms of shared premises, and the lettings between firms."""
    asked = scope.narrowed(area.code)
    firms = read_frame(conn, asked, "enterprise", _FIRM, srid=area.metric_srid)
    firms = firms[~firms["status"].isin(GONE)].copy()
    plots = read_frame(conn, asked, "enterprise_plot", _PLOT, srid=area.metric_srid)
    grids = grid_titles(conn, asked, area)
    shared = shared_plots(plots, firms)
    crowded = tenants_by(firms, "building_code", least=2)
    columns = ["name", "address", "grid"]
    buildings = read_frame(conn, asked, "building", columns, srid=area.metric_srid, codes=crowded)
    lettings = lettings_of(firms, plots)
    tenants = firms[firms["occupancy"].isin(TENANT)]
    missing = unsigned(tenants)
    houses = buildings.loc[[code for code in crowded if code in buildings.index]].copy()
    houses["tenants"] = [crowded[code] for code in houses.index]
    return Answer(
        name="premises", title="厂中厂", community=area.code, on=on, srid=area.metric_srid, unit="家",
        finding=_finding(plots, shared, tenants, houses, missing),
        method="厂中厂:地块上有承租或承租并转租的企业,已关闭和搬走的不算。出租方依次取企业登记的出租方、地块登记的出租方;"
        "承租方再出租的算转租。一幢多家:同一幢楼里至少 2 家承租企业,为高风险。没有登记安全管理协议的按未签计。",
        facts=_facts(plots, shared, tenants, houses, missing, lettings, on),
        themes=(
            _plots_theme(shared, grids), _buildings_theme(houses, grids), _firms_theme(tenants, plots, lettings, grids),
            _lettings_theme(firms, lettings),
        ),
    )  # fmt: skip


def tenants_by(firms: pd.DataFrame, column: str, *, least: int = 1) -> dict[str, int]:
    """Return for each value of a column the number of firms that rent there, where it is at least ``least``."""
    counts = firms[firms["occupancy"].isin(TENANT)][column].dropna().value_counts()
    return {str(code): int(number) for code, number in counts.items() if number >= least}


def unsigned(firms: pd.DataFrame) -> pd.DataFrame:
    """Return the firms of which no safety agreement is recorded as signed."""
    return firms.loc[np.array([signed is not True for signed in firms["safety_agreement"]], dtype=bool)]


def shared_plots(plots: geopandas.GeoDataFrame, firms: pd.DataFrame) -> geopandas.GeoDataFrame:
    """Return the plots with tenants: their number, those that sublet, and those without a safety agreement."""
    tenants = firms[firms["occupancy"].isin(TENANT)]
    number = tenants_by(firms, "plot_code")
    without = tenants_by(unsigned(firms), "plot_code")
    found = plots.loc[[code for code in plots.index if code in number]].copy()
    found["tenants"] = [number[code] for code in found.index]
    found["unsigned"] = [without.get(code, 0) for code in found.index]
    sublet = tenants[tenants["occupancy"] == str(Occupancy.SUBLESSOR)]["plot_code"].value_counts()
    found["sublet"] = [int(sublet.get(code, 0)) for code in found.index]
    return found


def lettings_of(firms: pd.DataFrame, plots: pd.DataFrame) -> list[Letting]:
    """Return for each tenant who lets to it; a firm that rents and lets makes the chain one longer."""
    holder = {code: lessor for code, lessor in plots["lessor_code"].items() if lessor is not None}
    lessors: dict[str, str | None] = {}
    for firm in firms[firms["occupancy"].isin(TENANT)].itertuples():
        lessors[str(firm.Index)] = firm.lessor_code or holder.get(firm.plot_code)
    return [Letting(code, lessor, _depth(code, lessors)) for code, lessor in lessors.items()]


def _depth(code: str, lessors: Mapping[str, str | None]) -> int:
    seen = {code}
    lessor = lessors[code]
    # Registers contain firms that let to each other; the chain ends where it would begin anew.
    while lessor is not None and lessor not in seen and lessor in lessors:
        seen.add(lessor)
        lessor = lessors[lessor]
    return len(seen)


def _finding(
    plots: pd.DataFrame, shared: pd.DataFrame, tenants: pd.DataFrame, houses: pd.DataFrame, missing: pd.DataFrame
) -> str:
    if not len(plots):
        return "还没有企业地块,无法判断厂中厂。"
    if not len(tenants):
        return f"{len(plots):,} 个企业地块上没有登记承租企业。"
    return (
        f"{len(plots):,} 个企业地块中 {len(shared)} 个是厂中厂,承租企业 {len(tenants)} 家;"
        f"{len(houses)} 幢厂房里有多家承租,{len(missing)} 家没有安全管理协议。"
    )


def _facts(
    plots: pd.DataFrame, shared: pd.DataFrame, tenants: pd.DataFrame, houses: pd.DataFrame, missing: pd.DataFrame,
    lettings: list[Letting], on: date,
) -> tuple[Fact, ...]:  # fmt: skip
    checked = shared["last_unified_check_on"].dropna() if len(shared) else []
    year = sum((on - day).days <= 365 for day in checked)
    unknown = sum(letting.lessor is None for letting in lettings)
    let = [area_m2 for area_m2 in plots["let_area_m2"] if area_m2]
    return (
        Fact("厂中厂地块", len(shared), "个", f"企业地块共 {len(plots):,} 个", theme="plots"),
        Fact("承租企业", len(tenants), "家", theme="firms"),
        Fact("未签安全管理协议", len(missing), "家", theme="firms", where={CLASS: "unsigned"}),
        Fact("一幢多家承租", len(houses), "幢", "单幢分割分层,高风险", theme="buildings"),
        Fact(
            "转租(经二房东及以上)",
            sum(letting.depth > 1 for letting in lettings),
            "家",
            theme="lettings",
            where={CLASS: "sub"},
        ),
        Fact("不知出租方", unknown, "家", "企业和地块都没有登记出租方"),
        Fact("一年内做过统一检查的厂中厂地块", year, "个"),
        Fact("登记出租面积", round(float(sum(let)), 1) if let else None, "m²", "" if let else "没有登记"),
    )


def _plots_theme(shared: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = shared.copy()
    frame["title"] = titles_of(frame, "name", "address")
    frame[CLASS] = _TENANTS.keys(frame["tenants"].tolist())
    frame["checked"] = frame["last_unified_check_on"]
    columns = (
        Column("title", "地块"),
        Column("lessor", "出租方"),
        Column("tenants", "承租企业", Kind.INTEGER, "家"),
        Column("unsigned", "未签安全协议", Kind.INTEGER, "家"),
        Column("let_area_m2", "出租面积", Kind.NUMBER, "m²"),
        Column("checked", "最近统一检查", Kind.DATE),
        grid_column(grids),
    )
    return theme_of(
        frame, "plots", "厂中厂地块", "MULTIPOLYGON", "title", columns, _TENANTS.classes(), Ramp.SEQUENTIAL,
    )  # fmt: skip


def _buildings_theme(houses: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = houses.copy()
    frame["title"] = titles_of(frame, "address", "name")
    frame[CLASS] = "shared"
    columns = (
        Column("title", "厂房"),
        Column("tenants", "承租企业", Kind.INTEGER, "家"),
        grid_column(grids),
    )
    return theme_of(
        frame, "buildings", "一幢多家承租", "MULTIPOLYGON", "title", columns, (Class("shared", "一幢多家承租"),),
        Ramp.SEVERITY,
    )  # fmt: skip


def _firms_theme(
    tenants: geopandas.GeoDataFrame, plots: pd.DataFrame, lettings: list[Letting], grids: Mapping[str, str]
) -> Theme:
    frame = tenants.copy()
    depth = {letting.tenant: letting.depth for letting in lettings}
    frame["title"] = titles_of(frame, "name", "address")
    names = dict(zip(plots.index, titles_of(plots, "name", "address"), strict=True))
    frame["plot"] = [names.get(code, code) for code in frame["plot_code"]]
    frame["depth"] = [depth[code] for code in frame.index]
    frame[CLASS] = ["signed" if signed is True else "unsigned" for signed in frame["safety_agreement"]]
    columns = (
        Column("title", "承租企业"),
        Column("plot", "地块"),
        field_column("enterprise", "occupancy", "用房方式", filtered=True),
        Column("depth", "租赁层数", Kind.INTEGER, "层"),
        grid_column(grids),
    )
    classes = (Class("signed", "已签安全协议", Marker.CIRCLE), Class("unsigned", "未签或不知", Marker.TRIANGLE))
    return theme_of(
        frame, "firms", "承租企业", "POINT", "title", columns, classes, Ramp.SEVERITY,
    )  # fmt: skip


def _lettings_theme(firms: geopandas.GeoDataFrame, lettings: list[Letting]) -> Theme:
    """Return a line from each lessor to its tenant, where both stand in the register."""
    known = [letting for letting in lettings if letting.lessor in firms.index and letting.lessor != letting.tenant]
    names = dict(zip(firms.index, titles_of(firms, "name", "address"), strict=True))
    points = {code: shapely.get_coordinates(shape)[0] for code, shape in firms.geometry.items()}
    lines = [shapely.multilinestrings([[points[str(one.lessor)], points[one.tenant]]]) for one in known]
    frame = geopandas.GeoDataFrame(
        {
            "tenant": [names[one.tenant] for one in known], "lessor": [names[str(one.lessor)] for one in known],
            CLASS: np.where([one.depth > 1 for one in known], "sub", "first"),
        },
        geometry=lines, index=[one.tenant for one in known], crs=firms.crs,
    )  # fmt: skip
    columns = (Column("tenant", "承租企业"), Column("lessor", "出租方"))
    classes = (Class("first", "直接承租"), Class("sub", "转租"))
    return theme_of(
        frame, "lettings", "租赁关系", "MULTILINESTRING", "tenant", columns, classes, Ramp.SEVERITY,
    )  # fmt: skip
