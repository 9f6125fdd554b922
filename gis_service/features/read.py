"""Reading features: PostgreSQL makes the GeoJSON, Python passes the text on."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)  # fmt: skip
from sqlalchemy.engine import Connection

from gis_service.errors import InputError, NotFoundError
from gis_service.features.question import Question
from gis_service.features.select import ROWS, asked_scope, conditions, ordered, rows_of
from gis_service.features.stream import stream_texts
from gis_service.reference_systems import CRS84, ReferenceSystem
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, compile_statement, remembered
from gis_service.tables import STORED_SRID, tables_of
from layers.layer import Layer

_START = b'{"type":"Feature","id":"'
"""How each feature begins; its key follows."""
_TOGETHER = 6


@dataclass(frozen=True)
class Page:
    """A page of features.

    Attributes
    ----------
    features
        GeoJSON features, joined by commas, in UTF-8.
    matched, returned
        Features that answer the question, and those on this page.
    after
        Token of the next page, or None on the last.
    """

    features: bytes
    matched: int
    returned: int
    after: str | None


@cache
def feature_text(
    layer: Layer, *, nulls: bool = True, system: ReferenceSystem = CRS84, names: tuple[str, ...] | None = None
) -> ColumnElement[str]:
    """Return the SQL of one GeoJSON feature of ``rows_of`` as text.

    Parameters
    ----------
    nulls
        Whether empty properties are given as null rather than left out.
    system
        The system of its coordinates, in the register's order of axes; RFC 7946 knows CRS84 only.
    names
        The properties to give; all of them without it.
    """
    listed = [name for name in property_names(layer) if names is None or name in names]
    properties = _properties(layer, listed) if nulls else _filled_properties(listed)
    return literal_column(
        f"""'{_START.decode()}' || {ROWS}.community || '.' || {ROWS}.id || '","geometry":'"""
        f""" || ST_AsGeoJSON({geometry_text(layer, system)}, {system.digits}, 0) || ',"properties":'"""
        f""" || {properties} || '}}'""",
        Text,
    )


def _properties(layer: Layer, names: Sequence[str]) -> str:
    """Return the SQL of a JSON object with columns of ``rows_of``, as ``row_to_json`` would make it.

    Most columns of most rows are empty: to say so costs this a look at the column, and ``row_to_json``, which finds
    out how to write each column of each row anew, a quarter of what a feature costs.
    """
    columns = tables_of(layer).current.c
    parts: list[str] = []
    for name in names:
        key = f"""{"," if parts else ""}"{name}":"""
        value = f"'{key}' || to_json({ROWS}.{name})::text"
        empty = f"case when {ROWS}.{name} is null then '{key}null' else {value} end"
        parts.append(f"({empty if columns[name].nullable else value})")
    # Each || copies what stands before it: a few together are short.
    groups = (" || ".join(parts[at : at + _TOGETHER]) for at in range(0, len(parts), _TOGETHER))
    return " || ".join(["'{'", *(f"({group})" for group in groups), "'}'"])


def _filled_properties(names: Sequence[str]) -> str:
    """Return the SQL of a JSON object with those columns that aren't empty."""
    listed = ", ".join(f"{ROWS}.{name}" for name in names)
    return f"json_strip_nulls((select row_to_json(p) from (select {listed}) p))"


def property_names(layer: Layer) -> list[str]:
    """Return the names of a feature's properties, in their order."""
    names = ["code", "name", "community", "grid"]
    return names + [found.name for found in layer.fields if found.name not in names] + ["version", "recorded_at"]


def geometry_text(layer: Layer, system: ReferenceSystem) -> str:
    """Return the SQL of a feature's geometry in a system, in the register's order of axes."""
    geometry = f"{ROWS}.geom"
    # WGS 84 and CGCS2000 differ by decimetres that no sheet states; PROJ too takes them for one.
    if system.srid not in {4326, STORED_SRID}:
        geometry = f"ST_Transform({geometry}, {system.srid})"
    # RFC 7946 winds outer rings counter-clockwise; survey software mostly doesn't.
    if layer.geometry in {"MULTIPOLYGON", "GEOMETRY"}:
        geometry = f"ST_ForcePolygonCCW({geometry})"
    return f"ST_FlipCoordinates({geometry})" if system.flipped else geometry


