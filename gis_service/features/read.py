"""Reading features: PostgreSQL makes the GeoJSON, Python passes the text on."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, Text, cast, func, literal, or_, select, tuple_
from sqlalchemy import text as sql_text
from sqlalchemy.engine import Connection

from gis_service.errors import InputError, NotFoundError
from gis_service.features.select import Question, conditions, ordered, rows_of
from gis_service.scope import Scope
from layers.layer import Layer

DIGITS = 8
"""Digits of degrees in GeoJSON: about a millimetre."""

STREAM_ROWS = 1000
"""Rows that a stream holds at a time."""


@dataclass(frozen=True)
class Page:
    """A page of features.

    Attributes
    ----------
    features
        GeoJSON features, joined by commas.
    matched, returned
        Features that answer the question, and those on this page.
    after
        Token of the next page, or None on the last.
    """

    features: str
    matched: int
    returned: int
    after: str | None


def feature_text(layer: Layer, rows: FromClause, *, nulls: bool = True) -> ColumnElement[str]:
    """Return the SQL of one GeoJSON feature (RFC 7946, CRS84) as text; without ``nulls`` empty fields are left out."""
    names = ["code", "name", "community", "grid"]
    names += [found.name for found in layer.fields if found.name not in names] + ["version", "recorded_at"]
    listed = select(*(rows.c[name] for name in names)).correlate(rows).subquery("p")
    properties: ColumnElement[object] = select(func.row_to_json(sql_text("p"))).select_from(listed).scalar_subquery()
    if not nulls:
        properties = func.json_strip_nulls(properties)
    # RFC 7946 winds outer rings counter-clockwise; survey software mostly doesn't.
    areal = layer.geometry in {"MULTIPOLYGON", "GEOMETRY"}
    geometry = func.ST_ForcePolygonCCW(rows.c.geom) if areal else rows.c.geom
    return (
        literal('{"type":"Feature","id":"')
        + rows.c.community
        + literal(".")
        + cast(rows.c.id, Text)
        + literal('","geometry":')
        + func.ST_AsGeoJSON(geometry, DIGITS, 0)
        + literal(',"properties":')
        + cast(properties, Text)
        + literal("}")
    )


def read_page(
    conn: Connection, layer: Layer, scope: Scope, question: Question, *, limit: int, after: str | None = None
) -> Page:
    """Return one page of features, in one round trip.

    Pages go on from the last key of the page before, so that rows which come or go meanwhile shift nothing.
    """
    rows = rows_of(layer, question)
    wanted = conditions(layer, rows, scope, question)
    matched = select(func.count()).select_from(rows).where(wanted).scalar_subquery()
    query = select(feature_text(layer, rows).label("feature"), rows.c.community, rows.c.id).where(wanted)
    offset = 0
    if after is not None and question.order:
        offset = int(_read_token(after, "offset"))
        query = query.offset(offset)
    elif after is not None:
        community, _, identifier = _read_token(after, "key").partition(".")
        query = query.where(tuple_(rows.c.community, rows.c.id) > tuple_(literal(community), _uuid(identifier)))
    page = ordered(query, layer, rows, question).limit(limit).subquery("page")
    answer = conn.execute(
        select(
            func.coalesce(func.string_agg(page.c.feature, literal(",")), ""),
            func.count(),
            matched,
            func.max(page.c.community + "." + cast(page.c.id, Text)),
        )
    ).one()
    features, returned, total, last = answer
    token = None
    if returned == limit and (question.order or total > returned):
        token = _make_token("offset", str(offset + limit)) if question.order else _make_token("key", last)
        if question.order and offset + returned >= total:
            token = None
    return Page(features, total, returned, token)


def read_feature(conn: Connection, layer: Layer, scope: Scope, identifier: str, question: Question) -> str:
    """Return one feature by ``community.uuid`` or by ``community.code`` (the business key).

    Raises
    ------
    NotFoundError
        When there is none, or the scope doesn't reach it: the two can't be told apart.
    """
    rows = rows_of(layer, question)
    community, _, key = identifier.partition(".")
    same = rows.c.code == key
    with suppress(ValueError):
        # A code may look like an identifier, so it stays in the question.
        same = or_(rows.c.id == uuid.UUID(key), same)
    wanted = conditions(layer, rows, scope, question)
    feature = conn.execute(
        select(feature_text(layer, rows)).where(wanted, rows.c.community == community, same).limit(1)
    ).scalar()
    if feature is None:
        raise NotFoundError(
            f"图层“{layer.title}”里没有要素 {identifier!r},或不在您的范围内。",
            f"There is no feature {identifier!r} in {layer.name}, or it lies outside your area.",
        )
    return str(feature)


def stream_features(
    conn: Connection, layer: Layer, scope: Scope, question: Question, *, nulls: bool = True
) -> Iterator[str]:
    """Yield a whole FeatureCollection in pieces, with memory that doesn't grow with the layer."""
    rows = rows_of(layer, question)
    query = select(feature_text(layer, rows, nulls=nulls)).where(conditions(layer, rows, scope, question))
    if question.order:
        query = ordered(query, layer, rows, question)
    yield '{"type":"FeatureCollection","features":['
    first = True
    streamed = conn.execution_options(stream_results=True, max_row_buffer=STREAM_ROWS).execute(query)
    for part in streamed.scalars().partitions(STREAM_ROWS):
        yield ("" if first else ",") + ",".join(part)
        first = False
    yield "]}"


def count_features(conn: Connection, layer: Layer, scope: Scope, question: Question) -> int:
    """Return how many features answer a question."""
    rows = rows_of(layer, question)
    wanted = conditions(layer, rows, scope, question)
    return int(conn.execute(select(func.count()).select_from(rows).where(wanted)).scalar_one())


def read_extent(conn: Connection, layer: Layer, scope: Scope) -> tuple[float, float, float, float] | None:
    """Return (west, south, east, north) of a layer in degrees, or None while it is empty."""
    question = Question()
    rows = rows_of(layer, question)
    box = select(func.ST_Extent(rows.c.geom).label("b")).where(conditions(layer, rows, scope, question)).subquery()
    answer = conn.execute(
        select(func.ST_XMin(box.c.b), func.ST_YMin(box.c.b), func.ST_XMax(box.c.b), func.ST_YMax(box.c.b))
    ).one()
    if answer[0] is None:
        return None
    return answer[0], answer[1], answer[2], answer[3]


def _make_token(kind: str, value: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{value}".encode()).decode().rstrip("=")


def _read_token(token: str, kind: str) -> str:
    wrong = InputError(
        f"翻页标记 {token!r} 不对:请使用上一页 next 链接里的地址。",
        f"The page token {token!r} is wrong: follow the next link of the page before.",
    )
    try:
        found, _, value = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise wrong from error
    # A bigint holds 18 digits for sure.
    if found != kind or "\x00" in value or not re.fullmatch(r"[0-9]{1,18}" if kind == "offset" else r".+", value):
        raise wrong
    return value


def _uuid(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise InputError(
            f"翻页标记里的标识 {value!r} 不对。", f"The identifier {value!r} in the page token is wrong."
        ) from error
