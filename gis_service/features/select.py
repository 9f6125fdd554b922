"""Which features a question is about: scope, place, attributes and time, as one filtered selection."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, and_, func, or_, select

from gis_service.errors import InputError
from gis_service.scope import Scope, within
from gis_service.tables import STORED_SRID, column_type, tables_of
from layers.field import Kind, LayerField
from layers.layer import Layer

SHANGHAI = ZoneInfo("Asia/Shanghai")
Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Question:
    """What is asked of a layer; everything that is given must hold.

    Attributes
    ----------
    bbox
        (west, south, east, north) in degrees.
    polygon
        WKT of an area in degrees, longitude first.
    equals
        Field name to value, as text from a client or typed.
    valid
        First and last day of a period, None for open: rows whose own dates of validity meet it.
    as_of
        What was recorded at that moment, instead of what is recorded now.
    order
        Field names, with a minus before them for descending.
    """

    bbox: Bbox | None = None
    polygon: str | None = None
    community: str | None = None
    grid: str | None = None
    equals: dict[str, str] = field(default_factory=dict)
    valid: tuple[date | None, date | None] | None = None
    as_of: datetime | None = None
    order: tuple[str, ...] = ()


def end_of(day: date) -> datetime:
    """Return the last moment of a day in Shanghai, in UTC: what ``as_of`` a date means."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI).astimezone(UTC) - timedelta(microseconds=1)


def parse_as_of(value: str) -> datetime:
    """Read a date (its end in Shanghai is meant) or a moment with a time zone (RFC 3339).

    Raises
    ------
    InputError
        When the text is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return end_of(date.fromisoformat(value))
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise _bad_time(value)
        return moment.astimezone(UTC)
    # The first and last days that Python knows have no moment in another time zone.
    except (ValueError, OverflowError) as error:
        raise _bad_time(value) from error


def parse_period(value: str) -> tuple[date | None, date | None]:
    """Read an OGC ``datetime``: a day or moment, or two of them with a slash between, ``..`` for open.

    Raises
    ------
    InputError
        When the text is none of these or ends before it begins.
    """
    ends = value.split("/")
    if len(ends) > 2 or value in {"", "/", "../.."}:
        raise _bad_time(value)
    try:
        days = [None if end in {"", ".."} else parse_as_of(end).astimezone(SHANGHAI).date() for end in ends]
    except OverflowError as error:
        raise _bad_time(value) from error
    first, last = days[0], days[-1]
    if (first is None and last is None) or (first is not None and last is not None and first > last):
        raise _bad_time(value)
    return first, last


def _bad_time(value: str) -> InputError:
    return InputError(
        f"时间 {value!r} 看不懂:请写日期 2026-11-23,或带时区的时刻 2026-11-23T08:00:00+08:00。",
        f"The time {value!r} can't be read: give a date or a moment with its time zone.",
    )


def parse_bbox(value: str) -> Bbox:
    """Read ``west,south,east,north`` in degrees (six numbers: heights are left aside).

    Raises
    ------
    InputError
        When it isn't four or six finite numbers in order, within the globe.
    """
    wrong = InputError(
        f"bbox {value!r} 不对:应为 西,南,东,北 四个经纬度数字,例如 120.99,30.69,121.02,30.71。",
        f"The bbox {value!r} is wrong: give west,south,east,north in degrees.",
    )
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError as error:
        raise wrong from error
    if len(numbers) == 6:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4 or not all(abs(number) <= 1e6 for number in numbers):
        raise wrong
    west, south, east, north = numbers
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise wrong
    return west, south, east, north


def rows_of(layer: Layer, question: Question) -> FromClause:
    """Return the table that answers: the current rows, or the versions that were current at ``as_of``."""
    found = tables_of(layer)
    if question.as_of is None:
        return found.current
    history = found.history
    return (
        select(*(history.c[column.name] for column in found.current.columns))
        .where(history.c.recorded_at <= question.as_of, history.c.recorded_to > question.as_of)
        .where(history.c.operation != "delete")
        .subquery(layer.name)
    )


def conditions(layer: Layer, rows: FromClause, scope: Scope, question: Question) -> ColumnElement[bool]:
    """Return the filter of a question, the scope's own first; ``&&`` stands before every exact predicate."""
    asked = scope.narrowed(question.community) if question.community else scope
    parts = [within(asked, rows, layer.visibility)]
    if question.bbox is not None:
        envelope = func.ST_MakeEnvelope(*question.bbox, STORED_SRID)
        parts.append(rows.c.geom.op("&&")(envelope))
        parts.append(func.ST_Intersects(rows.c.geom, envelope))
    if question.polygon is not None:
        area = func.ST_GeomFromText(question.polygon, STORED_SRID)
        parts.append(rows.c.geom.op("&&")(area))
        parts.append(func.ST_Intersects(rows.c.geom, area))
    if question.grid is not None:
        parts.append(rows.c.grid == question.grid)
    if question.valid is not None:
        first, last = question.valid
        if last is not None:
            parts.append(or_(rows.c.valid_from.is_(None), rows.c.valid_from <= last))
        if first is not None:
            parts.append(or_(rows.c.valid_to.is_(None), rows.c.valid_to >= first))
    for name, value in question.equals.items():
        found = queryable(layer, name)
        typed = read_value(found, value)
        column = rows.c[name]
        parts.append(column.contains([typed]) if found.kind is Kind.TEXTS else column == typed)
    return and_(*parts)


