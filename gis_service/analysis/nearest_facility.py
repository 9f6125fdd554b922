"""Nearest facilities: for each home the nearest waste point, hydrant, charger, parking place and service, on foot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.coverage import FACILITIES, Facility, places_of
from gis_service.analysis.frames import grid_titles
from gis_service.analysis.homes import doors_of, home_parts, rounded
from gis_service.analysis.streets import Floats
from gis_service.analysis.themes import Gathering, blank_theme, grid_column
from gis_service.analysis.walking import read_walk
from gis_service.areas import Area
from gis_service.scope import Scope
from layers.field import Kind

_METRES = Breaks((100.0, 200.0, 300.0, 500.0), "m")
_NONE = "none"
DISTANCE_CLASSES = (*_METRES.classes(), Class(_NONE, "到不了"))
"""Classes of a distance in metres, and of no way at all."""


def distance_class(metres: float | None) -> str:
    """Return the key of a distance among ``DISTANCE_CLASSES``; None is no way."""
    return _NONE if metres is None else _METRES.keys([metres])[0]


def nearest_facility(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return each home's nearest facility of each kind, with the metres to walk."""
    asked = scope.narrowed(area.code)
    walk = read_walk(conn, asked, area)
    grids = grid_titles(conn, asked, area)
    kinds = []
    for number, facility in enumerate(FACILITIES.values()):
        places = pd.concat([places_of(conn, asked, area, group) for group in facility.groups])
        to_nearest = walk.to_nearest(walk.stand(np.asarray(places.geometry.array)))
        titles = np.array([*places["title"], None], dtype=object)
        kinds.append(
            (to_nearest, titles, Gathering(_theme(facility, grids, walk.on_foot, shown=number == 0)), list[Floats]())
        )
    count = 0
    for homes in home_parts(conn, asked, area):
        count += len(homes)
        stood = walk.stand(doors_of(homes))
        for to_nearest, titles, gathering, lengths in kinds:
            metres, which = to_nearest(stood)
            known = rounded(metres, homes.index)
            classed = [distance_class(one) for one in known]
            gathering.add(homes.assign(**{"metres": known, "nearest": titles[which], CLASS: classed}))
            lengths.append(metres)
    facts = [
        _fact(facility, np.concatenate(lengths))
        for facility, (*_, lengths) in zip(FACILITIES.values(), kinds, strict=True)
    ]
    medians = [
        f"{facility.word} {fact.value:,.0f} m"
        for facility, fact in zip(FACILITIES.values(), facts, strict=True)
        if fact.value is not None
    ]
    return Answer(
        name="nearest_facility", title="最近设施", community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_finding(count, medians, walk.on_foot),
        method=f"每幢住宅到各类设施中最近一处的距离,{walk.way};损坏、丢失、废弃的设施不算。中位数按楼栋。",
        facts=tuple(facts),
        themes=tuple(gathering.theme() for _, _, gathering, _ in kinds), dated=False,
    )  # fmt: skip


def _finding(homes: int, medians: list[str], on_foot: str) -> str:
    if not homes:
        return "还没有住宅楼栋,无法计算最近设施。"
    if not medians:
        return f"{homes:,} 幢住宅到不了任何一类设施。"
    return f"{homes:,} 幢住宅到最近设施的{on_foot}距离,中位数:{'、'.join(medians)}。"


def _fact(facility: Facility, metres: Floats) -> Fact:
    known = metres[np.isfinite(metres)].round(1)
    lost = len(metres) - len(known)
    note = f"最远 {known.max():,.0f} m,{lost} 幢到不了" if len(known) else "到不了或没有登记"
    middle = round(float(np.median(known)), 1) if len(known) else None
    return Fact(f"到{facility.word}(中位数)", middle, "m", note, theme=_name(facility))


def _name(facility: Facility) -> str:
    return facility.name.removesuffix("_coverage")


def _theme(facility: Facility, grids: Mapping[str, str], on_foot: str, *, shown: bool) -> Theme:
    columns = (
        Column("title", "楼栋"),
        Column("metres", f"{on_foot}距离", Kind.NUMBER, "m"),
        Column("nearest", f"最近{facility.word}"),
        Column("people", "常住人口", Kind.INTEGER, "人"),
        grid_column(grids),
    )
    return blank_theme(
        _name(facility), f"到{facility.word}", "MULTIPOLYGON", "title", columns, DISTANCE_CLASSES, Ramp.SEQUENTIAL,
        shown=shown, choice="kind",
    )  # fmt: skip
