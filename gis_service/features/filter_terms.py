"""The operands of a filter: what type each has, and what a client's literal means beside it.

Every literal becomes a named value (``f0``, ``f1`` …); the shape of a term only says where it stands.
"""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from shapely.geometry.base import BaseGeometry

from gis_service.errors import InputError
from gis_service.features.filter_geometry import bound, read_box, read_geojson, stored
from gis_service.features.filter_text import CONTROL, MAX_OPERATORS, too_large
from layers.field import Kind, LayerField
from layers.layer import Layer

Shape = tuple[Any, ...]

MAX_LITERAL: Final = 2000
"""Characters of a text, as many as the longest field holds."""
MAX_LISTED: Final = 1000
"""Items of a list."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_ARITHMETIC: Final = frozenset(("+", "-", "*", "/", "%", "div", "^"))
_FOLDS: Final = frozenset(("casei", "accenti"))


class Type(StrEnum):
    """What can be compared with what."""

    TEXT = "text"
    NUMBER = "number"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TEXTS = "texts"
    GEOMETRY = "geometry"


_TITLES: Final = {
    Type.TEXT: "文字", Type.NUMBER: "数字", Type.NUMERIC: "算式", Type.BOOLEAN: "是否(true/false)", Type.DATE: "日期",
    Type.TIME: "时刻", Type.TEXTS: "列表", Type.GEOMETRY: "几何",
}  # fmt: skip
_TYPES: Final = {
    Kind.TEXT: Type.TEXT, Kind.INTEGER: Type.NUMBER, Kind.NUMBER: Type.NUMBER, Kind.BOOLEAN: Type.BOOLEAN,
    Kind.DATE: Type.DATE, Kind.TIME: Type.TIME, Kind.TEXTS: Type.TEXTS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """An operand whose type is known.

    Attributes
    ----------
    shape
        Where it stands, without its value.
    type
        What it can be compared with.
    title
        Its name for people.
    field
        The field it is, or None; its codes are known by it.
    whole
        Whether it is a column of whole numbers.
    """

    shape: Shape
    type: Type
    title: str
    field: LayerField | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or truth value as it is written: what it means depends on what it is compared with."""

    value: str | float | bool | None


Operand = Term | Literal
ID: Final = Term(("id",), Type.TEXT, "id")
GEOMETRY: Final = Term(("column", "geom"), Type.GEOMETRY, "geom")


@cache
def columns_of(layer: Layer) -> dict[str, Term]:
    """Return what a filter may name in a layer: its fields and what the service keeps of every row."""
    fields = {
        found.name: Term(
            ("column", found.name), _TYPES[found.kind], found.title, found, whole=found.kind is Kind.INTEGER
        )
        for found in layer.fields
    }
    kept = {
        "community": Term(("column", "community"), Type.TEXT, "community"),
        "grid": Term(("column", "grid"), Type.TEXT, "grid"),
        "version": Term(("column", "version"), Type.NUMBER, "version", whole=True),
        "recorded_at": Term(("column", "recorded_at"), Type.TIME, "recorded_at"),
    }
    return {**fields, **kept, "id": ID, "geom": GEOMETRY, "geometry": GEOMETRY}


