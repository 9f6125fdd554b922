"""Coverage: which homes reach a waste point, hydrant, charger, parking place or service station on foot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.siting import Sites, most_covering, without_dominated
from gis_service.analysis.streets import Network, Snapped, nearest, snap, within
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.analysis.walking import read_walk
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.field import Kind
from layers.layer import Layer
from layers.registry import LAYERS
from layers.rules import Rule
from layers.style import Marker

HOME_USES = ("10", "11", "12", "13")
"""Uses of a building in which people live (GB/T 17986.1)."""
MOST_SITES = 5
_MOST_CANDIDATES = 1500


@dataclass(frozen=True)
class Group:
    """Facilities with one radius: their layer, which rows are meant, the rule, and a word where there are several."""

    layer: str
    column: str
    kinds: tuple[str, ...]
    rule: str
    word: str = ""


@dataclass(frozen=True)
class Facility:
    """What is to be reached: the word for it, and its groups; a home is covered by any of them."""

    name: str
    title: str
    word: str
    groups: tuple[Group, ...]


_SERVICES = ("party_centre", "veterans", "tongxin", "charity", "culture_hall", "grid_station", "elderly")
_BAYS = ("roadside", "estate", "public", "temporary", "parking")
FACILITIES: dict[str, Facility] = {
    one.name: one
    for one in (
        Facility("waste_coverage", "垃圾投放点覆盖", "垃圾投放点", (
            Group("waste_point", "kind", ("timed",), "waste.radius_timed", "定时定点"),
            Group("waste_point", "kind", ("missed",), "waste.radius_point", "误时投放"),
        )),
        Facility("hydrant_coverage", "消火栓覆盖", "消火栓", (
            Group("facility", "kind", ("hydrant",), "hydrant.radius"),
        )),
        Facility("charging_coverage", "电动自行车充电覆盖", "电动自行车充电点", (
            Group("facility", "kind", ("charging",), "charging.radius"),
        )),
        Facility("parking_coverage", "停车场地覆盖", "停车场地", (
            Group("parking", "kind", _BAYS, "parking.radius_residents"),
        )),
        Facility("service_coverage", "便民服务覆盖", "服务站点", (
            Group("facility", "kind", _SERVICES, "service.radius"),
        )),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """For each home the metres to its nearest facility (``inf`` without a way), its number, and whether covered."""

    metres: NDArray[np.float64]
    which: NDArray[np.int64]
    covered: NDArray[np.bool_]


def coverage_of(facility: Facility) -> Callable[..., Answer]:
    """Return the analysis of one kind of facility."""

    def coverage(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
        """Return which homes are within reach, who is left out, and where the next facility would reach most."""
        return _answer(conn, scope.narrowed(area.code), area, facility, on)

    return coverage


def reach(network: Network, homes: Snapped, facilities: Mapping[float, Snapped], offsets: Mapping[float, int]) -> Reach:
    """Return the nearest facility of each home over all groups; a home is covered by any group within its radius.

    Parameters
    ----------
    facilities, offsets
        For each radius in metres the facilities' places, and the number of the first of them.
    """
    count = len(homes.edge)
    metres, which = np.full(count, np.inf), np.full(count, -1, dtype=np.int64)
    covered = np.zeros(count, dtype=bool)
    for radius_m, snapped in facilities.items():
        found, number = nearest(network, homes, snapped)
        closer = found < metres
        metres[closer], which[closer] = found[closer], number[closer] + offsets[radius_m]
        covered |= found <= radius_m
    return Reach(metres, which, covered)


def reach_straight(
    homes: NDArray[np.object_], facilities: Mapping[float, NDArray[np.object_]], offsets: Mapping[float, int]
) -> Reach:
    """Return the same in straight lines, for communities whose streets aren't recorded."""
    points = shapely.get_coordinates(homes)
    metres, which = np.full(len(homes), np.inf), np.full(len(homes), -1, dtype=np.int64)
    covered = np.zeros(len(homes), dtype=bool)
    for radius_m, places in facilities.items():
        if len(places) and len(homes):
            found, number = cKDTree(shapely.get_coordinates(places)).query(points)
            closer = found < metres
            metres[closer], which[closer] = found[closer], number[closer] + offsets[radius_m]
            covered |= found <= radius_m
    return Reach(metres, which, covered)


