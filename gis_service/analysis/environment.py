"""Environment: green that was lost, and construction waste against the nearest place to put it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme, percent
from gis_service.analysis.frames import grid_titles, read_frame, titles_of
from gis_service.analysis.homes import rounded
from gis_service.analysis.nearest_facility import DISTANCE_CLASSES, distance_class
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.analysis.walking import read_walk
from gis_service.areas import Area
from gis_service.scope import Scope
from layers.catalog.green import Occupation
from layers.field import Kind
from layers.flows import OVER
from layers.style import Marker

CONSTRUCTION = ("01-03", "03-03")
"""Events: heaps of rubble, and waste of building works (GB/T 30428.2)."""


def green_loss(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return green land by what has taken it, in square metres of the map."""
    asked = scope.narrowed(area.code)
    frame = read_frame(conn, asked, "green", ["name", "kind", "occupation", "grid"], srid=area.metric_srid)
    frame["area_m2"] = [round(float(one), 1) for one in frame.geometry.area]
    frame[CLASS] = [str(one) if one else _UNKNOWN for one in frame["occupation"]]
    frame["title"] = titles_of(frame, "name")
    grids = grid_titles(conn, asked, area)
    areas_m2 = lost_by_kind(frame)
    lost, total = sum(areas_m2.values()), float(frame.geometry.area.sum())
    cases = read_frame(conn, asked, "hazard", ["event_code", "status"], srid=area.metric_srid)
    opened = int((cases["event_code"].isin(("X-GR01", "X-GR02", "X-GR03")) & ~cases["status"].isin(OVER)).sum())
    taken: dict[Occupation, float] = {
        one: areas_m2.get(str(one), 0.0) for one in Occupation if one is not Occupation.INTACT
    }
    facts = [
        Fact("绿地", round(total, 1), "m²", f"{len(frame):,} 块,图上面积"),
        Fact("被占或损坏", round(lost, 1), "m²", f"占绿地 {percent(lost, total)}%" if total else ""),
        *(
            Fact(one.label, round(area_m2, 1), "m²", f"{int((frame[CLASS] == str(one)).sum())} 块", theme="green",
                 where={CLASS: str(one)})
            for one, area_m2 in taken.items()
        ),
        Fact("毁绿案件未办结", opened, "起"),
    ]  # fmt: skip
    return Answer(
        name="green_loss", title="毁绿占绿", community=area.code, on=on, srid=area.metric_srid, unit="m²",
        finding=_green_finding(frame, total, lost, taken),
        method="面积由图形在本社区的平面坐标系中量出;一块绿地登记一种占用,整块计入。",
        facts=tuple(facts), themes=_green_themes(frame, grids), dated=False,
    )  # fmt: skip


_UNKNOWN = "unknown"


def lost_by_kind(frame: geopandas.GeoDataFrame) -> dict[str, float]:
    """Return the square metres of green by what has taken it; whole and unknown land isn't lost."""
    kept = (str(Occupation.INTACT), _UNKNOWN)
    return {
        str(kind): float(rows.geometry.area.sum()) for kind, rows in frame.groupby(CLASS) if kind not in kept
    }  # fmt: skip


def _green_finding(frame: pd.DataFrame, total: float, lost: float, taken: Mapping[Occupation, float]) -> str:
    if not len(frame):
        return "还没有绿地数据。"
    named = "、".join(f"{one.label} {area_m2:,.0f} m²" for one, area_m2 in taken.items() if area_m2)
    if not lost:
        return f"绿地 {total:,.0f} m² 没有登记占用。"
    return f"绿地 {total:,.0f} m² 中 {lost:,.0f} m²({100 * lost / total:.1f}%)被占或损坏:{named}。"