class Terms:
    """The operands of one filter, with the values they bind.

    Parameters
    ----------
    layer
        Whose properties are named.
    srid, flip
        EPSG code of the coordinates of literal geometries, and whether they are written y before x.
    """

    def __init__(self, layer: Layer, srid: int, *, flip: bool) -> None:
        self.values: dict[str, object] = {}
        self._layer = layer
        self._columns = columns_of(layer)
        self._srid, self._flip = srid, flip
        self._operators = 0

    def bind(self, value: object) -> str:
        """Keep a value and return its name."""
        name = f"f{len(self.values)}"
        self.values[name] = value
        return name

    def count(self, number: int = 1) -> None:
        """Count operators; a filter has a limited number of them in whatever language it is written."""
        self._operators += number
        if self._operators > MAX_OPERATORS:
            raise too_large(f"最多 {MAX_OPERATORS} 个运算", f"at most {MAX_OPERATORS} operators")

    def column(self, name: object) -> Term:
        """Return a property; InputError lists the known ones."""
        found = self._columns.get(name) if isinstance(name, str) else None
        if found is None:
            shown = str(name)[:60]
            raise InputError(
                f"过滤条件里的 {shown!r} 不是图层“{self._layer.title}”的属性;可用的有:{'、'.join(self._columns)}。"
                "文字请放在单引号里。",
                f"The layer {self._layer.name} has no property {shown!r}.",
            )
        return found

    def operand(self, node: Any) -> Operand:
        """Return an operand that is a single value."""
        if node is None or isinstance(node, str | int | float):
            return Literal(node)
        if isinstance(node, dict):
            if "property" in node:
                return self.column(node["property"])
            if "date" in node or "timestamp" in node:
                return self.instant(node)
            name = str(node.get("op", "")).lower()
            if name in _ARITHMETIC:
                return self._arithmetic(name, self.arguments(node, 2))
            if name in _FOLDS:
                return self._folded(name, self.arguments(node, 1)[0])
        raise unexpected(node, "值")

    def arguments(self, node: dict[str, Any], number: int, most: int | None = None) -> list[Any]:
        """Return the arguments of an operator and count it; InputError when there are too many or too few."""
        self.count()
        found = node.get("args")
        if not isinstance(found, list) or not number <= len(found) <= (most or number):
            raise InputError(
                f"过滤条件里的 {str(node.get('op'))[:40]} 要有 {number} 个参数。",
                f"{str(node.get('op'))[:40]} in the filter takes {number} arguments.",
            )
        return found

    def typed(self, operand: Operand) -> Term:
        """Return an operand with the type it has by itself."""
        if isinstance(operand, Term):
            return operand
        kind = Type.TEXT if isinstance(operand.value, str) else Type.NUMBER
        kind = Type.BOOLEAN if isinstance(operand.value, bool) else kind
        return self.fitted(operand, Term((), kind, str(operand.value)[:40]))

    def fitted(self, literal: Literal, beside: Term, *, codes: bool = False) -> Term:
        """Return what a literal means beside a term, bound; ``codes`` says that only a code of its list will do.

        Raises
        ------
        InputError
            When it has another type or is an unknown code.
        """
        if beside.type in {Type.DATE, Type.TIME} and isinstance(literal.value, str):
            return self.instant(literal.value)
        value = self._value(literal, beside, codes=codes)
        kind = "integer" if isinstance(value, int) and beside.type is Type.NUMBER else str(beside.type)
        return Term(("value", self.bind(value), kind), beside.type, beside.title)

    def listed(self, literals: list[Literal], beside: Term, *, codes: bool = True) -> Term:
        """Return a list of literals beside a term, as one bound array of the term's type."""
        check_listed(len(literals))
        values = [self._value(literal, beside, codes=codes) for literal in literals]
        kind = str(Type.TEXT if beside.type is Type.TEXTS else beside.type)
        if beside.type is Type.NUMBER:
            whole = beside.whole and all(isinstance(value, int) for value in values)
            kind = "integer" if whole else "number"
            values = values if whole else [float(value) for value in values]
        return Term(("values", self.bind(values), kind), beside.type, beside.title)

    def identifiers(self, literals: list[Literal]) -> Shape:
        """Return the shape of ``id IN (…)``, which the key's index can answer: community and UUID apart."""
        written = [str(self._value(literal, ID, codes=False)) for literal in literals]
        check_listed(len(written))
        known = [(community, key) for community, key in map(_key, written) if key]
        communities = self.bind([community for community, _ in known])
        keys = self.bind([key for _, key in known])
        return ("ids", communities, keys, self.bind([f"{community}.{key}" for community, key in known]))

    def instant(self, node: Any) -> Term:
        """Return a day, a moment or a property that is one; a plain text counts when it is written like one."""
        if isinstance(node, dict) and "property" in node:
            column = self.column(node["property"])
            if column.type not in {Type.DATE, Type.TIME}:
                raise mismatch(column, "日期或时刻")
            return column
        written = node
        if isinstance(node, dict) and len(node) == 1:
            written = node.get("date", node.get("timestamp"))
        text = written if isinstance(written, str) else ""
        day = isinstance(node, dict) and "date" in node
        moment = isinstance(node, dict) and "timestamp" in node
        try:
            if _DATE.fullmatch(text) and not moment:
                return Term(("value", self.bind(date.fromisoformat(text)), "date"), Type.DATE, text)
            found = None if day else _TIME.fullmatch(text)
            # TIMESTAMP is UTC in CQL2 where it doesn't say otherwise; a plain text must.
            if found and (moment or found[1]):
                at = datetime.fromisoformat(f"{text[:10]}T{text[11:].upper()}{'' if found[1] else 'Z'}").astimezone(UTC)
                return Term(("value", self.bind(at), "time"), Type.TIME, text)
        except (ValueError, OverflowError) as error:
            raise _bad_time(written) from error
        raise _bad_time(written)

    def geometry(self, node: Any) -> tuple[Term, BaseGeometry | None]:
        """Return a geometry: the row's own, or a literal one in stored coordinates; the latter isn't bound yet."""
        if isinstance(node, dict) and "property" in node:
            found = self.column(node["property"])
            if found.type is not Type.GEOMETRY:
                raise mismatch(found, "几何")
            return found, None
        if isinstance(node, BaseGeometry):
            return GEOMETRY, stored(node, self._srid, flip=self._flip)
        if isinstance(node, dict):
            if "bbox" in node:
                return GEOMETRY, stored(read_box(node["bbox"]), self._srid, flip=self._flip)
            if str(node.get("op", "")).lower() == "envelope":
                return GEOMETRY, stored(read_box(self.arguments(node, 4, 6)), self._srid, flip=self._flip)
            if "type" in node:
                return GEOMETRY, stored(read_geojson(node), self._srid, flip=self._flip)
        raise unexpected(node, "几何")

    def shape_of(self, literal: BaseGeometry) -> Shape:
        """Bind a stored geometry."""
        return ("value", self.bind(bound(literal)), "geometry")

    def _value(self, literal: Literal, beside: Term, *, codes: bool) -> str | float | bool:
        value = literal.value
        if value is None:
            raise InputError(
                "过滤条件不能与 NULL 比较:请写 IS NULL 或 IS NOT NULL。",
                "Nothing can be compared with NULL in a filter: use IS NULL.",
            )
        if beside.type in {Type.TEXT, Type.TEXTS} and isinstance(value, str):
            return _text(value, beside.field if codes else None)
        if beside.type is Type.BOOLEAN and isinstance(value, bool):
            return value
        if (
            beside.type in {Type.NUMBER, Type.NUMERIC}
            and isinstance(value, int | float)
            and not isinstance(value, bool)
        ):
            return _number(value, whole=beside.whole)
        raise mismatch(beside, repr(value)[:60])

    def _arithmetic(self, name: str, given: list[Any]) -> Term:
        numbers = []
        for node in given:
            found = self.operand(node)
            if isinstance(found, Literal):
                found = self.fitted(found, Term((), Type.NUMERIC, f"算式 {name}"))
            if found.type not in {Type.NUMBER, Type.NUMERIC}:
                raise mismatch(found, f"数字({name} 只用于数字)")
            numbers.append(found.shape)
        return Term((name, *numbers), Type.NUMERIC, f"算式 {name}")

    def _folded(self, name: str, node: Any) -> Term:
        found = self.typed(self.operand(node))
        if found.type is not Type.TEXT:
            raise mismatch(found, f"文字({name.upper()} 只用于文字)")
        return Term((name, found.shape), Type.TEXT, name.upper())


