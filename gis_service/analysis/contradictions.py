"""Contradictions between layers (疑点核查): records that can't all be right, each with what to check on site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.frames import grid_titles, read_frame, read_parts, titles_of, whole
from gis_service.analysis.homes import HOME_USES
from gis_service.analysis.premises import GONE
from gis_service.analysis.reconcile import reconcile
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.flows import OVER
from layers.registry import LAYERS
from layers.rules import Rule
from layers.style import Marker

Frames = Mapping[str, geopandas.GeoDataFrame]
Rules = Mapping[str, Rule]
OVERLAP = 0.1
"""Share of a parking area that a building may cover before it is doubted (系统默认)."""


@dataclass(frozen=True)
class Check:
    """One rule across layers: which records of ``layer`` contradict others, and what to look at.

    ``hits`` returns for each doubted code what was found, in Chinese.
    """

    code: str
    title: str
    layer: str
    advice: str
    hits: Callable[[Frames, Rules], dict[str, str]]


def _no_building(frames: Frames, _: Rules) -> dict[str, str]:
    known = set(frames["building"].index)
    of = frames["rental_unit"]["building_code"]
    return {
        code: f"楼栋编码 {building} 不在楼栋图层" if building else "没有楼栋编码"
        for code, building in of.items() if building not in known
    }  # fmt: skip


def _off_building(frames: Frames, rules: Rules) -> dict[str, str]:
    slack_m = rules["accuracy.c"].value
    shapes, units = frames["building"].geometry, frames["rental_unit"]
    found = {}
    for code, building, place in zip(units.index, units["building_code"], units.geometry, strict=True):
        if building in shapes.index and (metres := shapes[building].distance(place)) > slack_m:
            found[str(code)] = f"点位离所属楼栋 {metres:.0f} m"
    return found


def _tenants_without_letting(frames: Frames, _: Rules) -> dict[str, str]:
    units = frames["rental_unit"]
    return {
        str(code): f"登记为不在租,却有租户 {people} 人"
        for code, status, people in zip(units.index, units["rent_status"], units["tenant_count"], strict=True)
        if status != "let" and people
    }


def _more_registered(frames: Frames, _: Rules) -> dict[str, str]:
    units = frames["rental_unit"]
    return {
        str(code): f"登记 {registered} 人,清点 {people} 人"
        for code, registered, people in zip(units.index, units["registered_count"], units["tenant_count"], strict=True)
        if registered is not None and people is not None and registered > people
    }


def _above_the_roof(frames: Frames, _: Rules) -> dict[str, str]:
    floors, units = frames["building"]["floors"], frames["rental_unit"]
    found = {}
    for code, building, floor in zip(units.index, units["building_code"], units["floor"], strict=True):
        top = floors.get(building)
        if top is not None and floor is not None and floor > top:
            found[str(code)] = f"在 {floor} 层,楼栋只有 {top} 层"
    return found


def _standing(firms: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return firms[~firms["status"].isin(GONE)]


def _two_holders(frames: Frames, _: Rules) -> dict[str, str]:
    firms = _standing(frames["enterprise"])
    holders = firms[firms["occupancy"].isin(("owned", "lessor"))]["plot_code"].dropna().value_counts()
    plots = frames["enterprise_plot"].index
    return {
        str(code): f"{number} 家企业都登记为自有" for code, number in holders.items() if number > 1 and code in plots
    }


def _same_licence(frames: Frames, _: Rules) -> dict[str, str]:
    firms = _standing(frames["enterprise"])
    numbers = firms["uscc"].dropna().value_counts()
    return {
        str(code): f"与另外 {numbers[uscc] - 1} 家企业同一统一社会信用代码"
        for code, uscc in firms["uscc"].items() if uscc is not None and numbers[uscc] > 1
    }  # fmt: skip


def _parking_in_buildings(frames: Frames, _: Rules) -> dict[str, str]:
    shapes = np.asarray(frames["building"].geometry.array)
    tree = shapely.STRtree(shapes)
    found = {}
    for code, place in frames["parking"].geometry.items():
        over = shapes[tree.query(place, predicate="intersects")]
        if place.geom_type == "Point":
            inside = any(shape.contains(place) for shape in over)
            said = "点位落在楼栋内"
        else:
            # What touches or barely overlaps may be the survey's error, not a bay in a house.
            covered = shapely.union_all(over).intersection(place)
            share = covered.area / place.area if place.area else covered.length / place.length
            inside, said = share > OVERLAP, f"{share:.0%} 压在楼栋上"
        if inside:
            found[str(code)] = said
    return found


def _parking_on_fire_lanes(frames: Frames, rules: Rules) -> dict[str, str]:
    """Return the places that leave a fire lane narrower than ``fire_lane.width`` (m), each by itself.

    What is left is measured from the place to the far edge of the lane. A lane of unknown width has the least allowed.
    """
    roads = frames["road"]
    lanes = roads[np.array([one is True for one in roads["fire_lane"]], dtype=bool)]
    least_m = rules["fire_lane.width"].value
    halves = np.array([(width or least_m) / 2 for width in lanes["width_m"]])
    lines = np.asarray(lanes.geometry.array)
    tree = shapely.STRtree(lines)
    found = {}
    for code, place in frames["parking"].geometry.items():
        near = tree.query(place, predicate="dwithin", distance=float(halves.max(initial=0.0)))
        away_m = shapely.distance(lines[near], place)
        left_m = (halves[near] + away_m)[away_m < halves[near]]
        if left_m.min(initial=np.inf) < least_m:
            found[str(code)] = f"消防车通道只剩约 {left_m.min():.1f} m"
    return found


def _may_be_lived_in(houses: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which buildings have households or residents, or are homes of which neither number is known."""
    rows = zip(houses["household_local"], houses["resident_count"], houses["use"], strict=True)
    return np.array(
        [bool(local) or bool(people) or (local is None and people is None and use in HOME_USES)
         for local, people, use in rows], dtype=bool,
    )  # fmt: skip


