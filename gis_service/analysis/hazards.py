"""Hazards: what is open, how old and how long overdue, and where open ones gather."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

import geopandas
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Integer, Uuid, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Breaks, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.case_steps import read_step_limits
from gis_service.analysis.frames import grid_titles, read_frame, titles_by_code
from gis_service.analysis.kernel import CELL_M, surface
from gis_service.analysis.repeats import repeats
from gis_service.analysis.themes import field_column, grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope, within
from gis_service.tables import tables_of
from layers.catalog.hazard import HazardStatus, SubjectKind
from layers.field import Kind
from layers.flows import GRAVE, OVER
from layers.registry import LAYERS
from layers.rules import Rule
from layers.style import Marker

EPS_M, LEAST = 40.0, 4
"""Clusters (DBSCAN): open cases of which each has at least ``LEAST``, itself among them, within ``EPS_M`` metres."""
_AROUND_M = 15.0
_NUMBERS = Breaks((8.0, 15.0, 30.0), "起", least=LEAST)
_READ = [
    "id", "grid", "event_code", "category", "level", "status", "subject_kind", "found_on", "due_on", "closed_on",
    "transferred_to", "campaign", "rental_code", "enterprise_code", "building_code",
]  # fmt: skip
BANDWIDTH_M = 100.0
"""Standard deviation of the surface's kernel (系统默认): about a block."""
_LEVELS = Breaks((0.5, 1.0, 2.0, 4.0), "起/公顷")


