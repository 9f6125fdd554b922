"""The properties of features that clients may name, and their values as clients write them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlalchemy import BigInteger

from gis_service.errors import InputError
from gis_service.tables import column_type
from layers.field import Kind, LayerField
from layers.layer import Layer


def _kept(name: str, title: str, kind: Kind) -> LayerField:
    return LayerField(
        name=name, title=title, description="", kind=kind, required=False, default=None, codes=None, words={},
        minimum=None, exclusive_minimum=False, maximum=None, min_length=None, max_length=None, pattern=None, unit=None,
        personal=False, by_step=False, identifies=False, headers=(),
    )  # fmt: skip


KEPT = {
    found.name: found
    for found in (
        _kept("id", "标识", Kind.TEXT),
        _kept("version", "行版本", Kind.INTEGER),
        _kept("recorded_at", "记录时间", Kind.TIME),
    )
}
"""What the service keeps of every row and may be asked for like a field; ``id`` is ``community.uuid``."""


def queryable(layer: Layer, name: str) -> LayerField:
    """Return a field that may be asked for, of the layer's own or of ``KEPT``; personal fields may not.

    Raises
    ------
    InputError
        When the layer has no such field; the names it has are listed.
    """
    for found in (*layer.fields, *KEPT.values()):
        if found.name == name:
            return found
    names = "、".join(item.name for item in (*layer.fields, *KEPT.values()))
    raise InputError(
        f"图层“{layer.title}”没有属性 {name!r};可用的有:{names}。",
        f"The layer {layer.name} has no property {name!r}.",
    )


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    # PostgreSQL knows no zone as far from Greenwich as Python does.
    return moment.astimezone(UTC)


_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "是": True, "否": False}
_READERS: dict[Kind, Callable[[str], object]] = {
    Kind.TEXT: str,
    Kind.TEXTS: str,
    Kind.NUMBER: _finite,
    Kind.BOOLEAN: lambda text: _BOOLEANS[text.lower()],
    Kind.DATE: date.fromisoformat,
    Kind.TIME: _moment,
}
_EXPECTED = {
    Kind.TEXT: "文字", Kind.TEXTS: "文字", Kind.INTEGER: "整数", Kind.NUMBER: "数字", Kind.BOOLEAN: "是 或 否",
    Kind.DATE: "日期,如 2026-11-23", Kind.TIME: "带时区的时刻,如 2026-11-23T08:00:00+08:00",
}  # fmt: skip
"""How values of a kind are written, for whoever wrote another one."""


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
    except (ValueError, KeyError, OverflowError) as error:
        listed = (f"{code}({label})" for code, label in (found.codes or {}).items())
        expected = "、".join(listed) if found.codes else _EXPECTED[found.kind]
        raise InputError(
            f"属性“{found.title}”的值 {value!r} 不对;应为:{expected}。",
            f"The value {value!r} doesn't fit the property {found.name}.",
        ) from error


def _whole_number(found: LayerField, text: str) -> int:
    """Read an integer that its column can hold; a larger one would make the database fail."""
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text):
        raise ValueError
    number = int(text)
    widest = 2**63 if isinstance(column_type(found), BigInteger) else 2**31
    if not -widest <= number < widest:
        raise ValueError
    return number
