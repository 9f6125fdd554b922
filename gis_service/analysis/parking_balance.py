"""Parking: demand against spaces by estate and grid, nights, and what yards of firms could take in at night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, read_parts, sums_by, titles_of
from gis_service.analysis.homes import HOME_USES, doors_of
from gis_service.analysis.streets import Ways
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.analysis.walking import Stood, Walk, joined, read_walk
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.field import Kind
from layers.rules import Rule
from layers.style import Marker

RESIDENTS = ("roadside", "estate", "public", "temporary", "parking")
YARDS = ("enterprise",)
ILLEGAL = "05-05"
"""Event: motor vehicles parked in disorder (GB/T 30428.2)."""
_WINDOW = timedelta(days=365)
_HUNDREDTHS = 100
_SHORT = Breaks((-50.0, 0.0, 20.0, 50.0), "%")
"""Spaces that are missing, in percent of demand."""


@dataclass(frozen=True)
class Sharing:
    """How many cars find a space within walking distance: in residents' spaces alone, and with the yards at night.

    ``taken`` are the cars that each yard takes in one distribution that reaches the most.
    """

    before: float
    after: float
    taken: NDArray[np.float64]


def parking_balance(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return demand, spaces, nights and disorder by estate and grid, and what sharing yards at night would close."""
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    srid = area.metric_srid
    walk = read_walk(conn, asked, area)
    homes = _homes(conn, asked, srid, rules, walk)
    lots = _lots(conn, asked, srid, on)
    cases = read_frame(conn, asked, "hazard", ["event_code", "found_on", "status", "grid"], srid=srid)
    lately = np.array([bool(day) and on - _WINDOW < day <= on for day in cases["found_on"]], dtype=bool)
    cases = cases[(cases["event_code"] == ILLEGAL) & ~cases["status"].isin(("rejected", "merged")) & lately].copy()
    cases["geometry"] = shapely.point_on_surface(cases.geometry.array)
    grids = grid_titles(conn, asked, area)
    beside_m, walk_m = rules["parking.radius_residents"].value, rules["parking.radius_public"].value
    estates = read_frame(conn, asked, "estate", ["name"], srid=srid)
    own, yards = lots[lots["kind"].isin(RESIDENTS)], lots[lots["kind"].isin(YARDS)].copy()
    places = walk.stand(np.asarray(pd.concat([own, yards]).geometry.array))
    reached = walk.ways(homes.stood, places, walk_m)
    spare = np.array([max(0, all_ - peak) if all_ is not None and peak is not None else 0
                      for all_, peak in zip(yards["space_count"], yards["peak"], strict=True)])  # fmt: skip
    spaces = np.array([count or 0 for count in own["space_count"]])
    found = sharing(homes.demand, spaces, spare, reached)
    yards["spare"], yards["taken"] = spare, found.taken.round(1)
    by_estate = balance(estates, homes.by_estate, own, near(estates, own, beside_m), near(estates, cases, beside_m))
    shapes = read_frame(conn, asked, "grid", ["name"], srid=srid)
    by_grid = balance(shapes, homes.by_grid, own, own["grid"], cases["grid"])
    used = ("parking.demand_local", "parking.demand_tenant", "parking.radius_residents", "parking.radius_public")
    return Answer(
        name="parking_balance", title="停车供需", community=area.code, on=on, srid=srid, unit="%",
        finding=_finding(homes, own, found, yards),
        method=_method(rules, walk.way),
        facts=_facts(homes, own, yards, cases, found),
        themes=(
            _areas_theme("estates", "小区供需", by_estate), _areas_theme("grids", "网格供需", by_grid, shown=False),
            _lots_theme(own, grids), _yards_theme(yards, grids), _cases_theme(cases, grids),
        ),
        rules=tuple(rules[code] for code in used),
    )  # fmt: skip


@dataclass(frozen=True)
class Homes:
    """Where people live, the cars of each home, and their sums by the code of estate and grid."""

    stood: Stood
    demand: NDArray[np.float64]
    by_estate: pd.Series
    by_grid: pd.Series


