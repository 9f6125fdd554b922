"""What lies near a point: exact metres, an index, the nearest first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Numeric,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)  # fmt: skip

from gis_service.coordinates import METRES_PER_DEGREE, degree_ratio
from gis_service.errors import InputError
from gis_service.features.question import Question
from gis_service.features.read import feature_text
from gis_service.features.select import ROWS, asked_scope, conditions, rows_of
from gis_service.scope import Scope, values_of, within
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import STORED_SRID
from layers.layer import Layer

MAX_RADIUS_M = 5000.0
MAX_NEAREST_M = 20_000.0
"""Beyond it nothing is the nearest to a grid worker any more; the cost of a question stays bounded."""

_SRID: ColumnElement[int] = literal_column(str(STORED_SRID))


def nearby_of(
    layer: Layer, scope: Scope, question: Question, *, lon: float, lat: float, radius_m: float | None, limit: int,
    joined: bool = False,
) -> Asked:  # fmt: skip
    """Return the statement of the nearest features of a layer; ``read_nearby`` merges what it answers for layers.

    Where one layer alone is asked, ``joined`` saves a row for each feature: the answer is their text and number.

    Distances are geodesic, from the point to the nearest place of the feature. A box in degrees comes first, since a
    bare geography can't use the index: 3.6 s against 1.5 ms on a million rows. Without a radius the index gives the
    nearest in degrees; the farthest of them in metres is the radius in which the nearest in metres must lie.

    Raises
    ------
    InputError
        When the point isn't on the globe or the radius isn't within (0, 5000] metres.
    """
    check_place(lon, lat)
    reach = MAX_NEAREST_M if radius_m is None else radius_m
    if radius_m is not None and not 0 < radius_m <= MAX_RADIUS_M:
        raise InputError(
            f"半径 {radius_m:g} 米不对:应大于 0,不超过 {MAX_RADIUS_M:g} 米。",
            f"The radius {radius_m:g} m is wrong: above 0, at most {MAX_RADIUS_M:g} m.",
        )
    asked = asked_scope(scope, question)
    high = reach / METRES_PER_DEGREE * 1.01
    values = {
        **values_of(asked), **question.values(), "lon": lon, "lat": lat, "narrow": degree_ratio(lat), "limit": limit,
        "reach": reach, "up": 1.01 / METRES_PER_DEGREE,
        "across": 1.01 / METRES_PER_DEGREE / math.cos(math.radians(min(85.0, abs(lat) + high))),
    }  # fmt: skip
    candidates = None if radius_m is not None else 1 << max(4, (limit - 1).bit_length())
    key = ("nearby", layer.name, asked.shape, question.shape, candidates, joined)

    def build() -> Select[Any]:
        rows = _nearby(layer, scope, question, candidates)
        return _joined(rows) if joined else rows

    return remembered(key, build), values


def read_joined(rows: Rows) -> tuple[bytes, int]:
    """Return the features of a joined answer, with commas between them, and how many they are."""
    features, number = rows[0]
    return features or b"", number


def read_nearby(answers: Iterable[Rows], limit: int) -> list[bytes]:
    """Return GeoJSON features with ``distance_m`` and ``bearing_deg``, the nearest of all layers first."""
    nearest = heapq.merge(*answers, key=lambda row: row[0])
    return [feature for (_, feature), _ in zip(nearest, range(limit), strict=False)]


def check_place(lon: float, lat: float) -> None:
    """Raise InputError unless a place is longitude and latitude between 85 degrees south and north."""
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise InputError(f"位置 {lon},{lat} 不是经纬度。", f"The place {lon},{lat} isn't longitude and latitude.")


def _nearby(layer: Layer, scope: Scope, question: Question, candidates: int | None) -> Select[Any]:
    rows = _own_rows(layer, scope, question)
    wanted = conditions(layer, rows, scope, question)
    reach: ColumnElement[float] = _number("reach")
    if candidates is not None:
        by_degrees = rows.c.geom.op("<->")(_point())
        first = select(_measures(layer, rows)[0]).where(wanted).order_by(by_degrees)
        # The planner must know how few they are, or it sorts the whole layer.
        nearest = first.limit(literal_column(str(candidates))).subquery("nearest")
        # A millimetre more, so that the farthest of them is itself within reach.
        reach = func.least(reach, func.max(nearest.c.distance_m) + literal_column("0.001"))
    # Scalar subqueries of a row that is made once: as columns of a join they would keep the planner from the index,
    # since row-level security doesn't let a function that isn't leakproof see a column first.
    circle = select(reach.label("metres")).cte("circle")
    metres = select(circle.c.metres).scalar_subquery()
    across, up = metres * _number("across"), metres * _number("up")
    lon, lat = _number("lon"), _number("lat")
    box = func.ST_MakeEnvelope(lon - across, lat - up, lon + across, lat + up, _SRID)
    # Nothing is merged into this subquery, or every distance would be reckoned twice.
    found = (
        select(literal_column(f"{ROWS}.*"), *_measures(layer, rows))
        .where(wanted, rows.c.geom.op("&&")(box)).offset(literal_column("0")).subquery(ROWS)
    )  # fmt: skip
    distance = literal_column(f"{ROWS}.distance_m", Double)
    place: ColumnElement[Any] = literal_column(f"{ROWS}.place")
    identifier: ColumnElement[Any] = literal_column(f"{ROWS}.id")
    chosen = (
        select(literal_column(f"{ROWS}.*")).select_from(found).where(distance <= metres)
        .order_by(distance, identifier).limit(bindparam("limit", type_=BigInteger)).subquery(ROWS)
    )  # fmt: skip
    azimuth = func.ST_Azimuth(func.geography(_point()), func.geography(place))
    bearing = func.degrees(func.coalesce(azimuth, literal_column("0.0", Double)))
    text = (
        func.left(feature_text(layer), literal_column("-1"), type_=Text)
        + literal_column(f"""',"layer":"{layer.name}","distance_m":'""")
        + cast(func.round(cast(distance, Numeric), literal_column("2")), Text)
        + literal_column("""',"bearing_deg":'""")
        + cast(func.mod(func.round(cast(bearing, Numeric), literal_column("1")), literal_column("360")), Text)
        + literal_column("'}'")
    )
    return (
        select(distance.label("distance_m"), text.label("feature")).select_from(chosen).order_by(distance, identifier)
    )


def _own_rows(layer: Layer, scope: Scope, question: Question) -> FromClause:
    """Return the rows to look among; of a layer that is seen by grid, for people of grids, theirs alone.

    The spatial index would lead through the rows of other grids, and the time would tell how many lie there: 388 ms
    amid 187,500 of them, 1.3 ms in the own grid. A grid holds few enough to measure them all.
    """
    rows, asked = rows_of(layer, question), asked_scope(scope, question)
    if layer.visibility != "grid" or not all(len(code) > 12 for code in asked.areas):
        return rows
    own = select(*rows.c).where(within(asked, rows, layer.visibility))
    # Nothing from outside is pushed into this subquery.
    return own.offset(literal_column("0")).subquery(ROWS)


def _joined(rows: Select[Any]) -> Select[Any]:
    listed = rows.subquery("listed")
    return select(func.string_agg(listed.c.feature, literal_column("','")), func.count())


def _measures(layer: Layer, rows: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the distance in metres and the nearest place of a feature.

    The nearest place is sought where a degree is as long eastwards as northwards. In plain degrees its direction is
    off by up to 10 degrees; ST_Distance on geographies seeks it on a sphere, which adds up to 1e-5 of the distance.
    """
    place: ColumnElement[Any] = rows.c.geom
    if layer.geometry != "POINT":
        narrow = _number("narrow")
        one = literal_column("1.0", Double)
        scaled = func.ST_ClosestPoint(func.ST_Scale(place, narrow, one), func.ST_Scale(_point(), narrow, one))
        place = func.ST_Scale(scaled, one / narrow, one)
    distance = func.ST_Distance(func.geography(_point()), func.geography(place))
    return distance.label("distance_m"), place.label("place")


def _point() -> ColumnElement[Any]:
    return func.ST_SetSRID(func.ST_MakePoint(_number("lon"), _number("lat")), _SRID)


def _number(name: str) -> ColumnElement[float]:
    return bindparam(name, type_=Double)