def _answer(conn: Connection, asked: Scope, area: Area, facility: Facility, on: date) -> Answer:
    rules = read_rules(conn, area.code)
    homes = homes_of(conn, asked, area)
    lets = read_frame(conn, asked, "rental_unit", ["building_code", "tenant_count"], srid=area.metric_srid)
    homes["rentals"] = _per_building(lets["building_code"].value_counts(), homes.index)
    tenants = lets.assign(people=lets["tenant_count"].fillna(0).astype(int)).groupby("building_code")["people"].sum()
    homes["tenants"] = _per_building(tenants, homes.index)
    groups = [(rules[group.rule], places_of(conn, asked, area, group)) for group in facility.groups]
    walk = read_walk(conn, asked, area)
    places = pd.concat([frame for _, frame in groups])
    offsets, first = {}, 0
    for rule, frame in groups:
        offsets[rule.value], first = first, first + len(frame)
    doors = np.asarray(shapely.point_on_surface(homes.geometry.array), dtype=object)
    if walk.network is not None:
        snapped = snap(walk.network, doors, walk.water)
        stood = {rule.value: snap(walk.network, np.asarray(frame.geometry.array), walk.water) for rule, frame in groups}
        found = reach(walk.network, snapped, stood, offsets)
        radius_m = groups[0][0].value
        sites, curve = _sites(walk.network, snapped, homes, found, radius_m, area.metric_srid)
    else:
        found = reach_straight(doors, {rule.value: np.asarray(frame.geometry.array) for rule, frame in groups}, offsets)
        sites, curve = geopandas.GeoDataFrame({"place": []}, geometry=[], crs=area.metric_srid), ()
    return _said(facility, area, on, homes, places, found, sites, curve, walk.way, [rule for rule, _ in groups],
                 grid_titles(conn, asked, area))  # fmt: skip


def homes_of(conn: Connection, asked: Scope, area: Area) -> geopandas.GeoDataFrame:
    """Return the buildings in which people live, with ``title`` and ``people`` (residents, 0 where unknown)."""
    columns = ["name", "address", "use", "grid", "resident_count"]
    found = read_frame(conn, asked, "building", columns, srid=area.metric_srid)
    homes = found[found["use"].isin(HOME_USES)].copy()
    homes["title"] = titles_of(homes, "address", "name")
    homes["people"] = homes["resident_count"].fillna(0).astype(int)
    return homes


def _per_building(sums: pd.Series, codes: pd.Index) -> list[int]:
    return [int(sums.get(code, 0)) for code in codes]


def places_of(conn: Connection, asked: Scope, area: Area, group: Group) -> geopandas.GeoDataFrame:
    """Return the facilities of a group as points; what is damaged, lost or out of use isn't one."""
    layer: Layer = LAYERS[group.layer]
    fields = {field.name for field in layer.fields}
    columns = ["name", "grid", group.column, *(["status"] if "status" in fields else [])]
    frame = read_frame(conn, asked, group.layer, columns, srid=area.metric_srid)
    frame = frame[frame[group.column].isin(group.kinds)].copy()
    if "status" in frame:
        frame = frame[frame["status"] == "intact"].copy()
    frame["geometry"] = shapely.point_on_surface(frame.geometry.array)
    frame["title"] = titles_of(frame, "name")
    return frame


