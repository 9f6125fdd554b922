"""Finding things by what they are called: address, code, name, pinyin, old village.

The search text becomes a pattern (``spelling``), and PostgreSQL looks through the rows that the scope sees. An index of
names in the service's memory would answer quicker, but would have to be told of every write by any door, and would hold
names that whoever asks may not see; columns kept by a trigger can't know pinyin. Looking through 50,000
names takes 45 to 95 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)  # fmt: skip

from gis_service.features.nearby import check_place
from gis_service.features.question import Question
from gis_service.features.select import conditions, rows_of
from gis_service.features.spelling import spelling_of
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import STORED_SRID
from layers.layer import Layer
from layers.registry import LAYERS

MAX_HITS: Final = 200
MATCHES: Final = ("code", "name", "name", "beginning", "beginning", "part", *("pinyin",) * 5)
"""What a hit's rank says of it: exact code, exact name, exact address, the beginning of the name (or code), of the
address, a part of them; from the sixth on by sound, in the same order."""
_PART: Final = 5

BROAD: Final = ("community", "grid", "estate", "road")
"""Layers of places that others are named after: of equally good hits these come first."""

CALLED: Final = ("lessor", "origin_village", "predecessor", "uscc")
"""Fields by which a thing is called beside its code, name and address."""


def search_of(
    layers: Sequence[Layer], scope: Scope, query: str, *, limit: int, near: tuple[float, float] | None = None
) -> Asked:
    """Return the statement of the best hits of all layers; ``read_hits`` makes features of what it answers.

    Parameters
    ----------
    near
        (lon, lat) in degrees: of equally good hits the nearer ones come first.

    Raises
    ------
    InputError
        When the text can't be looked for, or ``near`` isn't a place.
    """
    spelled = spelling_of(query)
    if near is not None:
        check_place(*near)
    lon, lat = near or (None, None)
    words = len(spelled.heard)
    written, heard = spelled.begun_written, spelled.begun_heard
    values = {
        **values_of(scope), "code": spelled.text, "lon": lon, "lat": lat, "limit": limit,
        "written_whole": f"^(?:{written})$", "written_first": f"^(?:{written})",
        "heard_first": f"^(?:{heard})", "heard_whole": f"^(?:{heard})$",
        **{f"heard{number}": pattern for number, pattern in enumerate(spelled.heard)},
        **{f"written{number}": pattern for number, pattern in enumerate(spelled.written)},
    }  # fmt: skip
    by_sound = spelled.written != spelled.heard
    # Codes of Latin letters and digits are found by any part of them.
    in_code = spelled.text.isascii()
    key = ("search", tuple(layer.name for layer in layers), scope.shape, words, by_sound, in_code, near is not None)

    def build() -> Select[Any]:
        return _search(layers, scope, words, by_sound=by_sound, in_code=in_code, near=near is not None)

    return remembered(key, build), values


def read_hits(rows: Rows) -> tuple[list[bytes], int]:
    """Return GeoJSON features, the best first, and how many there are in all.

    Each is a point on the thing, with its bbox; ``match`` is one of ``MATCHES``. The segments of a road that bear one
    name are one hit.
    """
    return [_feature(row) for row in rows], rows[0][-1] if rows else 0


def _feature(row: tuple[Any, ...]) -> bytes:
    rank, layer, identifier, code, name, address, grid, segments, place, metres, *box, _ = row
    label = name or address or code
    properties = {
        "layer": layer, "layer_title": LAYERS[layer.decode()].title, "code": code, "label": label, "address": address,
        "grid": grid, "match": MATCHES[rank], "segments": segments,
    }  # fmt: skip
    shown = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in properties.items()
        if value is not None or name in {"address", "grid"}
    }
    if metres is not None:
        shown["distance_m"] = round(metres, 1)
    head = orjson.dumps({"type": "Feature", "id": identifier.decode(), "bbox": box, "properties": shown})
    return b'%s,"geometry":%s}' % (head[:-1], place)


def _search(
    layers: Sequence[Layer], scope: Scope, words: int, *, by_sound: bool, in_code: bool, near: bool
) -> Select[Any]:
    parts = [
        _hits(layer, scope, words, by_sound=by_sound, in_code=in_code, position=at) for at, layer in enumerate(layers)
    ]
    hits = union_all(*parts).subquery("hits")
    lon, lat = bindparam("lon", type_=Double), bindparam("lat", type_=Double)
    apart: ColumnElement[Any] = literal(0.0, Double)
    metres: ColumnElement[Any] = cast(null(), Double)
    if near:
        # Degrees and the middle of the box are enough for an order; the metres that are told are geodesic.
        east = ((func.ST_XMin(hits.c.geom) + func.ST_XMax(hits.c.geom)) / 2 - lon) * func.cos(func.radians(lat))
        north = (func.ST_YMin(hits.c.geom) + func.ST_YMax(hits.c.geom)) / 2 - lat
        apart = east * east + north * north
    label = func.coalesce(hits.c.name, hits.c.address, hits.c.code).collate("zh")
    order = (hits.c.rank, apart, hits.c.follows, label, hits.c.position, hits.c.code)
    best = (
        select(hits, apart.label("apart"), label.label("label"), func.count().over().label("total"))
        .order_by(*order)
        .limit(bindparam("limit", type_=Integer))
        .subquery("best")
    )
    shape = best.c.geom
    if near:
        here = func.ST_SetSRID(func.ST_MakePoint(lon, lat), STORED_SRID)
        metres = func.ST_Distance(func.geography(here), func.geography(shape))
    return select(
        best.c.rank, best.c.layer, best.c.identifier, best.c.code, best.c.name, best.c.address, best.c.grid,
        best.c.segments, func.ST_AsGeoJSON(func.ST_PointOnSurface(shape), 8, 0), metres,
        func.ST_XMin(shape), func.ST_YMin(shape), func.ST_XMax(shape), func.ST_YMax(shape), best.c.total,
    ).order_by(best.c.rank, best.c.apart, best.c.follows, best.c.label, best.c.position, best.c.code)  # fmt: skip


def _hits(layer: Layer, scope: Scope, words: int, *, by_sound: bool, in_code: bool, position: int) -> Select[Any]:
    """Return a layer's hits: rank, what it is called, its geometry."""
    question = Question()
    rows = rows_of(layer, question)
    names = [field.name for field in layer.fields]
    address: ColumnElement[Any] = rows.c.address if "address" in names else cast(null(), Text)
    if "house_number" in names:
        address = func.coalesce(address, rows.c.street + func.coalesce(rows.c.house_number, ""))
    others = [rows.c[name] for name in CALLED if name in names]
    # Often the name is the address: what isn't read twice costs half.
    called = func.concat_ws(literal_column("E'\\n'", Text), rows.c.name, func.nullif(address, rows.c.name), *others)
    code, asked = func.lower(rows.c.code), bindparam("code", type_=Text)
    has_code = func.strpos(code, asked) > 0 if in_code else code == asked
    wanted = or_(has_code, _all(called, "heard" if by_sound else "written", words))
    rank = _rank(rows, address, has_code, called, words, by_sound=by_sound)
    named: list[ColumnElement[Any]] = [
        literal(layer.name).label("layer"),
        literal(position, Integer).label("position"),
        literal(layer.name not in BROAD, Boolean).label("follows"),
    ]
    found = (
        select(
            rank.label("rank"), *named, (rows.c.community + "." + cast(rows.c.id, Text)).label("identifier"),
            rows.c.code, rows.c.name, address.label("address"), rows.c.grid,
            literal(1, Integer).label("segments"), rows.c.geom,
        ).where(conditions(layer, rows, scope, question), wanted)
    )  # fmt: skip
    if layer.name != "road":
        return found
    each = found.add_columns(rows.c.community).subquery("each")
    code = func.min(each.c.code)
    return select(
        func.min(each.c.rank).label("rank"), *named, (each.c.community + "." + code).label("identifier"),
        code.label("code"), func.min(each.c.name).label("name"), cast(null(), Text).label("address"),
        cast(null(), Text).label("grid"), cast(func.count(), Integer).label("segments"),
        func.ST_Collect(each.c.geom).label("geom"),
    ).group_by(each.c.community, func.coalesce(each.c.name, each.c.code))  # fmt: skip