def ordered(query: Select[Any], layer: Layer, rows: FromClause, question: Question) -> Select[Any]:
    """Order by the asked fields (Chinese text by pinyin, numbers in it as numbers), then by the key."""
    for name in question.order:
        found = queryable(layer, name.lstrip("-+"))
        column: ColumnElement[Any] = rows.c[found.name]
        if found.kind is Kind.TEXT and found.name != "code":
            column = column.collate("zh")
        query = query.order_by(column.desc() if name.startswith("-") else column.asc())
    return query.order_by(rows.c.community, rows.c.id)


def queryable(layer: Layer, name: str) -> LayerField:
    """Return a field that may be asked for; personal fields may not.

    Raises
    ------
    InputError
        When the layer has no such field; the names it has are listed.
    """
    for found in layer.fields:
        if found.name == name:
            return found
    names = "、".join(item.name for item in layer.fields)
    raise InputError(
        f"图层“{layer.title}”没有属性 {name!r};可用的有:{names}。",
        f"The layer {layer.name} has no property {name!r}.",
    )


_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "是": True, "否": False}
_READERS: dict[Kind, Callable[[str], object]] = {
    Kind.TEXT: str,
    Kind.TEXTS: str,
    Kind.NUMBER: float,
    Kind.BOOLEAN: lambda text: _BOOLEANS[text.lower()],
    Kind.DATE: date.fromisoformat,
    Kind.TIME: datetime.fromisoformat,
}


def read_value(found: LayerField, value: str) -> object:
    """Turn a client's text into a field's type: codes by value or label, dates as ISO.

    Raises
    ------
    InputError
        When the text doesn't fit the type or the code list.
    """
    text = value.strip()
    try:
        if found.codes is not None:
            by_label = {label: code for code, label in found.codes.items()}
            return text if text in found.codes else by_label[text]
        if found.kind is Kind.INTEGER:
            return _whole_number(found, text)
        return _READERS[found.kind](text)
    except (ValueError, KeyError) as error:
        expected = "、".join(found.codes) if found.codes else found.kind
        raise InputError(
            f"属性“{found.title}”的值 {value!r} 不对;应为:{expected}。",
            f"The value {value!r} doesn't fit the property {found.name}.",
        ) from error


def _whole_number(found: LayerField, text: str) -> int:
    """Read an integer that its column can hold; a larger one would make the database fail."""
    number = int(text)
    widest = 2**63 if isinstance(column_type(found), BigInteger) else 2**31
    if not -widest <= number < widest:
        raise ValueError
    return number