def page_of_features(
    layer: Layer, scope: Scope, question: Question, *, limit: int, after: str | None = None,
    system: ReferenceSystem = CRS84, names: tuple[str, ...] | None = None,
) -> Asked:  # fmt: skip
    """Return the statement of one page; ``read_page`` makes a page of what it answers.

    Pages go on from the last key of the page before, so that rows which come or go meanwhile shift nothing.

    Raises
    ------
    InputError
        When the token ``after`` isn't one that this service made.
    """
    values: dict[str, object] = {**values_of(asked_scope(scope, question)), **question.values(), "limit": limit}
    if after is not None and question.order:
        values["offset"] = int(_read_token(after, "offset"))
    elif after is not None:
        community, _, identifier = _read_token(after, "key").partition(".")
        values |= {"after_community": community, "after_id": _uuid(identifier)}
    shape = (asked_scope(scope, question).shape, question.shape, after is not None, system, names)

    def build() -> Select[Any]:
        rows = rows_of(layer, question)
        wanted = conditions(layer, rows, scope, question)
        matched = select(func.count()).select_from(rows).where(wanted).scalar_subquery()
        text = feature_text(layer, system=system, names=names).label("feature")
        query = select(text).select_from(rows).where(wanted)
        if "offset" in values:
            query = query.offset(bindparam("offset", type_=BigInteger))
        elif after is not None:
            last = tuple_(bindparam("after_community", type_=Text), bindparam("after_id", type_=Uuid))
            query = query.where(tuple_(rows.c.community, rows.c.id) > last)
        size = bindparam("limit", type_=BigInteger)
        page = ordered(query, layer, rows, question).limit(size).subquery("page")
        return select(
            func.coalesce(func.string_agg(page.c.feature, literal_column("','")), ""),
            func.count(),
            matched,
        )

    return remembered(("page", layer.name, shape), build), values


def read_page(rows: Rows, question: Question, *, limit: int, after: str | None = None) -> Page:
    """Return the page that the statement of ``page_of_features`` answers with."""
    features, returned, total = rows[0]
    token = None
    if question.order:
        offset = int(_read_token(after, "offset")) if after else 0
        if returned == limit and offset + returned < total:
            token = _make_token("offset", str(offset + limit))
    elif returned == limit and total > returned:
        # No text within a feature looks like the start of one: its quotation marks are escaped.
        key, _, _ = features[features.rindex(_START) + len(_START) :].partition(b'"')
        token = _make_token("key", key.decode())
    return Page(features, total, returned, token)


def one_feature(
    layer: Layer, scope: Scope, identifier: str, question: Question, *, system: ReferenceSystem = CRS84
) -> Asked:
    """Return the statement of one feature by ``community.uuid`` or by ``community.code`` (the business key)."""
    community, _, key = identifier.partition(".")
    values: dict[str, object] = {
        **values_of(asked_scope(scope, question)),
        **question.values(),
        "community": community,
        "key": key,
    }
    with suppress(ValueError):
        values["id"] = uuid.UUID(key)

    def build() -> Select[Any]:
        rows = rows_of(layer, question)
        same = rows.c.code == bindparam("key", type_=Text)
        if "id" in values:
            # A code may look like an identifier, so it stays in the question.
            same = or_(rows.c.id == bindparam("id", type_=Uuid), same)
        wanted = and_(conditions(layer, rows, scope, question), rows.c.community == bindparam("community", type_=Text))
        return select(feature_text(layer, system=system), rows.c.version).select_from(rows).where(wanted, same).limit(1)

    shape = (asked_scope(scope, question).shape, question.shape, "id" in values, system)
    return remembered(("feature", layer.name, shape), build), values


def read_feature(layer: Layer, identifier: str, rows: Rows) -> tuple[bytes, int]:
    """Return the GeoJSON and the version that the statement of ``one_feature`` answers with.

    Raises
    ------
    NotFoundError
        When there is no such feature, or the scope doesn't reach it: the two can't be told apart.
    """
    if not rows:
        raise NotFoundError(
            f"图层“{layer.title}”里没有要素 {identifier!r},或不在您的范围内。",
            f"There is no feature {identifier!r} in {layer.name}, or it lies outside your area.",
        )
    feature, version = rows[0]
    return feature, version


def stream_features(
    conn: Connection, layer: Layer, scope: Scope, question: Question, *, nulls: bool = True,
    system: ReferenceSystem = CRS84, names: tuple[str, ...] | None = None,
) -> Iterator[bytes]:  # fmt: skip
    """Yield a whole FeatureCollection in pieces of UTF-8, with memory that doesn't grow with the layer.

    Nothing is yielded before the first rows are there, so what goes wrong with the question is known before.
    """
    rows = rows_of(layer, question)
    text = feature_text(layer, nulls=nulls, system=system, names=names)
    query = select(text).select_from(rows).where(conditions(layer, rows, scope, question))
    if question.order:
        query = ordered(query, layer, rows, question)
    values = {**values_of(asked_scope(scope, question)), **question.values()}
    between = b'{"type":"FeatureCollection","features":['
    schemas = conn.get_execution_options().get("schema_translate_map")
    for part in stream_texts(conn, (compile_statement(query, schemas=schemas), values)):
        yield between + b",".join(part)
        between = b","
    yield b"]}" if between == b"," else between + b"]}"


def count_features(conn: Connection, layer: Layer, scope: Scope, question: Question) -> int:
    """Return how many features answer a question."""
    rows = rows_of(layer, question)
    wanted = conditions(layer, rows, scope, question)
    return int(conn.execute(select(func.count()).select_from(rows).where(wanted), question.values()).scalar_one())


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
