"""Nearest facilities: for each home the nearest waste point, hydrant, charger, parking place and service, on foot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.coverage import FACILITIES, Facility, homes_of, places_of
from gis_service.analysis.frames import grid_titles
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.analysis.walking import read_walk
from gis_service.areas import Area
from gis_service.scope import Scope
from layers.field import Kind

_METRES = Breaks((100.0, 200.0, 300.0, 500.0), "m")
NONE = "none"
"""Class of homes from which no facility of the kind can be reached."""


def nearest_facility(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return each home's nearest facility of each kind, with the metres to walk."""
    asked = scope.narrowed(area.code)
    homes = homes_of(conn, asked, area)
    walk = read_walk(conn, asked, area)
    grids = grid_titles(conn, asked, area)
    doors = np.asarray(shapely.point_on_surface(homes.geometry.array), dtype=object)
    facts, themes, medians = [], [], []
    for number, facility in enumerate(FACILITIES.values()):
        places = pd.concat([places_of(conn, asked, area, group) for group in facility.groups])
        metres, which = walk.nearest(doors, np.asarray(places.geometry.array, dtype=object))
        titles = places["title"].tolist()
        walked = [round(float(one), 1) if np.isfinite(one) else None for one in metres]
        frame = homes.assign(
            # Objects, since a list with None among numbers would become a column of floats with NaN.
            metres=pd.Series(walked, homes.index, dtype=object),
            nearest=[titles[one] if one >= 0 else None for one in which],
        )
        themes.append(_theme(facility, frame, grids, shown=number == 0))
        facts.append(_fact(facility, frame))
        if facts[-1].value is not None:
            medians.append(f"{facility.word} {facts[-1].value:,.0f} m")
    return Answer(
        name="nearest_facility", title="最近设施", community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_finding(homes, medians),
        method=f"每幢住宅到各类设施中最近一处的距离,{walk.way};损坏、丢失、废弃的设施不算。中位数按楼栋。",
        facts=tuple(facts),
        themes=tuple(themes),
    )  # fmt: skip


def _finding(homes: pd.DataFrame, medians: list[str]) -> str:
    if not len(homes):
        return "还没有住宅楼栋,无法计算最近设施。"
    if not medians:
        return f"{len(homes):,} 幢住宅走不到任何一类设施。"
    return f"{len(homes):,} 幢住宅走到最近设施的中位数:{'、'.join(medians)}。"


def _fact(facility: Facility, frame: pd.DataFrame) -> Fact:
    known = [one for one in frame["metres"] if one is not None]
    lost = len(frame) - len(known)
    note = f"最远 {max(known):,.0f} m,{lost} 幢到不了" if known else "到不了或没有登记"
    middle = round(float(np.median(known)), 1) if known else None
    return Fact(f"到{facility.word}(中位数)", middle, "m", note, theme=_name(facility))


def _name(facility: Facility) -> str:
    return facility.name.removesuffix("_coverage")


def _theme(facility: Facility, frame: geopandas.GeoDataFrame, grids: Mapping[str, str], *, shown: bool) -> Theme:
    classed = [NONE if one is None else _METRES.keys([one])[0] for one in frame["metres"]]
    columns = (
        Column("title", "楼栋"),
        Column("metres", "步行距离", Kind.NUMBER, "m"),
        Column("nearest", f"最近{facility.word}"),
        Column("people", "常住人口", Kind.INTEGER, "人"),
        grid_column(grids),
    )
    classes = (*_METRES.classes(), Class(NONE, "到不了"))
    return theme_of(
        frame.assign(**{CLASS: classed}), _name(facility), f"到{facility.word}", "MULTIPOLYGON", "title", columns,
        classes, Ramp.SEQUENTIAL, shown=shown, choice="kind",
    )  # fmt: skip
