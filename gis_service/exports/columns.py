"""The columns of an exported file, and their values in SQL: as stored for programmes, in Chinese for people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import orjson

from gis_service.features.read import property_names
from gis_service.features.select import ROWS
from layers.field import Kind, LayerField
from layers.layer import Layer

_KEPT = {
    "id": ("标识", Kind.TEXT),
    "community": ("社区代码", Kind.TEXT),
    "grid": ("网格代码", Kind.TEXT),
    "version": ("版本", Kind.INTEGER),
    "recorded_at": ("记录时间", Kind.TIME),
}
"""What the service keeps of every row, beside the declared fields."""


@dataclass(frozen=True)
class ExportColumn:
    """One column: its stored name, its Chinese title with the unit, its kind, and the declared field behind it."""

    name: str
    title: str
    kind: Kind
    field: LayerField | None = None

    @property
    def codes(self) -> dict[str, str] | None:
        """Stored value to label, or None."""
        return self.field.codes if self.field else None


@cache
def columns_of(layer: Layer, names: tuple[str, ...] | None = None) -> tuple[ExportColumn, ...]:
    """Return the columns: the feature's identifier, then its properties in their order; never a personal field.

    Parameters
    ----------
    names
        The properties to give; all of them without it.
    """
    fields = {found.name: found for found in layer.fields}
    listed = [ExportColumn("id", *_KEPT["id"])]
    for name in property_names(layer):
        if names is not None and name not in names:
            continue
        if name in fields:
            found = fields[name]
            title = f"{found.title}({found.unit})" if found.unit else found.title
            listed.append(ExportColumn(name, title, found.kind, found))
        else:
            listed.append(ExportColumn(name, *_KEPT[name]))
    return tuple(listed)


def stored(column: ExportColumn) -> str:
    """Return the SQL of a value for programmes: days and milliseconds since 1970 in UTC, lists joined by commas."""
    value = f"{ROWS}.{column.name}"
    if column.name == "id":
        return f"{ROWS}.community || '.' || {ROWS}.id"
    if column.kind is Kind.DATE:
        return f"{value} - date '1970-01-01'"
    if column.kind is Kind.TIME:
        return f"(extract(epoch from {value}) * 1000)::bigint"
    if column.kind is Kind.TEXTS:
        return f"array_to_string({value}, ',')"
    return value


def labelled(column: ExportColumn) -> str:
    """Return the SQL of a value for people: labels for codes, 是 and 否; numbers, days and moments as stored."""
    value = f"{ROWS}.{column.name}"
    if column.kind is Kind.BOOLEAN:
        return f"case {value} when true then '是' when false then '否' end"
    if column.kind is Kind.TEXTS:
        items = f"select {_label(column, 'u.x')} from unnest({value}) with ordinality u(x, n) order by u.n"
        return f"case when {value} is not null then array_to_string(array({items}), '、') end"
    if column.codes is not None:
        return _label(column, value)
    return stored(column)


def written(column: ExportColumn) -> str:
    """Return the SQL of a value for people as text: days as 2026-11-23, moments in Shanghai's time."""
    value = f"{ROWS}.{column.name}"
    if column.kind is Kind.DATE:
        return f"to_char({value}, 'YYYY-MM-DD')"
    if column.kind is Kind.TIME:
        return f"to_char({value} at time zone 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')"
    return f"({labelled(column)})::text"


def quoted(text: str) -> str:
    """Return a text of a declaration as an SQL literal; what clients send is bound instead."""
    return "'" + text.replace("'", "''") + "'"


def _label(column: ExportColumn, value: str) -> str:
    # A constant document is looked up by bisection, where a case would compare with each code in turn.
    return (
        f"coalesce({quoted(orjson.dumps(column.codes).decode())}::jsonb ->> {value}, {value})"
        if column.codes
        else value
    )
