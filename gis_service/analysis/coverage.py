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
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Curve, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, sums_by, titles_of
from gis_service.analysis.homes import doors_of, home_parts, rounded
from gis_service.analysis.proposals import LeftOut, Proposal, propose
from gis_service.analysis.themes import Gathering, blank_theme, grid_column, theme_of
from gis_service.analysis.walking import Points, Stood, Walk, read_walk
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.field import Kind
from layers.layer import Layer
from layers.registry import LAYERS
from layers.rules import Rule
from layers.style import Marker


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
    """What is to be reached: the word for it, and its groups; a home is covered by any of them.

    ``near`` is the rule of a shorter radius within which homes are told apart as well served.
    """

    name: str
    title: str
    word: str
    groups: tuple[Group, ...]
    near: str | None = None


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
        ), near="service.radius_near"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """For each home the metres to its nearest facility (``inf`` without a way), its number, and whether covered."""

    metres: NDArray[np.float64]
    which: NDArray[np.int64]
    covered: NDArray[np.bool_]


class Reaching:
    """Facilities in groups, each with its radius in metres; a home is covered by any group within its radius."""

    def __init__(self, walk: Walk, groups: Sequence[tuple[float, Points]]) -> None:
        """Reckon the ways to each group once; a facility's number runs on from group to group."""
        self._groups = []
        first = 0
        for radius_m, places in groups:
            self._groups.append((radius_m, first, walk.to_nearest(walk.stand(places))))
            first += len(places)

    def of(self, homes: Stood) -> Reach:
        """Return the nearest facility of each home over all groups, and whether a group covers it."""
        metres, which = np.full(len(homes), np.inf), np.full(len(homes), -1, dtype=np.int64)
        covered = np.zeros(len(homes), dtype=bool)
        for radius_m, first, to_nearest in self._groups:
            found, number = to_nearest(homes)
            closer = found < metres
            metres[closer], which[closer] = found[closer], number[closer] + first
            covered |= found <= radius_m
        return Reach(metres, which, covered)