def _rank(
    rows: FromClause, address: ColumnElement[Any], has_code: ColumnElement[bool], called: ColumnElement[Any],
    words: int, *, by_sound: bool,
) -> ColumnElement[Any]:  # fmt: skip
    """Return the rank of a hit; most hits only contain what is asked, so the whole is looked at last."""

    def is_like(text: ColumnElement[Any], manner: str, whole: int, beginning: int) -> tuple[Any, Any]:
        first, exact = (text.op("~")(bindparam(f"{manner}_{part}", type_=Text)) for part in ("first", "whole"))
        return first, case((exact, whole), else_=beginning)

    def ranks(manner: str, before: int) -> list[tuple[Any, Any]]:
        other = func.nullif(address, rows.c.name)
        named = is_like(rows.c.name, manner, before + 1, before + 3)
        return [named, is_like(other, manner, before + 2, before + 4)]

    code, asked = func.lower(rows.c.code), bindparam("code", type_=Text)
    of_code = (func.starts_with(code, asked), 3)
    if not by_sound:
        return case((code == asked, 0), *ranks("written", 0), of_code, else_=_PART)
    return case(
        (code == asked, 0),
        (_all(called, "written", words), case(*ranks("written", 0), of_code, else_=_PART)),
        (has_code, case(of_code, else_=_PART)),
        *ranks("heard", _PART),
        else_=len(MATCHES) - 1,
    )


def _all(called: ColumnElement[Any], patterns: str, words: int) -> ColumnElement[bool]:
    return and_(*(called.op("~")(bindparam(f"{patterns}{number}", type_=Text)) for number in range(words)))