def _waste_for_nobody(frames: Frames, rules: Rules) -> dict[str, str]:
    radius_m = rules["waste.radius_timed"].value
    houses = frames["building"]
    lived = houses[_may_be_lived_in(houses)]
    tree = shapely.STRtree(lived.geometry.array)
    points = frames["waste_point"]
    return {
        str(code): f"直线 {radius_m:g} m 内没有住户"
        for code, place in points[points["kind"] == "timed"].geometry.items()
        if not len(tree.query(place, predicate="dwithin", distance=radius_m))
    }


def _closed_with_open_cases(frames: Frames, _: Rules) -> dict[str, str]:
    firms, cases = frames["enterprise"], frames["hazard"]
    opened = cases[~cases["status"].isin(OVER)]["enterprise_code"].dropna().value_counts()
    return {
        str(code): f"已关闭,仍有 {opened[code]} 起隐患未办结"
        for code, status in firms["status"].items() if status == "closed" and code in opened
    }  # fmt: skip


CHECKS = (
    Check("V1", "出租房没有楼栋", "rental_unit", "核对楼栋编码,或补画楼栋", _no_building),
    Check("V2", "出租房不在所属楼栋", "rental_unit", "核对点位和楼栋编码", _off_building),
    Check("V3", "不在租却有租户", "rental_unit", "上门核实是否出租、住几人", _tenants_without_letting),
    Check("V4", "登记人数多于清点人数", "rental_unit", "核实搬离未注销的登记", _more_registered),
    Check("V5", "楼层高过楼栋层数", "rental_unit", "核对楼层,或有无加层", _above_the_roof),
    Check("V6", "一块地两家自有", "enterprise_plot", "查看权证,核实谁是承租方", _two_holders),
    Check("V7", "信用代码重复", "enterprise", "核对营业执照", _same_licence),
    Check("V8", "车位压在楼栋上", "parking", "现场核对车位或楼栋范围", _parking_in_buildings),
    Check("V9", "车位占消防车通道", "parking", "现场量净宽,移走或取消车位", _parking_on_fire_lanes),
    Check("V10", "投放点附近没有住户", "waste_point", "核对点位,或楼栋户数", _waste_for_nobody),
    Check("V11", "关闭企业仍有隐患", "enterprise", "核实企业是否仍在生产,办结或移交", _closed_with_open_cases),
)
"""Rules between layers in the order they are told; V12, the reported totals, has no place on a map."""
_READ = {
    "rental_unit": ["name", "address", "grid", "building_code", "rent_status", "tenant_count", "registered_count",
                    "floor"],
    "enterprise": ["name", "address", "grid", "plot_code", "occupancy", "status", "uscc"],
    "enterprise_plot": ["name", "address", "grid"],
    "parking": ["name", "grid"],
    "road": ["fire_lane", "width_m"],
    "waste_point": ["name", "grid", "kind"],
    "hazard": ["enterprise_code", "status"],
}  # fmt: skip
_HOUSE = ["name", "address", "grid", "floors", "household_local", "resident_count", "use"]
_RULES = ("accuracy.c", "fire_lane.width", "waste.radius_timed")


