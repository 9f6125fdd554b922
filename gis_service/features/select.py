"""The filtered selection that answers a question: scope first, then place, attributes and time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Double,
    FromClause,
    Function,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
)  # fmt: skip

from gis_service.features.filter_sql import condition
from gis_service.features.properties import queryable
from gis_service.features.question import SIDES, Bbox, Question
from gis_service.scope import Scope, within
from gis_service.tables import STORED_SRID, tables_of
from layers.field import Kind
from layers.layer import Layer

ROWS = "f"
"""The name of a layer's rows in every statement, so that the text of a feature is the same in all of them."""


def rows_of(layer: Layer, question: Question) -> FromClause:
    """Return the table that answers: the current rows, or the versions that were current at ``as_of``."""
    found = tables_of(layer)
    if question.as_of is None:
        return found.current.alias(ROWS)
    history = found.history
    moment = bindparam("as_of", question.as_of, DateTime(timezone=True))
    return (
        select(*(history.c[column.name] for column in found.current.columns))
        .where(history.c.recorded_at <= moment, history.c.recorded_to > moment)
        .where(history.c.operation != "delete")
        .subquery(ROWS)
    )


def conditions(layer: Layer, rows: FromClause, scope: Scope, question: Question) -> ColumnElement[bool]:
    """Return the filter of a question, the scope's own first; ``&&`` stands before every exact predicate.

    Values are parameters under the names of ``Question.values`` and ``scope.values``, and hold the question's own.
    """
    parts = [within(asked_scope(scope, question), rows, layer.visibility)]
    if question.bbox is not None:
        envelope = _box("", question.bbox)
        # Most of what is in a box lies well inside, where a look at its own box will do.
        inside = rows.c.geom.op("@", is_comparison=True)(_box("inner_", question.inner))
        parts += [rows.c.geom.op("&&")(envelope), or_(inside, func.ST_Intersects(rows.c.geom, envelope))]
    if question.polygon is not None:
        area = func.ST_GeomFromText(bindparam("polygon", question.polygon, Text), STORED_SRID)
        parts += [rows.c.geom.op("&&")(area), func.ST_Intersects(rows.c.geom, area)]
    if question.grid is not None:
        parts.append(rows.c.grid == bindparam("grid", question.grid, Text))
    if question.valid is not None:
        first, last = question.valid
        if last is not None:
            known = bindparam("valid_last", last, Date)
            parts.append(or_(rows.c.valid_from.is_(None), rows.c.valid_from <= known))
        if first is not None:
            known = bindparam("valid_first", first, Date)
            parts.append(or_(rows.c.valid_to.is_(None), rows.c.valid_to >= known))
    for name, value in question.equals.items():
        found, column = queryable(layer, name), _column(rows, name)
        if found.kind is Kind.TEXTS:
            parts.append(bindparam(f"eq_{name}", value, Text) == func.any(column))
        else:
            parts.append(column == bindparam(f"eq_{name}", value, column.type))
    if question.filter is not None:
        parts.append(condition(question.filter.shape, layer, rows))
    return and_(*parts)


def _box(prefix: str, bbox: Bbox) -> Function[Any]:
    sides = (bindparam(f"{prefix}{side}", value, Double) for side, value in zip(SIDES, bbox, strict=True))
    return func.ST_MakeEnvelope(*sides, STORED_SRID)


def _column(rows: FromClause, name: str) -> ColumnElement[Any]:
    """Return what a property stands for; the identifier is made of the two parts of the key."""
    if name == "id":
        return rows.c.community + literal_column("'.'", Text) + cast(rows.c.id, Text)
    return rows.c[name]


def asked_scope(scope: Scope, question: Question) -> Scope:
    """Return the part of the scope that a question is about."""
    return scope.narrowed(question.community) if question.community else scope


def ordered(query: Select[Any], layer: Layer, rows: FromClause, question: Question) -> Select[Any]:
    """Order by the asked fields (Chinese text by pinyin, numbers in it as numbers), then by the key."""
    for name in question.order:
        found = queryable(layer, name.lstrip("-+"))
        column = _column(rows, found.name)
        if found.kind is Kind.TEXT and found.name not in {"code", "id"}:
            column = column.collate("zh")
        query = query.order_by(column.desc() if name.startswith("-") else column.asc())
    return query.order_by(rows.c.community, rows.c.id)
