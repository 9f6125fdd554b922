"""What is due today: hazards at their limit, rentals nobody has seen for too long, registrations that seem overdue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Fact, Ramp, Theme
from gis_service.analysis.frames import grid_titles, titles_by_code, titles_of
from gis_service.analysis.freshness import read_let
from gis_service.analysis.hazards import read_cases
from gis_service.analysis.themes import grid_column, theme_of
from gis_service.areas import Area
from gis_service.rules import read_rules
from gis_service.scope import Scope
from layers.field import Kind
from layers.flows import GRAVE
from layers.registry import LAYERS
from layers.rules import Rule
from layers.style import Marker

SOON_DAYS = 7
"""A limit within so many days is told beforehand (系统默认): a week, the round of a grid."""

_CLASSES = (
    Class("late", "隐患超期", Marker.TRIANGLE, outlined=True),
    Class("soon", f"隐患 {SOON_DAYS} 天内到期", Marker.TRIANGLE),
    Class("overdue", "登记疑似逾期", Marker.DIAMOND),
    Class("never", "从未走访", Marker.CIRCLE),
    Class("stale", "超过周期没有走访", Marker.CIRCLE),
)
_EVENTS = LAYERS["hazard"].field("event_code").codes or {}


def due(conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
    """Return what is to be done, the most urgent first: hazards by limit, then registrations, then visits."""
    asked = scope.narrowed(area.code)
    rules = read_rules(conn, area.code)
    general, cycle, reporting = (
        rules[name] for name in ("hazard.general_days", "rental.recheck_green", "rental.reporting_days")
    )
    cases, let = read_cases(conn, asked, area, general, on), read_let(conn, asked, area, reporting, on)
    found = geopandas.GeoDataFrame(
        pd.concat([_of_hazards(conn, asked, area, cases, on), _of_rentals(let, cycle)]), crs=area.metric_srid
    )
    found = found.sort_values(["rank", "day", "title"], key=_in_order, kind="stable")
    counts = {one.key: int((found[CLASS] == one.key).sum()) for one in _CLASSES}
    return Answer(
        name="due", title="今日待办", community=area.code, on=on, srid=area.metric_srid, unit="件",
        finding=_finding(found, counts) if len(cases) or len(let) else "还没有登记隐患和在租的出租房,没有待办。",
        method=f"隐患:未办结,已过期限或 {SOON_DAYS} 天内到期;期限取登记的整改期限,没有的按发现之日起 {general.value:g} "
        f"{general.unit}。登记疑似逾期:见“信息保鲜”,由公安认定。走访:在租的出租房从未走访,或距最近走访超过 "
        f"{cycle.value:g} {cycle.unit}。一户只列最急的一条;先重大隐患,再按超期最久、登记、从未走访、最久没有走访。",
        facts=tuple(Fact(one.title, counts[one.key], "件", theme="due", where={CLASS: one.key}) for one in _CLASSES),
        themes=(_theme(found, grid_titles(conn, asked, area)),),
        rules=(general, cycle, reporting),
    )  # fmt: skip


def _finding(found: pd.DataFrame, counts: Mapping[str, int]) -> str:
    if not len(found):
        return "没有到期的隐患,也没有该复查的出租房。"
    told = "、".join(f"{one.title} {counts[one.key]:,} 件" for one in _CLASSES if counts[one.key])
    return f"共 {len(found):,} 件待办:{told}。"


def _of_hazards(
    conn: Connection, asked: Scope, area: Area, cases: geopandas.GeoDataFrame, on: date
) -> geopandas.GeoDataFrame:
    """Return the open cases that are late or near their limit, with where they are."""
    opened = cases[cases["open"].astype(bool)]
    near = [limit is not None and (limit - on).days <= SOON_DAYS for limit in opened["limit"]]
    frame = opened[pd.Series(near, index=opened.index, dtype=bool)].copy()
    codes = {code for row in _codes(frame) for code in row}
    places = titles_by_code(conn, asked, codes, "address", "name", srid=area.metric_srid)
    frame["title"] = [
        next((places[code] for code in codes if code in places), str(key))
        for key, codes in zip(frame.index, _codes(frame), strict=True)
    ]
    frame["what"] = [_EVENTS.get(code, code) or "隐患" for code in frame["event_code"]]
    frame["day"] = frame["limit"]
    frame["days"] = [(on - limit).days for limit in frame["limit"]]
    frame[CLASS] = ["late" if late > 0 else "soon" for late in frame["days"]]
    grave = frame["level"].isin(GRAVE)
    frame["rank"] = [0 if one else 1 if kind == "late" else 2 for one, kind in zip(grave, frame[CLASS], strict=True)]
    return frame[_COLUMNS]


_COLUMNS = ["title", "what", "day", "days", "grid", "rank", CLASS, "geometry"]


def _codes(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    rows = zip(*(frame[name] for name in ("rental_code", "enterprise_code", "building_code")), strict=True)
    return [tuple(code for code in row if code) for row in rows]


def _of_rentals(let: geopandas.GeoDataFrame, cycle: Rule) -> geopandas.GeoDataFrame:
    """Return the let units that somebody should see, each for the most urgent reason."""
    frame = let.copy()
    frame["geometry"] = shapely.point_on_surface(frame.geometry.array)
    frame["title"] = titles_of(frame, "address", "name")
    reasons = zip(frame["overdue"], frame["since"], strict=True)
    frame[CLASS] = [
        "overdue" if overdue is True else "never" if since is None else "stale" if since > cycle.value else ""
        for overdue, since in reasons
    ]
    frame = frame[frame[CLASS] != ""].copy()
    titles = {one.key: one.title for one in _CLASSES}
    frame["what"] = [titles[key] for key in frame[CLASS]]
    frame["day"] = frame["visited"]
    frame["days"] = frame["since"]
    frame["rank"] = [{"overdue": 3, "never": 4, "stale": 5}[key] for key in frame[CLASS]]
    return frame[_COLUMNS]


def _in_order(column: pd.Series) -> pd.Series:
    """Put days without a date first: nobody knows how long that has been."""
    return column.map(lambda one: date.min if one is None else one) if column.name == "day" else column


def _theme(found: geopandas.GeoDataFrame, grids: Mapping[str, str]) -> Theme:
    columns = (
        Column("title", "地点"),
        Column("what", "要办的事"),
        Column("day", "期限或最近走访", Kind.DATE),
        Column("days", "已过", Kind.INTEGER, "天"),
        grid_column(grids),
    )
    return theme_of(
        found, "due", "今日待办", "POINT", "title", columns, _CLASSES, Ramp.CATEGORY, listed=True,
    )  # fmt: skip