def coverage_of(facility: Facility) -> Callable[..., Answer]:
    """Return the analysis of one kind of facility."""

    def coverage(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
        """Return which homes are within reach, who is left out, and where the next facility would reach most."""
        return _answer(conn, scope.narrowed(area.code), area, facility, on)

    return coverage


NEAR, COVERED, LEFT_OUT = "near", "covered", "left_out"
"""Classes of homes."""


@dataclass
class Sums:
    """Homes and the residents, let units and tenants in them: all, and those left out."""

    homes: int = 0
    people: int = 0
    left_homes: int = 0
    left_people: int = 0
    left_rentals: int = 0
    left_tenants: int = 0
    near_homes: int = 0

    def add(self, frame: pd.DataFrame) -> None:
        """Count the homes of a part."""
        out = frame[frame[CLASS] == LEFT_OUT]
        self.near_homes += int((frame[CLASS] == NEAR).sum())
        self.homes += len(frame)
        self.people += int(frame["people"].sum())
        self.left_homes += len(out)
        self.left_people += int(out["people"].sum())
        self.left_rentals += int(out["rentals"].sum())
        self.left_tenants += int(out["tenants"].sum())


def _answer(conn: Connection, asked: Scope, area: Area, facility: Facility, on: date) -> Answer:
    rules = read_rules(conn, area.code)
    groups = [(rules[group.rule], places_of(conn, asked, area, group)) for group in facility.groups]
    for rule, frame in groups:
        frame["radius"] = rule.value
    places = pd.concat([frame for _, frame in groups])
    titles, radii = (np.array([*places[name], None], dtype=object) for name in ("title", "radius"))
    near = rules[facility.near] if facility.near else None
    near_m = near.value if near else -1.0
    walk = read_walk(conn, asked, area)
    reaching = Reaching(walk, [(rule.value, np.asarray(frame.geometry.array)) for rule, frame in groups])
    lets = sums_by(conn, asked, "rental_unit", "building_code", "tenant_count")
    grids = grid_titles(conn, asked, area)
    homes, sums = Gathering(_homes_theme(grids, walk.on_foot, near, [rule for rule, _ in groups])), Sums()
    left = LeftOut()
    for part in home_parts(conn, asked, area):
        stood = walk.stand(doors_of(part))
        found = reaching.of(stood)
        part["rentals"] = lets["number"].reindex(part.index, fill_value=0)
        part["tenants"] = lets["total"].reindex(part.index, fill_value=0)
        part["metres"] = rounded(found.metres, part.index)
        part["nearest"] = titles[found.which]
        part[CLASS] = np.where(found.covered, np.where(found.metres <= near_m, NEAR, COVERED), LEFT_OUT)
        part["radius"] = radii[found.which]
        homes.add(part)
        sums.add(part)
        if stood.snapped is not None:
            out = ~found.covered & stood.snapped.on_network
            left.add(stood.some(out), part["people"].to_numpy(dtype=float)[out])
    proposal = propose(walk.network, left, groups[0][0].value) if walk.network is not None else None
    used = [*(rule for rule, _ in groups), *([near] if near else [])]
    return _said(facility, area, on, sums, homes.theme(), places, proposal, walk, used, grids)


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
    frame["title"], frame["word"] = titles_of(frame, "name"), group.word
    return frame


def _said(
    facility: Facility, area: Area, on: date, sums: Sums, homes: Theme, places: geopandas.GeoDataFrame,
    proposal: Proposal | None, walk: Walk, rules: list[Rule], grids: Mapping[str, str],
) -> Answer:  # fmt: skip
    words = [f"({group.word})" if group.word else "" for group in facility.groups]
    radius = "或 ".join(f"{rule.value:g} 米{word}" for rule, word in zip(rules[: len(words)], words, strict=True))
    people, everyone = sums.left_people, sums.people
    near = rules[-1] if facility.near else None
    facts = [
        Fact("住宅", sums.homes, "幢"),
        Fact("覆盖住宅占比", percent(sums.homes - sums.left_homes, sums.homes), "%",
             "" if sums.homes else "没有住宅数据"),
        Fact("覆盖常住人口占比", percent(everyone - people, everyone), "%", "" if everyone else "没有常住人口数据"),
        *([Fact(f"{near.value:g} 米内的住宅", percent(sums.near_homes, sums.homes), "%",
                "" if sums.homes else "没有住宅数据", theme="homes", where={CLASS: NEAR})] if near else []),
        Fact("未覆盖住宅", sums.left_homes, "幢", theme="homes", where={CLASS: LEFT_OUT}),
        Fact("未覆盖常住人口", people if everyone else None, "人", "" if everyone else "没有常住人口数据"),
        Fact("未覆盖出租房", sums.left_rentals, "户", f"其中租户 {sums.left_tenants:,} 人"),
        Fact("现有" + facility.word, len(places), "处", theme="places"),
        *([_gain(proposal)] if proposal and proposal.curve else ()),
    ]  # fmt: skip
    return Answer(
        name=facility.name, title=facility.title, community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_finding(facility, f"{walk.on_foot} {radius}", sums, len(places)),
        method=f"分母为住宅楼栋和其中的常住人口,不是社区面积;距离为{walk.way},半径 {radius};到不了的算未覆盖。"
        + (_siting(proposal) if proposal else ""),
        facts=tuple(facts),
        themes=(homes, _places_theme(places, facility, grids), _sites_theme(proposal, area.metric_srid)),
        rules=tuple(rules), dated=False, curves=_curves(proposal) if proposal else (),
    )  # fmt: skip


def _unit(proposal: Proposal) -> str:
    return "人" if proposal.people else "幢"


def _gain(proposal: Proposal) -> Fact:
    number, best = len(proposal.curve), proposal.curve[-1]
    return Fact(f"最优增设 {number} 处可新覆盖", best.covered, _unit(proposal), theme="sites")


def _curves(proposal: Proposal) -> tuple[Curve, ...]:
    gains = tuple(best.covered for best in proposal.curve)
    return (Curve("增设几处可新覆盖多少", "处", _unit(proposal), gains),) if gains else ()


def _siting(proposal: Proposal) -> str:
    if not proposal.curve:
        return ""
    gap = max(best.gap for best in proposal.curve)
    squares = f"未覆盖住宅很多,按 {proposal.side_m:g} 米方格合并后估算;" if proposal.side_m else ""
    return f"增设点位用最大覆盖选址(MCLP),{squares}求解器给出的最优性差距 {gap:.2%}。"


def _finding(facility: Facility, radius: str, sums: Sums, places: int) -> str:
    if not sums.homes:
        return f"还没有住宅楼栋,无法计算{facility.title}。"
    if not places:
        return f"还没有登记{facility.word},{sums.homes:,} 幢住宅全部未覆盖。"
    if not sums.left_homes:
        return f"{sums.homes:,} 幢住宅{radius}内都有{facility.word}。"
    people = f"常住 {sums.left_people:,} 人" if sums.people else "常住人数不详"
    who = f"{people}、出租房 {sums.left_rentals:,} 户"
    return f"{sums.homes:,} 幢住宅中 {sums.left_homes:,} 幢({who}){radius}内没有{facility.word}。"


def _homes_theme(grids: Mapping[str, str], on_foot: str, near: Rule | None, rules: Sequence[Rule]) -> Theme:
    columns = (
        Column("title", "楼栋"),
        Column("metres", f"{on_foot}距离", Kind.NUMBER, "m"),
        Column("nearest", "最近设施"),
        *([Column("radius", "其服务半径", Kind.NUMBER, "m")] if len(rules) > 1 else []),
        Column("people", "常住人口", Kind.INTEGER, "人"),
        Column("rentals", "出租房", Kind.INTEGER, "户"),
        Column("tenants", "租户", Kind.INTEGER, "人"),
        grid_column(grids),
    )
    classes = [Class(COVERED, "已覆盖"), Class(LEFT_OUT, "未覆盖")]
    if near:
        classes.insert(0, Class(NEAR, f"{near.value:g} 米内"))
    return blank_theme("homes", "住宅楼栋", "MULTIPOLYGON", "title", columns, classes, Ramp.REACH)


def _places_theme(places: geopandas.GeoDataFrame, facility: Facility, grids: Mapping[str, str]) -> Theme:
    frame = places.assign(**{CLASS: "place"})
    several = len(facility.groups) > 1
    columns = (
        Column("title", "名称"),
        *([Column("word", "类型", filtered=True), Column("radius", "服务半径", Kind.NUMBER, "m")] if several else []),
        grid_column(grids),
    )
    return theme_of(
        frame, "places", facility.word, "POINT", "title", columns, (Class("place", "现有"),), Ramp.CATEGORY,
        marker=Marker.HEXAGON,
    )  # fmt: skip


def _sites_theme(proposal: Proposal | None, srid: int) -> Theme:
    at = proposal.at if proposal else np.empty((0, 2))
    names = [f"建议 {number}" for number in range(1, len(at) + 1)]
    columns = {"place": names, CLASS: "site"}
    frame = geopandas.GeoDataFrame(columns, geometry=shapely.points(at), index=names, crs=srid)
    return theme_of(
        frame, "sites", "建议增设", "POINT", "place", (Column("place", "建议点位"),),
        (Class("site", "建议增设", Marker.DIAMOND),), Ramp.SEVERITY, marker=Marker.DIAMOND,
    )  # fmt: skip
