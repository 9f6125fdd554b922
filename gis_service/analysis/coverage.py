"""Coverage: which homes reach a waste point, hydrant, charger, parking place or service station on foot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme, percent
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


@dataclass
class Sums:
    """Homes and the residents, let units and tenants in them: all, and those left out."""

    homes: int = 0
    people: int = 0
    left_homes: int = 0
    left_people: int = 0
    left_rentals: int = 0
    left_tenants: int = 0

    def add(self, frame: pd.DataFrame) -> None:
        """Count the homes of a part."""
        out = frame[frame[CLASS] == "left_out"]
        self.homes += len(frame)
        self.people += int(frame["people"].sum())
        self.left_homes += len(out)
        self.left_people += int(out["people"].sum())
        self.left_rentals += int(out["rentals"].sum())
        self.left_tenants += int(out["tenants"].sum())


def _answer(conn: Connection, asked: Scope, area: Area, facility: Facility, on: date) -> Answer:
    rules = read_rules(conn, area.code)
    groups = [(rules[group.rule], places_of(conn, asked, area, group)) for group in facility.groups]
    places = pd.concat([frame for _, frame in groups])
    titles = np.array([*places["title"], None], dtype=object)
    walk = read_walk(conn, asked, area)
    reaching = Reaching(walk, [(rule.value, np.asarray(frame.geometry.array)) for rule, frame in groups])
    lets = sums_by(conn, asked, "rental_unit", "building_code", "tenant_count")
    grids = grid_titles(conn, asked, area)
    homes, sums = Gathering(_homes_theme(grids)), Sums()
    left = LeftOut()
    for part in home_parts(conn, asked, area):
        stood = walk.stand(doors_of(part))
        found = reaching.of(stood)
        part["rentals"] = lets["number"].reindex(part.index, fill_value=0)
        part["tenants"] = lets["total"].reindex(part.index, fill_value=0)
        part["metres"] = rounded(found.metres, part.index)
        part["nearest"] = titles[found.which]
        part[CLASS] = np.where(found.covered, "covered", "left_out")
        homes.add(part)
        sums.add(part)
        if stood.snapped is not None:
            out = ~found.covered & stood.snapped.on_network
            left.add(stood.some(out), part["people"].to_numpy(dtype=float)[out])
    proposal = propose(walk.network, left, groups[0][0].value) if walk.network is not None else None
    return _said(facility, area, on, sums, homes.theme(), places, proposal, walk.way, [rule for rule, _ in groups],
                 grids)  # fmt: skip


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


def _said(
    facility: Facility, area: Area, on: date, sums: Sums, homes: Theme, places: geopandas.GeoDataFrame,
    proposal: Proposal | None, way: str, rules: list[Rule], grids: Mapping[str, str],
) -> Answer:  # fmt: skip
    words = [f"({group.word})" if group.word else "" for group in facility.groups]
    radius = "或 ".join(f"{rule.value:g} 米{word}" for rule, word in zip(rules, words, strict=True))
    people, everyone = sums.left_people, sums.people
    facts = [
        Fact("住宅", sums.homes, "幢"),
        Fact("覆盖住宅占比", percent(sums.homes - sums.left_homes, sums.homes), "%",
             "" if sums.homes else "没有住宅数据"),
        Fact("覆盖常住人口占比", percent(everyone - people, everyone), "%", "" if everyone else "没有常住人口数据"),
        Fact("未覆盖住宅", sums.left_homes, "幢", theme="homes", where="left_out"),
        Fact("未覆盖常住人口", people, "人"),
        Fact("未覆盖出租房", sums.left_rentals, "户", f"其中租户 {sums.left_tenants:,} 人"),
        Fact("现有" + facility.word, len(places), "处", theme="places"),
        *(_gains(proposal) if proposal else ()),
    ]  # fmt: skip
    return Answer(
        name=facility.name, title=facility.title, community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_finding(facility, radius, sums, len(places)),
        method=f"分母为住宅楼栋和其中的常住人口,不是社区面积;距离为{way},半径 {radius};到不了的算未覆盖。"
        + (_siting(proposal) if proposal else ""),
        facts=tuple(facts),
        themes=(homes, _places_theme(places, facility, grids), _sites_theme(proposal, area.metric_srid)),
        rules=tuple(rules),
    )  # fmt: skip


def _gains(proposal: Proposal) -> Iterator[Fact]:
    unit, before = "人" if proposal.people else "幢", 0.0
    for number, best in enumerate(proposal.curve, start=1):
        note = f"比少设一处多 {best.covered - before:,g} {unit}"
        shown = "sites" if number == len(proposal.curve) else None
        yield Fact(f"最优增设 {number} 处可新覆盖", best.covered, unit, note, theme=shown)
        before = best.covered


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
        return f"{sums.homes:,} 幢住宅步行 {radius}内都有{facility.word}。"
    who = f"常住 {sums.left_people:,} 人、出租房 {sums.left_rentals:,} 户"
    return f"{sums.homes:,} 幢住宅中 {sums.left_homes:,} 幢({who})步行 {radius}内没有{facility.word}。"


def _homes_theme(grids: Mapping[str, str]) -> Theme:
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
    return blank_theme("homes", "住宅楼栋", "MULTIPOLYGON", "title", columns, classes, Ramp.REACH)


def _places_theme(places: geopandas.GeoDataFrame, facility: Facility, grids: Mapping[str, str]) -> Theme:
    frame = places.assign(**{CLASS: "place"})
    columns = (Column("title", "名称"), grid_column(grids))
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
