"""CQL2 filters: a client's condition becomes the shape of an SQL condition, and values that are bound to it.

Filters of one shape differ only in their literals, so that their SQL is built once (``filter_sql.condition``) and no
literal is ever part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import shapely
from shapely.geometry.base import BaseGeometry

from gis_service.errors import InputError
from gis_service.features.filter_geometry import reach_of
from gis_service.features.filter_terms import (
    ID,
    Literal,
    Operand,
    Shape,
    Term,
    Terms,
    Type,
    check_listed,
    mismatch,
    unexpected,
)  # fmt: skip
from gis_service.features.filter_text import MAX_OPERATORS, read_filter
from gis_service.features.filter_time import TEMPORAL, as_day, temporal
from layers.layer import Layer

CONFORMANCE: Final = (
    "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison",
    "accent-insensitive-comparison", "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions",
    "temporal-functions", "array-functions", "property-property", "arithmetic",
)  # fmt: skip
"""The classes of http://www.opengis.net/spec/cql2/1.0/conf/ that filters fulfil; user functions there are none."""

_CRS84: Final = 4326
# Relations that hold for a collection as soon as they hold, or don't, for its members one by one.
_MEMBERWISE: Final = frozenset(("s_intersects", "s_disjoint"))


@dataclass(frozen=True)
class Filter:
    """A filter that was read.

    Attributes
    ----------
    shape
        The condition without its literals; equal for two filters that differ only in them.
    values
        The literals by their names ``f0``, ``f1`` …; geometries are EWKB in hexadecimal.
    """

    shape: Hashable
    values: dict[str, object]


def parse_filter(
    layer: Layer, written: str, *, lang: str = "cql2-text", srid: int = _CRS84, flip: bool = False
) -> Filter:
    """Read a filter of a layer.

    Parameters
    ----------
    layer
        Whose properties it names.
    written
        The filter, in the language ``lang``: ``cql2-text`` or ``cql2-json``.
    srid
        EPSG code of its geometries' coordinates (``filter-crs``).
    flip
        Whether these are written latitude or northing first.

    Raises
    ------
    InputError
        When it is too large, can't be read, names what the layer doesn't have, or compares what can't be compared.
    """
    terms = Terms(layer, srid, flip=flip)
    shape = _Reader(terms).predicate(read_filter(written, lang))
    return Filter(shape, terms.values)