def mismatch(term: Term, other: str) -> InputError:
    """Return the error of a term where something else is wanted."""
    return InputError(
        f"过滤条件里类型不符:“{term.title}”是{_TITLES[term.type]},不能与 {other} 一起用。",
        f"Types don't fit in the filter: {term.title} is {term.type}, beside {other}.",
    )


def unexpected(node: Any, wanted: str) -> InputError:
    """Return the error of an operator, function or literal where it can't stand."""
    shown = str(node.get("op", next(iter(node), ""))) if isinstance(node, dict) else str(node)
    if node is None:
        shown = "null"
    return InputError(
        f"过滤条件里的 {shown[:60]!r} 不能放在那里:那里要的是{wanted};只支持 CQL2 标准的运算符和函数。",
        f"{shown[:60]!r} can't stand there in the filter, or is no operator of CQL2.",
    )


def check_listed(number: int) -> None:
    """Raise InputError when a list has too many items."""
    if number > MAX_LISTED:
        raise too_large(f"一个列表最多 {MAX_LISTED} 项", f"a list has at most {MAX_LISTED} items")


def _text(value: str, field: LayerField | None) -> str:
    """Return a text as it is stored: a label of a code list becomes its code."""
    if len(value) > MAX_LITERAL:
        raise too_large(f"一段文字最多 {MAX_LITERAL} 个字", f"a text has at most {MAX_LITERAL} characters")
    if CONTROL.search(value):
        raise InputError("过滤条件里的文字含有控制字符。", "A text in the filter holds a control character.")
    if field is None or field.codes is None or value in field.codes:
        return value
    for code, label in field.codes.items():
        if label == value:
            return code
    known = "、".join(f"{code}({label})" for code, label in field.codes.items())
    raise InputError(
        f"过滤条件里“{field.title}”没有代码 {value[:60]!r};可用的有:{known}。",
        f"{field.name} has no code {value[:60]!r}; there are: {', '.join(field.codes)}.",
    )


def _number(value: float, *, whole: bool) -> float:
    if not math.isfinite(value):
        raise InputError("过滤条件里的数字太大。", "A number in the filter is too large.")
    # A column of whole numbers is compared with a whole number, which a bigint holds for sure.
    return int(value) if whole and value == int(value) and abs(value) < 2**63 else float(value)


def _key(identifier: str) -> tuple[str, str]:
    """Return community and UUID of a feature's identifier; an empty UUID when it isn't one, which no row has."""
    community, _, key = identifier.partition(".")
    try:
        return community, str(uuid.UUID(key))
    except ValueError:
        return community, ""


def _bad_time(value: object) -> InputError:
    shown = str(value)[:60]
    return InputError(
        f"过滤条件里的时间 {shown!r} 看不懂:请写 DATE('2026-11-23'),"
        "或带时区的 TIMESTAMP('2026-11-23T08:00:00+08:00')。",
        f"The time {shown!r} in the filter can't be read: give a date or a moment with its time zone.",
    )
