"""What lies along a road or a walked track: exact metres, in the order in which one passes it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Numeric,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)  # fmt: skip
from sqlalchemy.sql.selectable import CTE

from gis_service.coordinates import METRES_PER_DEGREE, metric_srid
from gis_service.errors import InputError, NotFoundError
from gis_service.features.drawn import MAX_LENGTH_KM, too_long
from gis_service.features.question import Question
from gis_service.features.read import feature_text
from gis_service.features.select import ROWS, asked_scope, conditions, rows_of
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import AREA, STORED_SRID
from layers.layer import Layer
from layers.registry import LAYERS

MAX_WIDTH_M = 200.0
DEFINITIONS = {
    "width_m": "线两侧各算这么多米;量测用该社区的平面坐标系",
    "position_m": "要素离线最近处在线上的里程,从起点算起;横穿线的要素取首次相遇处;各段首尾相接,断开处不计长",
    "distance_m": "要素到线的最短平面距离,相交为 0",
    "side": "顺着前进方向:left 左侧,right 右侧,on 与线相交",
    "start": "所给的线从它的第一点起;道路从西端起,南北长于东西时从南端起",
}
ALONG: tuple[Layer, ...] = tuple(layer for layer in LAYERS.values() if layer.group != "区划")
"""The layers asked when none is named: nobody walks past a community or a grid."""

_ROAD = LAYERS["road"]
_PIECE_M = 200.0
"""The index is asked piece by piece: the box of a whole slanting street holds half the town."""
_NEAREST: ColumnElement[Any] = literal_column("nearest.line")
_APART: ColumnElement[int] = literal_column("0")
"""An offset of nothing keeps a subquery apart: what it reckons isn't reckoned again for each row of another."""
_STEP_M = 0.05
"""The direction of a line at a place is that of the chord between two points so far before and after it."""


@dataclass(frozen=True)
class Way:
    """What to go along: a line in degrees as ``drawn.drawn_line`` checked it, or a road by its code or name."""

    line: BaseGeometry | None = None
    road: str | None = None
    community: str | None = None

    def question(self) -> Question:
        """Return what it asks of every layer beside the place."""
        return Question(community=self.community)

    def values(self) -> dict[str, object]:
        """Return the values of the parameters that the statements have in common."""
        if self.line is None:
            return {"road": self.road}
        middle = self.line.centroid
        wkt = str(shapely.to_wkt(self.line, rounding_precision=-1))
        return {"line": wkt, "srid": metric_srid(middle.x, middle.y)}


def way_of(scope: Scope, way: Way) -> Asked:
    """Return the statement that describes the line itself; ``read_way`` reads what it answers."""
    question = way.question()
    narrowed = asked_scope(scope, question)

    def build() -> Select[Any]:
        parts = _parts(scope, way, question)
        shown = func.ST_AsGeoJSON(func.ST_Transform(func.ST_Collect(parts.c.line), STORED_SRID), 8, 0)
        return select(shown, func.sum(parts.c.length), func.count(), func.max(func.ST_SRID(parts.c.line)))

    statement = remembered(("way", narrowed.shape, way.road is None), build)
    return statement, {**values_of(narrowed), **way.values()}


def read_way(way: Way, rows: Rows, width_m: float) -> dict[str, Any]:
    """Return the geometry, length in metres, parts and metric system of the line.

    Raises
    ------
    NotFoundError
        When the scope has no such road.
    InputError
        When the road is longer than 50 km.
    """
    geometry, length, parts, srid = rows[0]
    if length is None:
        raise NotFoundError(
            f"没有编码或名称为 {way.road!r} 的道路,或不在您的范围内。",
            f"There is no road {way.road!r}, or it lies outside your area.",
        )
    if length > MAX_LENGTH_KM * 1e3:
        raise too_long(length)
    return {
        "geometry": orjson.loads(geometry), "length_m": round(length, 2), "parts": parts, "width_m": width_m,
        "metric_crs": f"http://www.opengis.net/def/crs/EPSG/0/{srid}", "definitions": DEFINITIONS,
    }  # fmt: skip


def along_of(layer: Layer, scope: Scope, way: Way, *, width_m: float, limit: int) -> Asked:
    """Return the statement of a layer's features along a line; ``read_along`` merges what it answers for layers.

    A road's own segments are left out of the layer of roads.

    Raises
    ------
    InputError
        When the width isn't within (0, 200] metres.
    """
    if not 0 < width_m <= MAX_WIDTH_M:
        raise InputError(
            f"宽度 {width_m:g} 米不对:线两侧各算这么多米,应大于 0,不超过 {MAX_WIDTH_M:g} 米。",
            f"The width {width_m:g} m to each side is wrong: above 0, at most {MAX_WIDTH_M:g} m.",
        )
    question = way.question()
    narrowed = asked_scope(scope, question)
    key = ("along", layer.name, narrowed.shape, way.road is None)
    statement = remembered(key, lambda: _along(layer, scope, way, question))
    values = {**values_of(narrowed), **way.values(), "width": width_m, "longest": MAX_LENGTH_KM * 1e3, "limit": limit}
    return statement, values