class _Reader:
    """Turns the tree of a filter into a shape."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def predicate(self, node: Any) -> Shape:
        """Return the shape of what is true or false."""
        if isinstance(node, bool):
            return self._terms.typed(Literal(node)).shape
        if isinstance(node, dict) and "property" in node:
            found = self._terms.column(node["property"])
            if found.type is not Type.BOOLEAN:
                raise mismatch(found, "AND、OR、NOT(要的是条件)")
            return found.shape
        name = _name(node)
        reader, number, most = _PREDICATES.get(name, (None, 0, 0))
        if reader is None:
            raise unexpected(node, "条件")
        return reader(self, name, self._terms.arguments(node, number, most))

    def joined(self, name: str, given: list[Any]) -> Shape:
        """AND, OR and NOT; of many operands they are as many operators as text would need."""
        self._terms.count(max(0, len(given) - 2))
        return (name, *map(self.predicate, given))

    def compared(self, name: str, given: list[Any]) -> Shape:
        """= <> < > <= and >=."""
        left, right = map(self._operand, given)
        return self._comparison(name, left, right)

    def between(self, _: str, given: list[Any]) -> Shape:
        """BETWEEN, its ends included."""
        value, low, high = map(self._operand, given)
        return ("and", self._comparison(">=", value, low), self._comparison("<=", value, high))

    def temporal(self, name: str, given: list[Any]) -> Shape:
        """T_AFTER and its kin."""
        return temporal(name, given, self._terms)

    def _operand(self, node: Any) -> Operand:
        """Return an operand; a condition in brackets is one, too: ``marked = (spaces > 5)``."""
        if _name(node) in _PREDICATES:
            return Term(self.predicate(node), Type.BOOLEAN, "条件")
        return self._terms.operand(node)

    def _comparison(self, name: str, left: Operand, right: Operand) -> Shape:
        codes = name in {"=", "<>"}
        for one, other in ((left, right), (right, left)):
            if codes and one is ID and isinstance(other, Literal) and isinstance(other.value, str):
                found = self._terms.identifiers([other])
                return found if name == "=" else ("not", found)
        if isinstance(left, Literal):
            beside = right if isinstance(right, Term) else self._terms.typed(right)
            first, second = self._terms.fitted(left, beside, codes=codes), beside
        else:
            first = left
            second = right if isinstance(right, Term) else self._terms.fitted(right, left, codes=codes)
        return (name, *_aligned(name, first, second))

    def listed(self, _: str, given: list[Any]) -> Shape:
        """IN: literals are one array, so that the number of items doesn't change the shape."""
        value = self._operand(given[0])
        value = self._terms.typed(value) if isinstance(value, Literal) else value
        if value.type in {Type.TEXTS, Type.GEOMETRY}:
            raise mismatch(value, "IN(列表属性请用 A_CONTAINS 或 A_OVERLAPS)")
        items = _items(given[1])
        check_listed(len(items))
        operands = [self._operand(item) for item in items]
        literals = [item for item in operands if isinstance(item, Literal)]
        if operands and (len(literals) < len(operands) or value.type in {Type.DATE, Type.TIME}):
            # Each item is a comparison of its own here.
            self._terms.count(len(operands))
            return ("or", *(self._comparison("=", value, item) for item in operands))
        if value is ID:
            return self._terms.identifiers(literals)
        shape = ("rounded", value.shape) if value.type is Type.NUMERIC else value.shape
        return ("in", shape, self._terms.listed(literals, value).shape)

    def like(self, _: str, given: list[Any]) -> Shape:
        """LIKE with % and _, and a backslash before them where they stand for themselves."""
        node, pattern = given
        value = self._terms.typed(self._terms.operand(node))
        if value.type is not Type.TEXT:
            raise mismatch(value, "LIKE(只用于文字)")
        inner = pattern
        while isinstance(inner, dict) and str(inner.get("op", "")).lower() in {"casei", "accenti"}:
            inner = (inner.get("args") or [None])[0]
        # PostgreSQL refuses a pattern in which nothing follows the last escape.
        if not isinstance(inner, str) or (len(inner) - len(inner.rstrip("\\"))) % 2:
            raise InputError(
                "过滤条件里 LIKE 的样式要是单引号里的文字,不以单个 \\ 结尾,例如 name LIKE '幸福%'。",
                "The pattern of LIKE in the filter is a text that doesn't end with a single backslash.",
            )
        return ("like", value.shape, self._terms.typed(self._terms.operand(pattern)).shape)

    def null(self, _: str, given: list[Any]) -> Shape:
        """IS NULL."""
        return ("null", self._terms.typed(self._operand(given[0])).shape)

    def arrays(self, name: str, given: list[Any]) -> Shape:
        """A_CONTAINS and its kin: lists are sets."""
        columns = [
            self._terms.column(node["property"]) if isinstance(node, dict) and "property" in node else None
            for node in given
        ]
        beside = next((column for column in columns if column), Term((), Type.TEXTS, "列表"))
        shapes = []
        for node, column in zip(given, columns, strict=True):
            if column and column.type is not Type.TEXTS:
                raise mismatch(column, f"{name.upper()}(只用于列表)")
            items = [] if column else [self._terms.operand(item) for item in _items(node)]
            if not all(isinstance(item, Literal) for item in items):
                raise unexpected(node, "文字的列表")
            literals = [item for item in items if isinstance(item, Literal)]
            shapes.append(column.shape if column else self._terms.listed(literals, beside).shape)
        return (name, *shapes)

    def spatial(self, name: str, given: list[Any]) -> Shape:
        """S_INTERSECTS and its kin."""
        shapes = []
        for term, literal in map(self._terms.geometry, given):
            shapes.append(term.shape if literal is None else self._terms.shape_of(_simplified(name, literal)))
        return (name, *shapes)

    def distance(self, name: str, given: list[Any]) -> Shape:
        """DWITHIN and BEYOND, in metres on the ellipsoid."""
        (_, one), (_, other) = map(self._terms.geometry, given[:2])
        literal = other if one is None else one
        number = given[2]
        unit = given[3] if len(given) == 4 else None
        # meters without quotes reads like a property.
        unit = unit.get("property") if isinstance(unit, dict) else unit
        if (one is None) == (other is None) or literal is None:
            raise InputError(
                "过滤条件里的距离要在 geom 与一个写出的几何之间,例如 DWITHIN(geom, POINT(121 30.7), 300, meters)。",
                "A distance in the filter is between geom and a literal geometry.",
            )
        if isinstance(number, bool) or not isinstance(number, int | float) or not isinstance(unit, str):
            raise InputError(
                "过滤条件里的距离要写数字和单位,例如 DWITHIN(geom, POINT(121 30.7), 300, meters)。",
                "A distance in the filter is a number and its unit.",
            )
        reach = reach_of(literal, number, unit)
        bind = self._terms.bind
        shape = self._terms.shape_of(literal)
        return (
            name.removeprefix("s_"),
            shape,
            bind(reach.box),
            bind(reach.narrow),
            bind(1 / reach.narrow),
            bind(reach.metres),
        )