def _sites(
    network: Network, snapped: Snapped, homes: geopandas.GeoDataFrame, found: Reach, radius_m: float, srid: int
) -> tuple[geopandas.GeoDataFrame, tuple[Sites, ...]]:
    """Return the streets' places that together reach most people left out, and the best choice for each number of them.

    Places are nodes of the network within the radius of somebody left out; where nobody's number is known homes count.
    """
    left = np.flatnonzero(~found.covered & snapped.on_network)
    people = homes["people"].to_numpy(dtype=float)[left]
    weights = people if people.any() else np.ones(len(left))
    curve: list[Sites] = []
    at = np.empty((0, 2))
    if len(left):
        doors = shapely.get_coordinates(shapely.point_on_surface(homes.geometry.array))[left]
        near = np.flatnonzero(cKDTree(doors).query(network.nodes)[0] <= radius_m)
        near = near[:: len(near) // _MOST_CANDIDATES + 1]
        some = Snapped(snapped.edge[left], snapped.along[left], snapped.off[left])
        reached = within(network, some, near, radius_m)
        kept = without_dominated(reached)
        for number in range(1, MOST_SITES + 1):
            best = most_covering(reached[kept], weights, number)
            if curve and best.covered <= curve[-1].covered:
                break
            curve.append(best)
        at = network.nodes[near[kept[list(curve[-1].chosen)]]]
    names = [f"建议 {number}" for number in range(1, len(at) + 1)]
    return geopandas.GeoDataFrame({"place": names}, geometry=shapely.points(at), index=names, crs=srid), tuple(curve)


def _said(
    facility: Facility, area: Area, on: date, homes: geopandas.GeoDataFrame, places: geopandas.GeoDataFrame,
    found: Reach, sites: geopandas.GeoDataFrame, curve: Sequence[Sites], way: str, rules: list[Rule],
    grids: Mapping[str, str],
) -> Answer:  # fmt: skip
    frame = homes.copy()
    frame["metres"] = [round(float(one), 1) if np.isfinite(one) else None for one in found.metres]
    titles = places["title"].tolist()
    frame["nearest"] = [titles[one] if one >= 0 else None for one in found.which]
    frame[CLASS] = np.where(found.covered, "covered", "left_out")
    out = frame[~found.covered]
    words = [f"({group.word})" if group.word else "" for group in facility.groups]
    radius = "或 ".join(f"{rule.value:g} 米{word}" for rule, word in zip(rules, words, strict=True))
    people, everyone = int(out["people"].sum()), int(frame["people"].sum())
    facts = [
        Fact("住宅", len(frame), "幢"),
        Fact("覆盖住宅占比", percent(len(frame) - len(out), len(frame)), "%", "" if len(frame) else "没有住宅数据"),
        Fact("覆盖常住人口占比", percent(everyone - people, everyone), "%", "" if everyone else "没有常住人口数据"),
        Fact("未覆盖住宅", len(out), "幢", theme="homes", where="left_out"),
        Fact("未覆盖常住人口", people, "人"),
        Fact("未覆盖出租房", int(out["rentals"].sum()), "户", f"其中租户 {int(out['tenants'].sum()):,} 人"),
        Fact("现有" + facility.word, len(places), "处", theme="places"),
    ]
    unit, before = "人" if people else "幢", 0.0
    for number, best in enumerate(curve, start=1):
        note = f"比少设一处多 {best.covered - before:,g} {unit}"
        shown = "sites" if number == len(curve) else None
        facts.append(Fact(f"最优增设 {number} 处可新覆盖", best.covered, unit, note, theme=shown))
        before = best.covered
    gap = max((best.gap for best in curve), default=0.0)
    siting = f"增设点位用最大覆盖选址(MCLP),求解器给出的最优性差距 {gap:.2%}。" if curve else ""
    return Answer(
        name=facility.name, title=facility.title, community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_finding(facility, radius, frame, out, places),
        method=f"分母为住宅楼栋和其中的常住人口,不是社区面积;距离为{way},半径 {radius};到不了的算未覆盖。{siting}",
        facts=tuple(facts),
        themes=(_homes_theme(frame, grids), _places_theme(places, facility, grids), _sites_theme(sites)),
        rules=tuple(rules),
    )  # fmt: skip


def _finding(facility: Facility, radius: str, frame: pd.DataFrame, out: pd.DataFrame, places: pd.DataFrame) -> str:
    if not len(frame):
        return f"还没有住宅楼栋,无法计算{facility.title}。"
    if not len(places):
        return f"还没有登记{facility.word},{len(frame):,} 幢住宅全部未覆盖。"
    if not len(out):
        return f"{len(frame):,} 幢住宅步行 {radius}内都有{facility.word}。"
    who = f"常住 {int(out['people'].sum()):,} 人、出租房 {int(out['rentals'].sum()):,} 户"
    return f"{len(frame):,} 幢住宅中 {len(out):,} 幢({who})步行 {radius}内没有{facility.word}。"


def _homes_theme(frame: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    columns = (
        Column("title", "楼栋"),
        Column("metres", "步行距离", Kind.NUMBER, "m"),
        Column("nearest", "最近设施"),
        Column("people", "常住人口", Kind.INTEGER, "人"),
        Column("rentals", "出租房", Kind.INTEGER, "户"),
        Column("tenants", "租户", Kind.INTEGER, "人"),
        grid_column(grids),
    )
    classes = (Class("covered", "已覆盖"), Class("left_out", "未覆盖"))
    return theme_of(
        frame, "homes", "住宅楼栋", "MULTIPOLYGON", "title", columns, classes, Ramp.REACH,
    )  # fmt: skip


def _places_theme(places: geopandas.GeoDataFrame, facility: Facility, grids: Mapping[str, str]) -> Theme:
    frame = places.assign(**{CLASS: "place"})
    columns = (Column("title", "名称"), grid_column(grids))
    return theme_of(
        frame, "places", facility.word, "POINT", "title", columns, (Class("place", "现有"),), Ramp.CATEGORY,
        marker=Marker.HEXAGON,
    )  # fmt: skip


def _sites_theme(sites: geopandas.GeoDataFrame) -> Theme:
    frame = sites.assign(**{CLASS: "site"})
    columns = (Column("place", "建议点位"),)
    return theme_of(
        frame, "sites", "建议增设", "POINT", "place", columns, (Class("site", "建议增设", Marker.DIAMOND),),
        Ramp.SEVERITY, marker=Marker.DIAMOND,
    )  # fmt: skip