def read_along(answers: Iterable[Rows], limit: int) -> tuple[list[bytes], bool]:
    """Return GeoJSON features in the order along the line, and whether there were more than ``limit``.

    Each has its ``layer``, ``position_m`` from the start, ``distance_m`` and ``side``. The statements must have been
    asked for one more than the limit.
    """
    passed = heapq.merge(*answers, key=lambda row: row[:2])
    features = [row[2] for row in islice(passed, limit + 1)]
    return features[:limit], len(features) > limit


def _parts(scope: Scope, way: Way, question: Question) -> CTE:
    """Return the parts of the line in metres: number, line, length and where it starts."""
    if way.road is None:
        srid = bindparam("srid", type_=Integer)
        text = bindparam("line", type_=Text)
        line = func.ST_Transform(func.ST_GeomFromText(text, STORED_SRID), srid)
        dumped = select(func.ST_Dump(line).label("part")).subquery("dumped")
        # A line has an empty path, each part of several its number.
        number = func.coalesce(literal_column("(dumped.part).path[1]", Integer), 1)
        listed: FromClause = (
            select(number.label("number"), literal_column("(dumped.part).geom").label("line"))
            .select_from(dumped)
            .subquery("listed")
        )
    else:
        listed = _road_parts(scope, question)
    length = func.ST_Length(listed.c.line)
    start = func.sum(length).over(order_by=listed.c.number) - length
    return select(listed.c.number, listed.c.line, length.label("length"), start.label("start")).cte("parts")


def _road_parts(scope: Scope, question: Question) -> FromClause:
    """Return the segments of a road joined where they meet, each running east (or north), in that order."""
    rows = rows_of(_ROAD, question)
    named = and_(conditions(_ROAD, rows, scope, question), _is_road(rows))
    segments = select(rows.c.community, literal_column(f"(ST_Dump({ROWS}.geom)).geom").label("geom")).where(named)
    segment = segments.cte("segment")
    plane = (
        select(func.min(AREA.c.metric_srid).label("srid"))
        .where(AREA.c.code.in_(select(segment.c.community)))
        .cte("plane")
    )
    merged = (
        select(func.ST_LineMerge(func.ST_Collect(func.ST_Transform(segment.c.geom, plane.c.srid))).label("line"))
        .select_from(segment.join(plane, true()))
        .cte("merged")
    )
    whole = merged.c.line
    wide = func.ST_XMax(whole) - func.ST_XMin(whole) >= func.ST_YMax(whole) - func.ST_YMin(whole)
    dumped: Select[Any, Any] = select(
        wide.label("wide"), literal_column("(ST_Dump(merged.line)).geom").label("line")
    ).select_from(merged)
    part = dumped.subquery("part")

    def onward(point: ColumnElement[Any]) -> ColumnElement[float]:
        return case((part.c.wide, func.ST_X(point)), else_=func.ST_Y(point))

    line = part.c.line
    backward = onward(func.ST_EndPoint(line)) < onward(func.ST_StartPoint(line))
    order = [onward(func.ST_Centroid(line)), func.ST_AsBinary(line)]
    return select(
        func.row_number().over(order_by=order).label("number"),
        case((backward, func.ST_Reverse(line)), else_=line).label("line"),
    ).subquery("listed")


def _is_road(rows: FromClause) -> ColumnElement[bool]:
    road = bindparam("road", type_=Text)
    return or_(rows.c.code == road, rows.c.name == road)


def _along(layer: Layer, scope: Scope, way: Way, question: Question) -> Select[Any]:
    width = bindparam("width", type_=Double)
    parts = _parts(scope, way, question)
    rows = rows_of(layer, question)
    boxes = _boxes(parts, width)
    wanted = [conditions(layer, rows, scope, question), rows.c.geom.op("&&")(boxes.c.box)]
    if way.road is not None and layer is _ROAD:
        wanted.append(func.coalesce(~_is_road(rows), true()))
    # For each box apart, or the planner reads the whole layer once for all of them.
    touched = select(rows.c.community, rows.c.id).where(*wanted).offset(_APART).lateral("touched")
    near = select(touched.c.community, touched.c.id).select_from(boxes.join(touched, true())).distinct()
    candidates = near.cte("candidates")
    found = _measured(layer, question, parts, candidates, width)
    position, distance = literal_column(f"{ROWS}.position", Double), literal_column(f"{ROWS}.distance", Double)
    text = (
        func.left(feature_text(layer), -1, type_=Text)
        + literal_column(f"""',"layer":"{layer.name}","position_m":'""")
        + cast(func.round(cast(position, Numeric), 2), Text)
        + literal_column("""',"distance_m":'""")
        + cast(func.round(cast(distance, Numeric), 2), Text)
        + literal_column("""',"side":"'""")
        + literal_column(f"{ROWS}.side", Text)
        + literal_column("""'"}'""")
    )
    size = bindparam("limit", type_=BigInteger)
    return (
        select(position, distance, text)
        .select_from(found)
        .order_by(position, distance, literal_column(f"{ROWS}.id"))
        .limit(size)
    )