def _name(node: Any) -> str:
    return str(node.get("op", "")).lower() if isinstance(node, dict) else ""


def _items(node: Any) -> list[Any]:
    """Return a list as it is written: a bracket around one item, or around a bracket, counts as one list."""
    found = node if isinstance(node, list) else [node]
    while len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    return found


def _simplified(name: str, literal: BaseGeometry) -> BaseGeometry:
    """Return a collection as the one shape that its members make together, where the relation needs that.

    Raises
    ------
    InputError
        When the members have several dimensions: GEOS 3.11 has no sound answer to the relation then.
    """
    if literal.geom_type != "GeometryCollection" or name in _MEMBERWISE:
        return literal
    united = shapely.unary_union(literal)
    if united.geom_type == "GeometryCollection":
        raise InputError(
            f"过滤条件里的 {name.upper()} 不能用点、线、面混合的 GEOMETRYCOLLECTION;请分开写,或改用 S_INTERSECTS。",
            f"{name.upper()} can't take a collection of points, lines and areas; write them apart.",
        )
    return united


def _aligned(name: str, left: Term, right: Term) -> tuple[Shape, Shape]:
    """Return two terms as they are compared: a moment beside a day is a day, arithmetic is rounded on both sides.

    Raises
    ------
    InputError
        When their types can't be compared.
    """
    both = {left.type, right.type}
    if both & {Type.TEXTS, Type.GEOMETRY}:
        odd = left if left.type in {Type.TEXTS, Type.GEOMETRY} else right
        raise mismatch(odd, f"{name}(列表请用 A_CONTAINS 等,几何请用 S_INTERSECTS 等)")
    if both == {Type.BOOLEAN} and name not in {"=", "<>"}:
        raise mismatch(left, f"{name}(是否只能用 = 或 <>)")
    if both == {Type.DATE, Type.TIME}:
        return as_day(left), as_day(right)
    if Type.NUMERIC in both and both <= {Type.NUMERIC, Type.NUMBER}:
        return ("rounded", left.shape), ("rounded", right.shape)
    if len(both) > 1:
        raise mismatch(left, f"“{right.title}”(类型不同)")
    if both == {Type.TEXT} and name not in {"=", "<>"}:
        return ("sorted", left.shape), ("sorted", right.shape)
    return left.shape, right.shape


_Predicate = Callable[[_Reader, str, list[Any]], Shape]
_FAMILIES: Final[tuple[tuple[Iterable[str], _Predicate, int, int], ...]] = (
    (("and", "or"), _Reader.joined, 1, MAX_OPERATORS + 2),
    (("not",), _Reader.joined, 1, 1),
    (("=", "<>", "<", ">", "<=", ">="), _Reader.compared, 2, 2),
    (("between",), _Reader.between, 3, 3),
    (("in",), _Reader.listed, 2, 2),
    (("like",), _Reader.like, 2, 2),
    (("isnull",), _Reader.null, 1, 1),
    (("a_contains", "a_containedby", "a_equals", "a_overlaps"), _Reader.arrays, 2, 2),
    (
        ("s_intersects", "s_equals", "s_disjoint", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains"),
        _Reader.spatial, 2, 2,
    ),
    (("dwithin", "s_dwithin", "beyond", "s_beyond"), _Reader.distance, 3, 4),
    (TEMPORAL, _Reader.temporal, 2, 2),
)  # fmt: skip
# Each predicate with how it is read and how many arguments it takes, at least and at most.
_PREDICATES: Final = {name: (reader, least, most) for names, reader, least, most in _FAMILIES for name in names}
