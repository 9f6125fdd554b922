"""What is asked: every address of both servers stands here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 1000
RADIUS_M = 300
NEAREST = 10
TILE_BUFFER = 64

Place = dict[str, float | int | str]
"""Values for the blanks in addresses and SQL; ``places.py`` says which questions have which."""


@dataclass(frozen=True)
class Question:
    """One thing that is asked of every contender.

    Attributes
    ----------
    name, title
        For the command line and for the tables.
    places
        Which of the drawn places it is asked about.
    service, tipg
        Paths with blanks; ``turn`` differs from one time to the next. None where a server has no such question.
    raw
        Name of the statement in ``raw_sql.py`` that gives the same answer, or None.
    unchanged
        Ask with the entity tag of the first answer, so that the right answer is 304.
    """

    name: str
    title: str
    places: str
    service: str
    tipg: str | None
    raw: str | None
    unchanged: bool = False


_SERVICE = "/collections/building"
_TIPG = "/collections/gis.building"
_TIPG_ITEMS = _TIPG + "/items?properties={properties}&limit=1000"
_SERVICE_TILE = _SERVICE + "/tiles/WebMercatorQuad/{zoom}/{row}/{column}"
_TIPG_TILE = _TIPG + "/tiles/WebMercatorQuad/{zoom}/{column}/{row}?properties={tile_properties}"

QUESTIONS = (
    Question(
        "items", f"items: {LIMIT:,} features of a box, ordered, with links", "boxes",
        _SERVICE + "/items?bbox={west},{south},{east},{north}&limit=1000",
        _TIPG_ITEMS + "&bbox={west},{south},{east},{north}&sortby=id", "items",
    ),
    Question("z14", "MVT z14", "tiles14", _SERVICE_TILE, _TIPG_TILE, "tile"),
    Question("z16", "MVT z16", "tiles16", _SERVICE_TILE, _TIPG_TILE, "tile"),
    Question(
        "point", "point in polygon: a filter on items", "inside",
        _SERVICE + "/items?filter=S_INTERSECTS(geom,POINT({lon}%20{lat}))",
        _TIPG_ITEMS + "&filter=S_INTERSECTS(geom,POINT({lon}%20{lat}))&filter-lang=cql2-text", "point",
    ),
    Question(
        "new", "point in polygon: a filter that is new", "inside",
        _SERVICE + "/items?filter=S_INTERSECTS(geom,POINT({lon:.7f}{turn}%20{lat}))",
        _TIPG_ITEMS + "&filter=S_INTERSECTS(geom,POINT({lon:.7f}{turn}%20{lat}))&filter-lang=cql2-text", "point",
    ),
    Question(
        "at", "point in polygon: the question /at", "inside",
        "/at?lon={lon}&lat={lat}&layers=building",
        _TIPG_ITEMS + "&filter=S_INTERSECTS(geom,POINT({lon}%20{lat}))&filter-lang=cql2-text", "point",
    ),
    Question(
        "radius", f"radius {RADIUS_M} m", "near",
        f"/nearby?lon={{lon}}&lat={{lat}}&radius_m={RADIUS_M}&layers=building&k={LIMIT}",
        # DWITHIN fails there, so its client would send a polygon; it orders by key and tells no distance.
        _TIPG_ITEMS + "&filter=S_INTERSECTS(geom,{circle})&filter-lang=cql2-text", "radius",
    ),
    Question(
        "nearest", f"{NEAREST} nearest", "near",
        f"/nearby?lon={{lon}}&lat={{lat}}&k={NEAREST}&layers=building", None, "nearest",
    ),
    Question("unchanged14", "unchanged tile z14 (304)", "tiles14", _SERVICE_TILE, None, None, unchanged=True),
    Question("unchanged16", "unchanged tile z16 (304)", "tiles16", _SERVICE_TILE, None, None, unchanged=True),
    Question("floor", "HTTP floor: /healthz", "near", "/healthz", "/healthz", None),
)  # fmt: skip

SERVICE_STREAM = _SERVICE + "/items?limit=all"
TIPG_STREAM = _TIPG + "/items?properties={properties}&limit={rows}"

SERVICE_SAMPLE = _SERVICE + "/items?limit=1"
"""The answer whose properties everyone is asked for."""
