"""What lies near a point: exact metres, an index, the nearest first."""

from __future__ import annotations

import math

from sqlalchemy import func, literal, select
from sqlalchemy.engine import Connection

from gis_service.errors import InputError
from gis_service.features.read import feature_text
from gis_service.features.select import Question, conditions, rows_of
from gis_service.scope import Scope
from gis_service.tables import STORED_SRID
from layers.layer import Layer

MAX_RADIUS_M = 5000.0
_METRES_PER_DEGREE = 110_574.0
"""The shortest degree of latitude on the CGCS2000 ellipsoid (at the equator), so that a box is never too small."""

_ECCENTRICITY2 = 0.006694380022901
"""First eccentricity of the CGCS2000 ellipsoid, squared."""


def read_nearby(
    conn: Connection, layer: Layer, scope: Scope, *, lon: float, lat: float, radius_m: float, limit: int
) -> list[tuple[float, float, str]]:
    """Return (distance in metres, bearing in degrees from north, GeoJSON feature), the nearest first.

    Distances are geodesic, from the point to the nearest place of the feature. A box in degrees comes first, since a
    bare geography can't use the index: 3.6 s against 1.5 ms on a million rows.

    Raises
    ------
    InputError
        When the point isn't on the globe or the radius isn't within (0, 5000] metres.
    """
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise InputError(f"位置 {lon},{lat} 不是经纬度。", f"The place {lon},{lat} isn't longitude and latitude.")
    if not 0 < radius_m <= MAX_RADIUS_M:
        raise InputError(
            f"半径 {radius_m:g} 米不对:应大于 0,不超过 {MAX_RADIUS_M:g} 米。",
            f"The radius {radius_m:g} m is wrong: above 0, at most {MAX_RADIUS_M:g} m.",
        )
    question = Question()
    rows = rows_of(layer, question)
    point = func.ST_SetSRID(func.ST_MakePoint(lon, lat), STORED_SRID)
    high = radius_m / _METRES_PER_DEGREE * 1.01
    wide = high / math.cos(math.radians(min(85.0, abs(lat) + high)))
    box = func.ST_MakeEnvelope(lon - wide, lat - high, lon + wide, lat + high, STORED_SRID)
    # The nearest place is sought where a degree is as long eastwards as northwards. In plain degrees its direction is
    # off by up to 10 degrees; ST_Distance on geographies seeks it on a sphere, which adds up to 1e-5 of the distance.
    narrow = _degree_ratio(lat)
    nearest = func.ST_Scale(
        func.ST_ClosestPoint(func.ST_Scale(rows.c.geom, narrow, 1.0), func.ST_Scale(point, narrow, 1.0)),
        1 / narrow,
        1.0,
    )
    here, there = func.geography(point), func.geography(nearest)
    distance = func.ST_Distance(here, there)
    bearing = func.degrees(func.coalesce(func.ST_Azimuth(here, there), literal(0.0)))
    query = (
        select(distance.label("distance_m"), bearing, feature_text(layer, rows))
        .where(conditions(layer, rows, scope, question))
        .where(rows.c.geom.op("&&")(box))
        .where(distance <= radius_m)
        .order_by("distance_m", rows.c.id)
        .limit(limit)
    )
    return [(float(metres), float(degrees), str(feature)) for metres, degrees, feature in conn.execute(query)]


def _degree_ratio(lat: float) -> float:
    """Return the length of a degree of longitude over that of a degree of latitude, on the ellipsoid at ``lat``."""
    sine = math.sin(math.radians(lat))
    return math.cos(math.radians(lat)) * (1 - _ECCENTRICITY2 * sine * sine) / (1 - _ECCENTRICITY2)
