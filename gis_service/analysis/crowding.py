"""Crowding (群租疑似): rental units that meet a mark of shared letting, by unit, by building and by grid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import geopandas
import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.catalog.rental_unit import CountBasis, GradeReason
from layers.field import Kind
from layers.rules import Rule
from layers.style import Marker

MARKS = ("G1", "G2", "G3", "G4")
"""Marks of a unit that by themselves raise the suspicion; G5 is of a building and not unlawful by itself."""
_REASONS = {str(reason): f"{reason} {reason.label}" for reason in GradeReason if str(reason) in {*MARKS, "G5"}}
_BASES = {str(basis): basis.label for basis in CountBasis}
_READ = [
    "name", "address", "grid", "building_code", "room_count", "usable_area_m2", "tenant_count", "largest_room_persons",
    "kin_household", "partitioned", "non_habitable_let", "count_basis", "rent_status",
]  # fmt: skip
_SHARE = Breaks((2.0, 5.0, 10.0, 20.0), "%")
_NOTHING_LET = Class("none", "没有在租")


def crowding(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return which rental units are suspected of shared letting, and why; the community suspects, others determine."""
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    units = read_frame(conn, asked, "rental_unit", _READ, srid=area.metric_srid)
    names = grid_titles(conn, asked, area)
    grids = read_frame(conn, asked, "grid", ["name"], srid=area.metric_srid)
    let = units[units["rent_status"] == "let"].copy()
    let["reasons"] = reasons_of(let, rules)
    scale = large_scale(let, rules)
    suspected = suspected_of(let)
    shown = {*suspected["building_code"].dropna(), *scale}
    buildings = read_frame(conn, asked, "building", ["name", "address", "grid"], srid=area.metric_srid, codes=shown)
    used = tuple(rules[code] for code in _RULES)
    estimated = int((suspected["count_basis"] == str(CountBasis.ESTIMATED)).sum())
    facts = [
        Fact("在租出租房", len(let), "户"),
        Fact("群租疑似", len(suspected), "户", _basis_note(suspected), theme="units"),
        Fact("其中两条及以上", sum(len(one) > 1 for one in suspected["reasons"]), "户", theme="units",
             where={CLASS: "many"}),
        *(
            Fact(_REASONS[mark], int(sum(mark in one for one in suspected["reasons"])), "户", theme="units",
                 where={"reasons": mark})
            for mark in MARKS
        ),
        Fact("规模出租(G5)", len(scale), "幢", "人数或间数达到规模,应确定消防安全管理人;本身不等于违规",
             theme="buildings", where={"scale": "yes"}),
        Fact("人数或面积为估算", estimated, "户", "估算的先上门核实"),
    ]  # fmt: skip
    return Answer(
        name="crowding",
        title="群租疑似",
        community=area.code,
        on=on,
        srid=area.metric_srid,
        unit="户",
        finding=_finding(let, suspected, scale),
        method=_method(rules),
        facts=tuple(facts),
        themes=(
            _units_theme(suspected, names),
            _buildings_theme(buildings, let, scale, names),
            _grids_theme(grids, let),
        ),
        rules=used,
        dated=False,
    )


_RULES = (
    "rental.min_area_per_person", "rental.max_persons_per_room",
    "rental.large_scale_persons", "rental.large_scale_rooms",
)  # fmt: skip


def reasons_of(units: pd.DataFrame, rules: Mapping[str, Rule]) -> list[list[str]]:
    """Return for each unit the marks G1 to G4 that it meets.

    G1: usable area (m²) by persons below ``rental.min_area_per_person``. G2: more persons in one room than
    ``rental.max_persons_per_room``, families excepted. G3: kitchen, garage or the like let to live in. G4: rooms
    divided. What isn't known meets no mark.
    """
    least, most = rules["rental.min_area_per_person"].value, rules["rental.max_persons_per_room"].value
    found = []
    for unit in units.to_dict("records"):
        people, area_m2, fullest = unit["tenant_count"], unit["usable_area_m2"], unit["largest_room_persons"]
        marks = {
            "G1": bool(people) and area_m2 is not None and area_m2 / people < least,
            "G2": fullest is not None and fullest > most and unit["kin_household"] is not True,
            "G3": unit["non_habitable_let"] is True,
            "G4": unit["partitioned"] is True,
        }
        found.append([mark for mark, met in marks.items() if met])
    return found


def suspected_of(units: pd.DataFrame) -> pd.DataFrame:
    """Return the units that meet a mark."""
    # An empty list of truths would be taken for a list of columns.
    return units.loc[np.array([len(reasons) > 0 for reasons in units["reasons"]], dtype=bool)]


def large_scale(units: pd.DataFrame, rules: Mapping[str, Rule]) -> dict[str, tuple[int, int]]:
    """Return the buildings let on a large scale (G5) with their persons and rooms.

    Over all let units of a building, persons reach ``rental.large_scale_persons`` or rooms
    ``rental.large_scale_rooms``.
    """
    sums: dict[str, tuple[int, int]] = {}
    for unit in units.to_dict("records"):
        if unit["building_code"] is not None:
            people, rooms = sums.get(unit["building_code"], (0, 0))
            sums[unit["building_code"]] = (people + (unit["tenant_count"] or 0), rooms + (unit["room_count"] or 0))
    persons, rooms_bound = rules["rental.large_scale_persons"].value, rules["rental.large_scale_rooms"].value
    return {code: sum_ for code, sum_ in sorted(sums.items()) if sum_[0] >= persons or sum_[1] >= rooms_bound}