def hazards(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return the open hazards with their age and time limits, the settled ones, and the clusters of open ones."""
    asked = scope.narrowed(area.code)
    rule = read_rules(conn, area.code)["hazard.general_days"]
    frame = read_cases(conn, asked, area, rule, on)
    grids = grid_titles(conn, asked, area)
    clusters = _clusters(conn, asked, area, frame)
    opened = frame[frame["open"].astype(bool)]
    again = repeats(frame)
    places = titles_by_code(conn, asked, set(again["place"]), "name", "address", srid=area.metric_srid)
    return Answer(
        name="hazards", title="隐患", community=area.code, on=on, srid=area.metric_srid, unit="起",
        finding=_finding(frame, opened, clusters),
        method="已办结、不予受理、并案的不算未办结;期限取登记的整改期限,没有的按"
        f"发现之日起 {rule.value:g} {rule.unit}计;办理环节的时限更早的,按环节的时限。"
        f"核密度:高斯核,带宽 {BANDWIDTH_M:g} 米,{CELL_M:g} 米方格,分级固定,不作边界修正。"
        "反复发生:同一出租房、企业或楼栋同类隐患 2 起及以上,办结后又发现的另标。"
        f"集中区:{EPS_M:g} 米内每起周围至少 {LEAST} 起(含自身)未办结隐患(DBSCAN)。"
        "企业、居住、公共区域的隐患分开列出;未办结总数是三者之和,企业专项的上报数只与企业隐患比。疑似重大由主管部门认定。",
        facts=(
            *_facts(frame, opened, clusters),
            Fact("同类隐患反复发生", len(again), "处", f"其中办结后再次发现 {int((again['again'] > 0).sum()):,} 处",
                 theme="repeats"),
        ),
        themes=(_cases("open", "未办结隐患", opened, grids), _clusters_theme(clusters),
                _repeats_theme(again, places), _surface_theme(opened),
                _cases("settled", "已办结隐患", frame[~frame["open"].astype(bool)], grids, shown=False)),
        rules=(rule,),
    )  # fmt: skip


def read_cases(conn: Connection, asked: Scope, area: Area, general: Rule, on: date) -> geopandas.GeoDataFrame:
    """Return the cases that were found by a day, as ``judged`` does, each as a point."""
    cases = read_frame(conn, asked, "hazard", _READ, srid=area.metric_srid)
    known = np.array([day is None or day <= on for day in cases["found_on"]], dtype=bool)
    frame = judged(cases[known], general, on, read_step_limits(conn, area.code, on))
    frame["geometry"] = shapely.point_on_surface(frame.geometry.array)
    return frame


def judged(
    frame: geopandas.GeoDataFrame, general: Rule, on: date, steps: Mapping[uuid.UUID, date] = MappingProxyType({})
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return the cases with ``open``, ``limit`` (a day or None), ``age`` and ``late`` in days, and their class.

    The limit is the recorded one, else ``hazard.general_days`` after the day of finding, or that of the present step
    where it is earlier. A case is late from the day after its limit. What was settled after ``on`` was open then.

    Parameters
    ----------
    steps
        Of cases that have one, the day on which the time of the present step ends, by their identifier.
    """
    found = frame.copy()
    found["open"] = [
        status not in OVER or (status == HazardStatus.CLOSED and settled is not None and settled > on)
        for status, settled in zip(found["status"], found["closed_on"], strict=True)
    ]
    whole = [
        due or (begun + timedelta(days=general.value) if begun else None)
        for begun, due in zip(found["found_on"], found["due_on"], strict=True)
    ]
    found["limit"] = [
        min((day for day in (limit, steps.get(case)) if day is not None), default=None)
        for limit, case in zip(whole, found["id"], strict=True)
    ]
    found["age"] = [max(0, (on - begun).days) if begun else None for begun in found["found_on"]]
    found["late"] = [
        max(0, (on - limit).days) if limit and still else 0
        for limit, still in zip(found["limit"], found["open"], strict=True)
    ]
    found[CLASS] = [
        "settled"
        if not still
        else "_".join(filter(None, ("grave" if level in GRAVE else "", "late" if late else ""))) or "in_time"
        for still, level, late in zip(found["open"], found["level"], found["late"], strict=True)
    ]
    return found


def _clusters(conn: Connection, asked: Scope, area: Area, frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return the clusters of open cases, the largest first: number, grave and late ones, addresses, and the area."""
    opened = frame["id"][frame["open"].astype(bool)].tolist()
    rows = tables_of(LAYERS["hazard"]).current.alias("h")
    place = func.ST_Transform(func.ST_PointOnSurface(rows.c.geom), bindparam("srid", area.metric_srid, Integer))
    query = select(
        rows.c.id, cast(func.ST_ClusterDBSCAN(place, EPS_M, LEAST).over(), Integer).label("cluster")
    ).where(
        within(asked, rows, "grid"), rows.c.id == func.any(bindparam("opened", opened, ARRAY(Uuid)))
    )  # fmt: skip
    numbers = {case: number for case, number in conn.execute(query) if number is not None}
    # Codes are unique in their grid only.
    members = frame[frame["id"].isin(numbers)].copy()
    members["cluster"] = [numbers[case] for case in members["id"]]
    groups = [group for _, group in members.groupby("cluster")]
    shapes = [shapely.convex_hull(shapely.union_all(group.geometry.array)).buffer(_AROUND_M) for group in groups]
    buildings = read_frame(conn, asked, "building", ["address"], srid=area.metric_srid, touching=shapes)
    parts = []
    for group, shape in zip(groups, shapes, strict=True):
        near = buildings["address"][buildings.geometry.intersects(shape)].dropna().sort_values().tolist()
        said = "、".join(near[:3]) + (f" 等 {len(near)} 处" if len(near) > 3 else "")
        grave = int(group["level"].isin(GRAVE).sum())
        parts.append((len(group), grave, int((group["late"] > 0).sum()), said, shape))
    parts.sort(key=lambda part: (-part[0], -part[1], part[4].centroid.x))
    columns = {
        "place": [f"集中区 {number}" for number in range(1, len(parts) + 1)],
        "number": [part[0] for part in parts], "grave": [part[1] for part in parts],
        "late": [part[2] for part in parts], "addresses": [part[3] or None for part in parts],
    }  # fmt: skip
    found = geopandas.GeoDataFrame(columns, geometry=[part[4] for part in parts], crs=area.metric_srid)
    found[CLASS] = _NUMBERS.keys(found["number"].tolist())
    return found


def _finding(frame: pd.DataFrame, opened: pd.DataFrame, clusters: pd.DataFrame) -> str:
    if not len(frame):
        return "还没有登记隐患。"
    late = int((opened["late"] > 0).sum())
    kinds = "、".join(
        f"{kind.label} {number}" for kind in SubjectKind if (number := int((opened["subject_kind"] == str(kind)).sum()))
    )
    if not len(opened):
        return "登记的隐患都已办结。"
    gathered = f";{int(clusters['number'].sum())} 起聚成 {len(clusters)} 个集中区" if len(clusters) else ""
    return f"未办结隐患 {len(opened):,} 起({kinds}),其中 {late:,} 起已超期{gathered}。"


_FIRE_LANE = "X-FS03"
"""Event: a fire lane is blocked."""


def _age_fact(opened: pd.DataFrame) -> Fact:
    known = [age for age in opened["age"] if age is not None]
    note = f"最久 {max(known):,} 天" if known else "没有未办结的隐患,或都没有发现日期"
    return Fact("未办结的发现至今(中位数)", float(np.median(known)) if known else None, "天", note, theme="open")


def _facts(frame: pd.DataFrame, opened: pd.DataFrame, clusters: pd.DataFrame) -> tuple[Fact, ...]:
    facts = [
        Fact("未办结", len(opened), "起", theme="open"),
        Fact("已超期", int((opened["late"] > 0).sum()), "起", "含重大与疑似重大中超期的", theme="open",
             where={"overdue": "yes"}),
        Fact("重大或疑似重大(未办结)", int(opened["level"].isin(GRAVE).sum()), "起", "立即上报主管部门", theme="open",
             where={"severity": "grave"}),
        _age_fact(opened),
        Fact("已上报移交", int((opened["status"] == str(HazardStatus.TRANSFERRED)).sum()), "起", theme="open",
             where={"status": str(HazardStatus.TRANSFERRED)}),
        Fact("消防车通道被占(未办结)", int((opened["event_code"] == _FIRE_LANE).sum()), "起", theme="open",
             where={"event_code": _FIRE_LANE}),
        Fact("集中区", len(clusters), "处", theme="clusters"),
    ]  # fmt: skip
    for kind in SubjectKind:
        of_kind, left = (int((rows["subject_kind"] == str(kind)).sum()) for rows in (frame, opened))
        facts.append(Fact(f"{kind.label}:已办结", of_kind - left, "起", f"登记 {of_kind:,} 起,未办结 {left:,} 起"))
    return tuple(facts)


_CLASSES = (
    Class("in_time", "未到期", Marker.CIRCLE),
    Class("late", "已超期", Marker.DIAMOND, outlined=True),
    Class("grave", "重大或疑似重大", Marker.TRIANGLE),
    Class("grave_late", "重大或疑似重大,已超期", Marker.TRIANGLE, outlined=True),
)
_OVERDUE = {"yes": "已超期", "no": "未超期"}
_SEVERITY = {"grave": "重大或疑似重大", "general": "一般"}
_SETTLED = (Class("settled", "已办结", Marker.CROSS),)


def _cases(
    name: str, title: str, cases: geopandas.GeoDataFrame, grids: Mapping[str, str], *, shown: bool = True
) -> Theme:
    frame = cases.copy()
    frame["overdue"] = np.where(frame["late"] > 0, "yes", "no")
    frame["severity"] = np.where(frame["level"].isin(GRAVE), "grave", "general")
    columns = (
        field_column("hazard", "event_code", "事件", filtered=True),
        field_column("hazard", "category", "类别", filtered=True),
        field_column("hazard", "level", "等级", filtered=True),
        field_column("hazard", "status", "办理状态", filtered=True),
        Column("found_on", "发现日期", Kind.DATE),
        Column("limit", "整改期限", Kind.DATE),
        Column("age", "发现至今", Kind.INTEGER, "天"),
        Column("late", "超期", Kind.INTEGER, "天"),
        *(
            (
                Column("overdue", "是否超期", codes=_OVERDUE, filtered=True),
                Column("severity", "是否重大", codes=_SEVERITY, filtered=True),
            )
            if shown
            else ()
        ),
        grid_column(grids),
    )
    classes = _CLASSES if shown else _SETTLED
    return theme_of(
        frame, name, title, "POINT", "event_code", columns, classes, Ramp.SEVERITY if shown else Ramp.CATEGORY,
        timed="found_on", shown=shown,
    )  # fmt: skip


def _clusters_theme(clusters: geopandas.GeoDataFrame) -> Theme:
    columns = (
        Column("place", "集中区"),
        Column("number", "未办结", Kind.INTEGER, "起"),
        Column("grave", "重大或疑似", Kind.INTEGER, "起"),
        Column("late", "已超期", Kind.INTEGER, "起"),
        Column("addresses", "涉及地址"),
    )
    return theme_of(
        clusters, "clusters", "隐患集中区", "MULTIPOLYGON", "place", columns, _NUMBERS.classes(), Ramp.SEQUENTIAL,
        choice="areas",
    )  # fmt: skip


def _repeats_theme(again: geopandas.GeoDataFrame, titles: Mapping[str, str]) -> Theme:
    frame = again.assign(title=[titles.get(code, code) for code in again["place"]])
    columns = (
        Column("title", "地点"),
        field_column("hazard", "category", "类别", filtered=True),
        Column("number", "同类隐患", Kind.INTEGER, "起"),
        Column("still", "未办结", Kind.INTEGER, "起"),
        Column("again", "办结后再发现", Kind.INTEGER, "起"),
        Column("last", "最近发现", Kind.DATE),
    )
    classes = (Class("several", "同类 2 起及以上", Marker.CIRCLE), Class("again", "办结后又发现", Marker.DIAMOND))
    return theme_of(
        frame, "repeats", "反复发生", "POINT", "title", columns, classes, Ramp.SEVERITY, shown=False,
    )  # fmt: skip


def _surface_theme(opened: geopandas.GeoDataFrame) -> Theme:
    frame = surface(opened.geometry, _LEVELS, BANDWIDTH_M)
    columns = (Column("level", "密度"), Column("area_ha", "面积", Kind.NUMBER, "公顷"))
    return theme_of(
        frame, "surface", "未办结隐患核密度", "MULTIPOLYGON", "level", columns, _LEVELS.classes()[1:], Ramp.SEQUENTIAL,
        shown=False, choice="areas",
    )  # fmt: skip