def _homes(conn: Connection, asked: Scope, srid: int, rules: Mapping[str, Rule], walk: Walk) -> Homes:
    let = sums_by(conn, asked, "rental_unit", "building_code", "tenant_count", ("rent_status", "let"))["number"]
    per_local, per_let = rules["parking.demand_local"].value, rules["parking.demand_tenant"].value
    stood, demands, sums = [], [], []
    for part in read_parts(conn, asked, "building", ["use", "estate", "grid", "household_local"], srid=srid):
        homes = part[part["use"].isin(HOME_USES)]
        local = homes["household_local"].fillna(0).astype(float)
        demand = per_local * local + per_let * let.reindex(homes.index, fill_value=0)
        stood.append(walk.stand(doors_of(homes)))
        demands.append(demand.to_numpy())
        sums.append([demand.groupby(homes[zone]).sum() for zone in ("estate", "grid")])
    by_estate, by_grid = (pd.concat(zone).groupby(level=0).sum() for zone in zip(*sums, strict=True))
    return Homes(joined(stood), np.concatenate(demands), by_estate, by_grid)


def _lots(conn: Connection, asked: Scope, srid: int, on: date) -> geopandas.GeoDataFrame:
    """Return the parking places as points with ``peak``: the most cars counted there at night within a year."""
    columns = ["name", "kind", "grid", "space_count", "night_count", "night_counted_on"]
    lots = read_frame(conn, asked, "parking", columns, srid=srid)
    lots["geometry"] = shapely.point_on_surface(lots.geometry.array)
    read = ["target_kind", "target_code", "visited_on", "counted", "at_night"]
    visits = read_frame(conn, asked, "visit", read, srid=srid)
    lots["peak"] = night_peaks(lots, visits, on)
    lots["title"] = titles_of(lots, "name")
    return lots


def night_peaks(lots: pd.DataFrame, visits: pd.DataFrame, on: date) -> pd.Series:
    """Return the most cars counted at night at each place in the 365 days up to ``on``, None where nobody counted."""
    counted: dict[str, list[int]] = {str(code): [] for code in lots.index}
    for visit in visits.to_dict("records"):
        of_parking = visit["target_kind"] == "parking" and visit["at_night"] is True and visit["counted"] is not None
        if of_parking and visit["target_code"] in counted and on - _WINDOW < visit["visited_on"] <= on:
            counted[visit["target_code"]].append(visit["counted"])
    for code, number, day in zip(lots.index, lots["night_count"], lots["night_counted_on"], strict=True):
        if number is not None and day is not None and on - _WINDOW < day <= on:
            counted[str(code)].append(number)
    return pd.Series({code: max(numbers, default=None) for code, numbers in counted.items()}, dtype=object)


def sharing(demand: NDArray[np.float64], spaces: NDArray[np.int64], spare: NDArray[np.int64], reached: Ways) -> Sharing:
    """Return how many cars can stand within walking distance of their homes, without and with yards.

    Parameters
    ----------
    demand
        Cars of each home; hundredths are kept.
    spaces, spare
        Residents' spaces of each place, and free ones of each yard at night.
    reached
        Which homes each place, then each yard, lies within walking distance of.

    Notes
    -----
    The greatest flow from homes to places (Dinic 1970): no car stands twice, no space is given twice.
    """
    cars = np.round(demand * _HUNDREDTHS).astype(np.int32)
    room = np.concatenate([spaces, spare]).astype(np.int32) * _HUNDREDTHS
    own = reached.facility < len(spaces)
    before, _ = _greatest_flow(cars, room[: len(spaces)], reached.facility[own], reached.home[own])
    after, into = _greatest_flow(cars, room, reached.facility, reached.home)
    return Sharing(before / _HUNDREDTHS, after / _HUNDREDTHS, into[len(spaces) :] / _HUNDREDTHS)


def _greatest_flow(
    cars: NDArray[np.int32], room: NDArray[np.int32], at: NDArray[np.int64], of: NDArray[np.int64]
) -> tuple[int, NDArray[np.int64]]:
    homes, places = len(cars), len(room)
    source, sink = homes + places, homes + places + 1
    rows = np.concatenate([np.full(homes, source), of, homes + np.arange(places)])
    cols = np.concatenate([np.arange(homes), homes + at, np.full(places, sink)])
    most = np.concatenate([cars, cars[of], room]).astype(np.int32)
    graph = csr_matrix((most, (rows, cols)), shape=(sink + 1, sink + 1))
    flow = maximum_flow(graph, source, sink)
    # What flows into the sink stands in its own row with the other sign.
    into = -flow.flow[[sink]].toarray()[0, homes : homes + places]
    return int(flow.flow_value), into.astype(np.int64)