def _green_themes(frame: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> tuple[Theme, Theme]:
    """Return the land that was taken, as points that are seen from afar and in its extent."""
    lost = frame[~frame[CLASS].isin((str(Occupation.INTACT), _UNKNOWN))]
    columns = (
        Column("title", "绿地"),
        field_column("green", "kind", "类型", filtered=True),
        Column("area_m2", "面积", Kind.NUMBER, "m²"),
        grid_column(grids),
    )
    taken = [one for one in Occupation if one is not Occupation.INTACT]
    points = lost.set_geometry(lost.geometry.representative_point())
    places = theme_of(
        points, "green", "毁绿占绿", "POINT", "title", columns,
        tuple(Class(str(one), one.label, marker) for one, marker in zip(taken, Marker, strict=False)), Ramp.CATEGORY,
    )  # fmt: skip
    outlines = theme_of(
        lost.assign(**{CLASS: "lost"}), "outlines", "被占绿地范围", "MULTIPOLYGON", "title", columns,
        (Class("lost", "被占绿地"),), Ramp.SEVERITY,
    )  # fmt: skip
    return places, outlines


def construction_waste(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return cases of construction waste by the walk to the nearest point that takes it."""
    asked = scope.narrowed(area.code)
    columns = ["event_code", "status", "found_on", "grid"]
    cases = read_frame(conn, asked, "hazard", columns, srid=area.metric_srid)
    cases = cases[cases["event_code"].isin(CONSTRUCTION) & ~cases["status"].isin(("rejected", "merged"))].copy()
    cases["geometry"] = shapely.point_on_surface(cases.geometry.array)
    points = read_frame(conn, asked, "waste_point", ["name", "kind", "grid"], srid=area.metric_srid)
    points = points[points["kind"] == "renovation"].copy()
    points["title"] = titles_of(points, "name")
    walk = read_walk(conn, asked, area)
    stood, places = (walk.stand(np.asarray(one.geometry.array)) for one in (cases, points))
    metres, which = walk.to_nearest(places)(stood)
    cases["metres"] = rounded(metres, cases.index)
    cases["nearest"] = np.array([*points["title"], None], dtype=object)[which]
    cases[CLASS] = [distance_class(one) for one in cases["metres"]]
    grids = grid_titles(conn, asked, area)
    known = [one for one in cases["metres"] if one is not None]
    middle = round(float(np.median(known)), 1) if known else None
    far = len(cases) - sum(one <= 300 for one in known)
    opened = int((~cases["status"].isin(OVER)).sum())
    return Answer(
        name="construction_waste", title="装修垃圾堆放", community=area.code, on=on, srid=area.metric_srid, unit="m",
        finding=_waste_finding(cases, points, middle, far),
        method="积存渣土和施工废弃料的案件(不含不予受理和并案),到最近的装修垃圾堆放点的距离,"
        f"{walk.way}。离堆放点远的地方反复发生,说明点位不够或太远。",
        facts=(
            Fact("渣土与施工废弃料", len(cases), "起", f"未办结 {opened} 起", theme="cases"),
            Fact("装修垃圾堆放点", len(points), "处", theme="points"),
            Fact("到堆放点(中位数)", middle, "m", "" if known else "到不了或没有案件"),
            Fact("超过 300 m 或到不了", far, "起"),
        ),
        themes=(_waste_cases(cases, grids), _waste_points(points, grids)), dated=False,
    )  # fmt: skip


def _waste_finding(cases: pd.DataFrame, points: pd.DataFrame, middle: float | None, far: int) -> str:
    if not len(cases):
        return f"还没有渣土和施工废弃料案件;装修垃圾堆放点 {len(points)} 处。"
    if not len(points):
        return f"渣土和施工废弃料 {len(cases):,} 起,本社区还没有装修垃圾堆放点。"
    half = f"中位数 {middle:,.0f} m," if middle is not None else ""
    return f"渣土和施工废弃料 {len(cases):,} 起,离最近的装修垃圾堆放点{half}{far} 起超过 300 m 或到不了。"


def _waste_cases(cases: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    frame = cases.copy()
    columns = (
        field_column("hazard", "event_code", "事件", filtered=True),
        field_column("hazard", "status", "办理状态", filtered=True),
        Column("found_on", "发现日期", Kind.DATE),
        Column("metres", "到堆放点", Kind.NUMBER, "m"),
        Column("nearest", "最近堆放点"),
        grid_column(grids),
    )
    return theme_of(
        frame, "cases", "到最近堆放点", "POINT", "event_code", columns, DISTANCE_CLASSES, Ramp.SEQUENTIAL,
        timed="found_on",
    )  # fmt: skip


def _waste_points(points: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    columns = (Column("title", "堆放点"), grid_column(grids))
    return theme_of(
        points.assign(**{CLASS: "point"}), "points", "装修垃圾堆放点", "POINT", "title", columns,
        (Class("point", "堆放点", Marker.HEXAGON),), Ramp.CATEGORY, marker=Marker.HEXAGON,
    )  # fmt: skip