def _boxes(parts: CTE, width: ColumnElement[float]) -> CTE:
    """Return boxes in degrees around pieces of the line, each of which the index can be asked for."""
    total = select(func.sum(parts.c.length)).scalar_subquery()
    piece = func.ST_Subdivide(func.ST_Segmentize(parts.c.line, _PIECE_M), 8)
    pieces = (
        select(func.ST_Envelope(func.ST_Transform(piece, STORED_SRID)).label("box"))
        .where(total <= bindparam("longest", type_=Double))
        .offset(_APART)
        .subquery("pieces")
    )
    # Edges bend by millimetres between the two systems; a metre more is beyond doubt enough.
    up = (width * 1.01 + 1) / literal(METRES_PER_DEGREE, Double)
    highest = func.greatest(func.abs(func.ST_YMin(pieces.c.box)), func.abs(func.ST_YMax(pieces.c.box)))
    across = up / func.cos(func.radians(func.least(85.0, highest + up)))
    return select(func.ST_Expand(pieces.c.box, across, up).label("box")).offset(_APART).cte("boxes")


def _measured(layer: Layer, question: Question, parts: CTE, candidates: CTE, width: ColumnElement[float]) -> FromClause:
    """Return the candidates within the width, with the distance, the position and the side of each."""
    rows = rows_of(layer, question)
    same = and_(rows.c.community == candidates.c.community, rows.c.id == candidates.c.id)
    srid = select(func.max(func.ST_SRID(parts.c.line))).scalar_subquery()
    plane = (
        select(literal_column(f"{ROWS}.*"), func.ST_Transform(rows.c.geom, srid).label("shape"))
        .select_from(rows.join(candidates, same))
        .offset(_APART)
        .subquery("plane")
    )
    shape: ColumnElement[Any] = literal_column("plane.shape")
    gap = func.ST_Distance(parts.c.line, shape)
    nearest = (
        select(parts.c.line, parts.c.start, parts.c.length, gap.label("gap"))
        .order_by(gap, parts.c.number)
        .limit(1)
        .lateral("nearest")
    )
    line, length = nearest.c.line, nearest.c.length
    shortest = func.ST_ShortestLine(line, shape)
    met = select(func.ST_DumpPoints(func.ST_Intersection(_NEAREST, shape)).label("point")).subquery("met")
    locate = func.ST_LineLocatePoint(_NEAREST, literal_column("(met.point).geom"))
    first = select(func.min(locate)).select_from(met).scalar_subquery()
    share = case((nearest.c.gap == 0, first), else_=func.ST_LineLocatePoint(line, func.ST_StartPoint(shortest)))
    placed = (
        select(literal_column("plane.*"), line, length, nearest.c.start, nearest.c.gap, share.label("share"))
        .add_columns(func.ST_EndPoint(shortest).label("beside"))
        .select_from(plane.join(nearest, true()))
        .where(nearest.c.gap <= width)
        .offset(_APART)
        .subquery("placed")
    )
    step = literal(_STEP_M, Double) / placed.c.length
    at = literal_column("placed.share", Double)
    behind = func.ST_LineInterpolatePoint(placed.c.line, func.greatest(0.0, at - step))
    ahead = func.ST_LineInterpolatePoint(placed.c.line, func.least(1.0, at + step))
    foot = func.ST_LineInterpolatePoint(placed.c.line, at)
    beside: ColumnElement[Any] = literal_column("placed.beside")
    turn = (func.ST_X(ahead) - func.ST_X(behind)) * (func.ST_Y(beside) - func.ST_Y(foot)) - (
        func.ST_Y(ahead) - func.ST_Y(behind)
    ) * (func.ST_X(beside) - func.ST_X(foot))
    side = case((placed.c.gap == 0, "on"), (turn > 0, "left"), else_="right")
    return select(
        literal_column("placed.*"),
        (placed.c.start + at * placed.c.length).label("position"),
        placed.c.gap.label("distance"),
        side.label("side"),
    ).subquery(ROWS)