def near(areas: geopandas.GeoDataFrame, places: geopandas.GeoDataFrame, limit_m: float) -> pd.Series:
    """Return for each place the code of the nearest area within ``limit_m``, None for none: no place counts twice."""
    found = pd.Series([None] * len(places), index=places.index, dtype=object)
    tree = shapely.STRtree(areas.geometry.array)
    if len(areas) and len(places):
        pairs = tree.query_nearest(np.asarray(places.geometry.array), max_distance=limit_m, all_matches=False)
        found.iloc[pairs[0]] = areas.index.to_numpy()[pairs[1]]
    return found


def balance(
    areas: geopandas.GeoDataFrame, demands: pd.Series, lots: pd.DataFrame, lot_in: pd.Series,
    case_in: pd.Series,
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return for each area demand, spaces, gap and its share, night occupancy, and disorder per 100 spaces.

    Occupancy is over places where cars were counted; ``demands`` are the cars of an area's homes by its code.
    """
    found = areas.copy()
    rows = []
    for code in areas.index:
        demand = float(demands.get(code, 0.0))
        here = lots[lot_in == code]
        spaces = int(sum(count or 0 for count in here["space_count"]))
        rows.append((round(demand, 1), spaces, round(demand - spaces, 1), percent(demand - spaces, demand),
                     occupancy(here), percent(int((case_in == code).sum()), spaces)))  # fmt: skip
    names = ("demand", "spaces", "gap", "short", "occupancy", "illegal")
    for position, name in enumerate(names):
        found[name] = pd.Series([row[position] for row in rows], index=found.index, dtype=object)
    return found[np.array([row[0] > 0 or row[1] > 0 for row in rows], dtype=bool)]


def occupancy(lots: pd.DataFrame) -> float | None:
    """Return cars at their most by spaces, in percent, over places where both are known; None where none are."""
    known = [(peak, all_) for peak, all_ in zip(lots["peak"], lots["space_count"], strict=True)
             if peak is not None and all_]  # fmt: skip
    return percent(sum(peak for peak, _ in known), sum(all_ for _, all_ in known))


def _method(rules: Mapping[str, Rule], way: str) -> str:
    local, tenant = rules["parking.demand_local"], rules["parking.demand_tenant"]
    beside, walk = rules["parking.radius_residents"], rules["parking.radius_public"]
    return (
        f"需求 = 户籍户 × {local.value:g} + 在租出租房 × {tenant.value:g} {tenant.unit};"
        "供给为路内、小区、公共和临时车位。"
        f"车位和乱停放计入 {beside.value:g} 米内最近的小区,不重复计。夜间停满率取近一年夜间清点的最大值,只算清点过的。"
        f"步行 {walk.value:g} 米内能停下的车用最大流求得,企业院落只出让夜间空位;"
        f"没有夜间清点的院落不计,没有空位或附近不缺的标为本方案未用。距离为{way}。"
    )


def _finding(homes: Homes, own: pd.DataFrame, found: Sharing, yards: pd.DataFrame) -> str:
    demand, spaces = float(homes.demand.sum()), int(sum(count or 0 for count in own["space_count"]))
    if not demand:
        return "还没有住户数据,无法计算停车需求。"
    return (
        f"居民停车需求约 {demand:,.0f} 辆,居民车位 {spaces:,} 个,步行范围内停不下 {demand - found.before:,.0f} 辆;"
        f"夜间共享 {int((yards['taken'] > 0).sum())} 处企业院落可再停 {found.after - found.before:,.0f} 辆。"
    )


def _facts(
    homes: Homes, own: pd.DataFrame, yards: pd.DataFrame, cases: pd.DataFrame, found: Sharing
) -> tuple[Fact, ...]:
    demand, spaces = float(homes.demand.sum()), int(sum(count or 0 for count in own["space_count"]))
    uncounted = int(yards["peak"].isna().sum())
    return (
        Fact("停车需求(估算)", round(demand, 1), "辆"),
        Fact("居民车位", spaces, "个", f"{len(own)} 处", theme="lots"),
        Fact("总缺口", round(demand - spaces, 1), "个", "需求减车位,不论远近"),
        Fact("步行范围内停不下", round(demand - found.before, 1), "辆"),
        Fact("夜间停满率", occupancy(own), "%", "居民车位,夜间峰值"),
        Fact("乱停放(近一年)", len(cases), "起", theme="cases"),
        Fact("每百车位乱停放", percent(len(cases), spaces), "起"),
        Fact("企业院落夜间空位", int(yards["spare"].sum()), "个", f"{uncounted} 处没有夜间清点,未计入", theme="yards"),
        Fact("错时共享可再停", round(found.after - found.before, 1), "辆", theme="yards", where={CLASS: "useful"}),
        Fact("共享后仍停不下", round(demand - found.after, 1), "辆"),
    )


def _areas_theme(name: str, title: str, areas: geopandas.GeoDataFrame, *, shown: bool = True) -> Theme:
    frame = areas.copy()
    frame["title"] = titles_of(frame, "name")
    # Where spaces stand without any home demand is nil: there is enough.
    shares = [share if share is not None else -100.0 for share in frame["short"]]
    frame[CLASS] = _SHORT.keys(shares)
    columns = (
        Column("title", title[:2]),
        Column("demand", "需求", Kind.NUMBER, "辆"),
        Column("spaces", "车位", Kind.INTEGER, "个"),
        Column("gap", "缺口", Kind.NUMBER, "个"),
        Column("short", "缺口占需求", Kind.NUMBER, "%"),
        Column("occupancy", "夜间停满率", Kind.NUMBER, "%"),
        Column("illegal", "每百车位乱停放", Kind.NUMBER, "起"),
    )
    titles = ("富余一半以上", "富余或平衡", "缺不到 20%", "缺 20–50%", "缺 50% 及以上")
    classes = tuple(Class(one.key, text) for one, text in zip(_SHORT.classes(), titles, strict=True))
    return theme_of(
        frame, name, title, "MULTIPOLYGON", "title", columns, classes, Ramp.SEQUENTIAL, shown=shown, choice="areas",
    )  # fmt: skip


def _lots_theme(lots: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = lots.copy()
    frame["full"] = [percent(peak, all_) if peak is not None and all_ else None
                     for peak, all_ in zip(frame["peak"], frame["space_count"], strict=True)]  # fmt: skip
    frame[CLASS] = ["unknown" if one is None else "full" if one >= 100 else "free" for one in frame["full"]]
    columns = (
        Column("title", "停车场地"),
        field_column("parking", "kind", "类型", filtered=True),
        Column("space_count", "车位", Kind.INTEGER, "个"),
        Column("peak", "夜间最多", Kind.INTEGER, "辆"),
        Column("full", "夜间停满率", Kind.NUMBER, "%"),
        grid_column(grids),
    )
    classes = (Class("unknown", "没有夜间清点", Marker.CROSS), Class("free", "夜间有空位", Marker.CIRCLE),
               Class("full", "夜间停满", Marker.SQUARE))  # fmt: skip
    return theme_of(
        frame, "lots", "居民车位", "POINT", "title", columns, classes, Ramp.CATEGORY,
    )  # fmt: skip


def _yards_theme(yards: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = yards.copy()
    frame[CLASS] = np.where(frame["taken"] > 0, "useful", "other")
    columns = (
        Column("title", "企业院落"),
        Column("space_count", "车位", Kind.INTEGER, "个"),
        Column("peak", "夜间最多", Kind.INTEGER, "辆"),
        Column("spare", "夜间空位", Kind.INTEGER, "个"),
        Column("taken", "可接纳", Kind.NUMBER, "辆"),
        grid_column(grids),
    )
    classes = (Class("other", "本方案未用", Marker.HEXAGON), Class("useful", "可错时共享", Marker.HEXAGON))
    return theme_of(
        frame, "yards", "企业院落夜间共享", "POINT", "title", columns, classes, Ramp.REACH, marker=Marker.HEXAGON,
    )  # fmt: skip


def _cases_theme(cases: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = cases.copy()
    frame["title"] = "机动车乱停放"
    frame[CLASS] = "case"
    columns = (
        Column("title", "事件"), Column("found_on", "发现日期", Kind.DATE),
        grid_column(grids),
    )  # fmt: skip
    return theme_of(
        frame, "cases", "乱停放(近一年)", "POINT", "title", columns, (Class("case", "机动车乱停放", Marker.TRIANGLE),),
        Ramp.SEVERITY, marker=Marker.TRIANGLE, timed="found_on", shown=False,
    )  # fmt: skip
