"""The SQL of a filter's shape: every literal is a typed parameter, and nothing in it can fail on a row."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Double,
    FromClause,
    Numeric,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
)  # fmt: skip
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from gis_service.features.filter_terms import Shape
from layers.layer import Layer

Sql = ColumnElement[Any]

_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "text": Text(), "integer": BigInteger(), "number": Double(), "numeric": Double(), "boolean": Boolean(),
    "date": Date(), "time": DateTime(timezone=True), "geometry": Text(),
}  # fmt: skip
_ZERO: Final[Sql] = literal_column("0")
# 1 / 3 * 3 is 1 to twelve decimals.
_DECIMALS: Final[Sql] = literal_column("12")
_NOTHING: Final[Sql] = literal_column("''")
_SHANGHAI: Final[Sql] = literal_column("'Asia/Shanghai'")
# Unicode's full upper case, then lower: "ß" is "ss". The collation comes with PostgreSQL, whatever the database's own.
_UNICODE: Final = "und-x-icu"


def condition(shape: Hashable, layer: Layer, rows: FromClause) -> ColumnElement[bool]:
    """Return the condition of a filter on a layer's rows, with parameters ``f0``, ``f1`` … for its values.

    Parameters
    ----------
    shape
        What ``parse_filter`` made of a filter of the same layer.
    layer
        The layer.
    rows
        Its table, or a selection with the same columns.
    """
    return _Writer(layer, rows).condition(cast("Shape", shape))


class _Writer:
    """Writes the SQL of shapes on one set of rows."""

    def __init__(self, layer: Layer, rows: FromClause) -> None:
        self._rows = rows
        self._layer = layer

    def condition(self, shape: Shape) -> ColumnElement[bool]:
        """Return the SQL of what is true, false or unknown."""
        name, *parts = shape
        if name in _JOINED:
            return _JOINED[name](*map(self.condition, parts))
        if name == "ids":
            return self._identified(*parts)
        if name in {"dwithin", "beyond"}:
            near = self._near(*parts)
            return near if name == "dwithin" else not_(near)
        if name in _TESTED:
            return _TESTED[name](*map(self.value, parts))
        # What remains are truth values.
        return self.value(shape)

    def value(self, shape: Shape) -> Sql:
        """Return the SQL of a value."""
        name, *parts = shape
        if name == "column":
            found: Sql = self._rows.c[parts[0]]
        elif name == "id":
            found = self._rows.c.community + literal_column("'.'", Text()) + sql_cast(self._rows.c.id, Text)
        elif name in {"value", "values"}:
            found = _parameter(name, *parts)
        elif name == "open":
            found = literal_column(f"'{parts[0]}'::{'date' if parts[1] == 'date' else 'timestamptz'}")
        elif name in _CHANGED:
            found = _CHANGED[name](self.value(parts[0]))
        elif name in _ARITHMETIC:
            found = self._computed(name, *(sql_cast(self.value(part), Numeric) for part in parts))
        elif name in _TESTED or name in _JOINED or name == "ids":
            found = self.condition(shape)
        else:
            raise ValueError(f"{name} is no part of a filter of the layer {self._layer.name}")
        return found

    def _computed(self, name: str, left: Sql, right: Sql) -> Sql:
        if name == "^":
            return self._power(left, right)
        divisor: Sql = func.nullif(right, _ZERO) if name in {"/", "%", "div"} else right
        found: Sql = _ARITHMETIC[name](left, divisor, type_=Numeric())
        return found

    def _power(self, left: Sql, right: Sql) -> Sql:
        """Return a power, null where it isn't a number or is beyond 1e±260.

        Each side is named once, behind a fence that the planner doesn't take down: written into every branch, nested
        powers would grow without bound.
        """
        # The fence is OFFSET 0.
        given = select(left.label("x"), right.label("y")).correlate(self._rows).offset(_ZERO).subquery("power")
        x, y = given.c.x, given.c.y
        one: Sql = literal_column("1")
        far: Sql = literal_column("600")
        answer = case(
            (and_(x == _ZERO, y < _ZERO), literal_column("null::numeric")),
            (x == _ZERO, case((y == _ZERO, one), else_=_ZERO)),
            (and_(x < _ZERO, y != func.trunc(y)), literal_column("null::numeric")),
            (func.abs(y) > literal_column("1000"), literal_column("null::numeric")),
            (~func.abs(x).between(literal_column("1e-260"), literal_column("1e260")), literal_column("null::numeric")),
            (func.abs(y * func.ln(func.abs(x))) > far, literal_column("null::numeric")),
            else_=func.power(x, y),
        )
        return sql_cast(select(answer).scalar_subquery(), Numeric)

    def _identified(self, communities: str, keys: str, written: str) -> ColumnElement[bool]:
        """Return the rows of some identifiers: by the parts of the key, for its index, then by their pairs."""
        keys_of = sql_cast(_parameter("values", keys, "text"), ARRAY(Uuid()))
        return and_(
            self._rows.c.community == any_(_parameter("values", communities, "text")),
            self._rows.c.id == any_(keys_of),
            self.value(("id",)) == any_(_parameter("values", written, "text")),
        )

    def _near(self, shape: Shape, box: str, narrow: str, wide: str, metres: str) -> ColumnElement[bool]:
        """Return what lies within metres on the ellipsoid; the box goes to the index.

        The nearest places are sought where a degree is as long eastwards as northwards, see ``nearby``.
        """
        geom: Sql = self._rows.c.geom
        one: Sql = literal_column("1.0")
        ratio, back, most = (_parameter("value", name, "number") for name in (narrow, wide, metres))
        line = func.ST_ShortestLine(func.ST_Scale(geom, ratio, one), func.ST_Scale(self.value(shape), ratio, one))
        length = func.ST_Length(func.geography(func.ST_Scale(line, back, one)))
        return and_(geom.bool_op("&&")(_parameter("value", box, "geometry")), length <= most)


def _parameter(name: str, value: str, kind: str) -> Sql:
    if name == "values":
        found: Sql = bindparam(value, type_=ARRAY(_TYPES[kind]))
        return sql_cast(found, ARRAY(Numeric())) if kind == "numeric" else found
    found = bindparam(value, type_=_TYPES[kind])
    return func.geometry(found) if kind == "geometry" else found


def _plain(value: Sql) -> Sql:
    """Return a text without accents: they are what the canonical decomposition sets apart from the letters."""
    apart = func.normalize(sql_cast(value, Text).collate(_UNICODE), literal_column("NFD"))
    accents: Sql = literal_column(r"U&'[\0300-\036F]'")
    return func.regexp_replace(apart, accents, _NOTHING, literal_column("'g'"), type_=Text())


def _meets(left: Sql, right: Sql, relation: Any) -> ColumnElement[bool]:
    """Return a relation that only holds where boxes meet; row-level security lets only ``&&`` use the index."""
    return and_(left.bool_op("&&")(right), relation(left, right))


_JOINED: Final[dict[str, Callable[..., ColumnElement[bool]]]] = {"and": and_, "or": or_, "not": not_}
_TESTED: Final[dict[str, Callable[..., ColumnElement[bool]]]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "in": lambda value, listed: value == any_(listed),
    "like": lambda value, pattern: value.like(pattern),
    "null": lambda value: value.is_(None),
    "a_contains": lambda left, right: left.bool_op("@>")(right),
    "a_containedby": lambda left, right: left.bool_op("<@")(right),
    "a_equals": lambda left, right: and_(left.bool_op("@>")(right), left.bool_op("<@")(right)),
    "a_overlaps": lambda left, right: left.bool_op("&&")(right),
    "s_disjoint": lambda left, right: not_(_meets(left, right, func.ST_Intersects)),
    "s_intersects": partial(_meets, relation=func.ST_Intersects),
    "s_equals": partial(_meets, relation=func.ST_Equals),
    "s_touches": partial(_meets, relation=func.ST_Touches),
    "s_within": partial(_meets, relation=func.ST_Within),
    "s_overlaps": partial(_meets, relation=func.ST_Overlaps),
    "s_crosses": partial(_meets, relation=func.ST_Crosses),
    "s_contains": partial(_meets, relation=func.ST_Contains),
}
_CHANGED: Final[dict[str, Callable[[Sql], Sql]]] = {
    "day": lambda value: sql_cast(func.timezone(_SHANGHAI, value), Date),
    "rounded": lambda value: func.round(sql_cast(value, Numeric), _DECIMALS, type_=Numeric()),
    # By code points, whatever the database's own order: codes sort the same everywhere.
    "sorted": lambda value: value.collate("C"),
    "casei": lambda value: func.lower(func.upper(sql_cast(value, Text).collate(_UNICODE)), type_=Text()),
    "accenti": _plain,
}
# Decimals of numeric can't overflow with as many operators as a filter may have, where double precision raises.
_ARITHMETIC: Final[dict[str, Any]] = {
    "+": func.numeric_add, "-": func.numeric_sub, "*": func.numeric_mul, "/": func.numeric_div, "%": func.mod,
    "div": func.div, "^": func.power,
}  # fmt: skip