def contradictions(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return the records that contradict others, rule by rule, and the reported totals that the layers don't give."""
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    frames = {layer: read_frame(conn, asked, layer, names, srid=area.metric_srid) for layer, names in _READ.items()}
    frames["building"] = _houses(conn, asked, area, frames, rules)
    found = hits(frames, rules)
    totals = [row for row in reconcile(conn, scope, area.code) if row.result != "OK"]
    counts = found["rule"].value_counts()
    checks = tuple(
        Fact(f"{check.code} {check.title}", int(counts.get(check.code, 0)), "处", check.advice,
             theme="hits", where={"rule": check.code})
        for check in CHECKS
    )  # fmt: skip
    differs = ";".join(f"{row.title}:{row.note}" for row in totals)
    grids = grid_titles(conn, asked, area)
    rows = sum(len(frames[layer]) for layer in {check.layer for check in CHECKS})
    return Answer(
        name="contradictions", title="疑点核查", community=area.code, on=on, srid=area.metric_srid, unit="处",
        finding=_finding(rows, found, counts, len(totals)),
        method="图层之间互相矛盾的记录,只说有疑,不说谁对;核实后改正记录,疑点随之消失。"
        "V8 面积不足一成的压盖、V9 量车位到通道另一侧的净宽,对面也停车的未合计;"
        "V10 用直线距离,直线都到不了的步行也到不了。"
        "V12 上报总数与图层合计不符的只列不改。",
        facts=(*checks, Fact("V12 上报总数不符", len(totals), "项", differs)),
        themes=(_hits_theme(found, grids),),
        rules=tuple(rules[code] for code in _RULES),
        dated=False,
    )  # fmt: skip


def _houses(conn: Connection, asked: Scope, area: Area, frames: Frames, rules: Rules) -> geopandas.GeoDataFrame:
    """Return the buildings that a check looks at, so that a city's others pass by.

    They are those that rental units name, those that parking touches, and for each waste point one with a household
    in reach, where there is one.
    """
    named = set(frames["rental_unit"]["building_code"].dropna())
    bays = shapely.STRtree(frames["parking"].geometry.array)
    points = np.asarray(frames["waste_point"].geometry.array)
    radius_m = rules["waste.radius_timed"].value
    kept = []
    for part in read_parts(conn, asked, "building", _HOUSE, srid=area.metric_srid):
        shapes = np.asarray(part.geometry.array)
        wanted = part.index.isin(named)
        wanted[bays.query(shapes, predicate="intersects")[0]] = True
        lived = np.flatnonzero(_may_be_lived_in(part))
        house, point = shapely.STRtree(points).query(shapes[lived], predicate="dwithin", distance=radius_m)
        served, first = np.unique(point, return_index=True)
        wanted[lived[house[first]]] = True
        points = np.delete(points, served)
        kept.append(part[wanted])
    return whole(kept)


def hits(frames: Frames, rules: Rules) -> geopandas.GeoDataFrame:
    """Return each doubted record with its rule, what was found, what to check, and its layer as class."""
    rows, shapes = [], []
    for check in CHECKS:
        frame = frames[check.layer]
        titles = dict(zip(frame.index, titles_of(frame, *(name for name in ("name", "address") if name in frame)),
                          strict=True))  # fmt: skip
        for code, said in check.hits(frames, rules).items():
            rows.append({"title": titles[code], "rule": check.code, "said": said, "advice": check.advice,
                         "grid": frame["grid"][code], "code": code, CLASS: check.layer})  # fmt: skip
            shapes.append(shapely.point_on_surface(frame.geometry[code]))
    columns = ["title", "rule", "said", "advice", "grid", "code", CLASS]
    index = [f"{row['rule']}.{row['code']}" for row in rows]
    crs = frames["building"].crs
    return geopandas.GeoDataFrame(pd.DataFrame(rows, columns=columns, index=index), geometry=shapes, crs=crs)


def _finding(rows: int, found: pd.DataFrame, counts: pd.Series, totals: int) -> str:
    if not rows:
        return "还没有可以互相核对的记录。"
    if not len(found):
        return f"{rows:,} 条记录之间没有发现矛盾;{totals} 项上报总数与图层不符。"
    titles = {check.code: check.title for check in CHECKS}
    most = "、".join(f"{titles[str(code)]} {number} 处" for code, number in counts.head(3).items())
    return f"{rows:,} 条记录中 {len(found):,} 处互相矛盾,最多的是{most};另有 {totals} 项上报总数与图层不符。"


def _hits_theme(found: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    columns = (
        Column("title", "对象"),
        Column("rule", "规则", codes={check.code: f"{check.code} {check.title}" for check in CHECKS}, filtered=True),
        Column("said", "疑点"),
        Column("advice", "核查什么"),
        Column("code", "编码"),
        grid_column(grids),
    )
    classes = tuple(Class(layer, LAYERS[layer].title, marker) for layer, marker in _MARKERS.items())
    return theme_of(
        found, "hits", "疑点", "POINT", "title", columns, classes, Ramp.CATEGORY,
    )  # fmt: skip


_MARKERS = {
    "rental_unit": Marker.DIAMOND, "enterprise": Marker.SQUARE, "enterprise_plot": Marker.HEXAGON,
    "parking": Marker.TRIANGLE, "waste_point": Marker.CIRCLE,
}  # fmt: skip