def _finding(let: pd.DataFrame, suspected: pd.DataFrame, scale: Mapping[str, Any]) -> str:
    if not len(let):
        return "还没有在租的出租房,无法判断群租。"
    houses = suspected["building_code"].dropna().nunique()
    return (
        f"{len(let):,} 户在租出租房中 {len(suspected)} 户({houses} 幢)群租疑似;"
        f"另有 {len(scale)} 幢达到规模出租的人数或间数。"
    )


def _method(rules: Mapping[str, Rule]) -> str:
    area, room = rules["rental.min_area_per_person"], rules["rental.max_persons_per_room"]
    persons, rooms = rules["rental.large_scale_persons"], rules["rental.large_scale_rooms"]
    since = f"({area.effective_from} 起)" if area.effective_from else ""
    return (
        f"G1 人均使用面积不足 {area.value:g} {area.unit}{since};G2 单间超过 {room.value:g} 人(已知是家庭户的除外;"
        "没有年龄数据,未成年人也算一人);"
        f"G3 非居住空间出租;G4 分隔房间;满足一条即为疑似,不知道的不算。G5 一幢在租合计达到 {persons.value:g} 人"
        f"或 {rooms.value:g} 间。疑似由社区提出,是否违规由有权部门认定。"
    )


def _basis_note(suspected: pd.DataFrame) -> str:
    counts = suspected["count_basis"].fillna("").value_counts()
    parts = [f"{_BASES.get(str(basis), '依据不详')} {number} 户" for basis, number in counts.items()]
    return "人数面积依据:" + "、".join(parts) if parts else ""


def _units_theme(suspected: geopandas.GeoDataFrame, names: Mapping[str, str]) -> Theme:
    frame = suspected.copy()
    frame["title"] = titles_of(frame, "address", "name")
    frame[CLASS] = ["many" if len(reasons) > 1 else "one" for reasons in frame["reasons"]]
    columns = (
        Column("title", "出租房"),
        Column("reasons", "疑似原因", Kind.TEXTS, codes=_REASONS, filtered=True),
        Column("tenant_count", "租住人数", Kind.INTEGER, "人"),
        Column("usable_area_m2", "使用面积", Kind.NUMBER, "m²"),
        Column("largest_room_persons", "单间最多", Kind.INTEGER, "人"),
        Column("count_basis", "人数面积依据", codes=_BASES, filtered=True),
        grid_column(names),
    )
    classes = (Class("one", "符合一条", Marker.CIRCLE), Class("many", "符合两条及以上", Marker.TRIANGLE))
    return theme_of(
        frame, "units", "群租疑似(户)", "POINT", "title", columns, classes, Ramp.SEVERITY,
    )  # fmt: skip


def _buildings_theme(
    buildings: geopandas.GeoDataFrame, let: pd.DataFrame, scale: Mapping[str, tuple[int, int]], names: Mapping[str, str]
) -> Theme:
    suspected = suspected_of(let)["building_code"].value_counts()
    people = let.assign(people=let["tenant_count"].fillna(0).astype(int)).groupby("building_code")["people"].sum()
    shown = [code in suspected or code in scale for code in buildings.index]
    frame = buildings.loc[np.array(shown, dtype=bool)].copy()
    frame["title"] = titles_of(frame, "address", "name")
    frame["suspected"] = [int(suspected.get(code, 0)) for code in frame.index]
    frame["scale"] = ["yes" if code in scale else "no" for code in frame.index]
    frame["people"] = [int(people.get(code, 0)) for code in frame.index]
    frame[CLASS] = [
        "both" if code in scale and code in suspected else "scale" if code in scale else "suspected"
        for code in frame.index
    ]
    columns = (
        Column("title", "楼栋"),
        Column("suspected", "疑似户数", Kind.INTEGER, "户"),
        Column("people", "租住人数", Kind.INTEGER, "人"),
        Column("scale", "规模出租", codes={"yes": "是", "no": "否"}, filtered=True),
        grid_column(names),
    )
    classes = (Class("scale", "规模出租(G5)"), Class("suspected", "有群租疑似"), Class("both", "两者都有"))
    return theme_of(
        frame, "buildings", "楼栋", "MULTIPOLYGON", "title", columns, classes, Ramp.SEVERITY,
    )  # fmt: skip


def _grids_theme(grids: geopandas.GeoDataFrame, let: pd.DataFrame) -> Theme:
    frame = grids.copy()
    total = let["grid"].value_counts()
    suspected = suspected_of(let)["grid"].value_counts()
    frame["let"] = [int(total.get(code, 0)) for code in frame.index]
    frame["suspected"] = [int(suspected.get(code, 0)) for code in frame.index]
    shares = [percent(few, all_) for few, all_ in zip(frame["suspected"], frame["let"], strict=True)]
    frame["share"] = pd.Series(shares, frame.index, dtype=object)
    frame[CLASS] = [_NOTHING_LET.key if share is None else _SHARE.keys([share])[0] for share in shares]
    columns = (
        Column("name", "网格"),
        Column("share", "疑似占在租", Kind.NUMBER, "%"),
        Column("suspected", "疑似户数", Kind.INTEGER, "户"),
        Column("let", "在租户数", Kind.INTEGER, "户"),
    )
    return theme_of(
        frame, "grids", "各网格疑似占比", "MULTIPOLYGON", "name", columns, (_NOTHING_LET, *_SHARE.classes()),
        Ramp.SEQUENTIAL,
        shown=False,
    )  # fmt: skip
