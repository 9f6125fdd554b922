"""From a sheet's cells to a layer's record, with a reason in Chinese for every row that can't be taken."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.record import Source

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]00:00(?::00(?:\.0+)?)?)?")
IDENTITY = re.compile(r"(?<![0-9A-Za-z])(?:1[3-9]\d{9}|\d{17}[0-9Xx])(?![0-9A-Za-z])")
_SHOWN_CODES = 12
_YES = {"是", "有", "对", "true", "yes", "y", "t", "1", "√"}
_NO = {"否", "无", "不", "false", "no", "n", "f", "0", "×"}


@dataclass
class RowReader:
    """Turns the rows of one sheet into values for the staged fields.

    Attributes
    ----------
    positions
        Column position to field, from the header matching.
    source
        The source of rows that don't name one.
    fields
        What is staged, in this order: the matched fields, ``code`` always among them.
    foreign_sources
        Words in a column 数据来源 that are no code of ours; such rows get ``source``.
    """

    layer: Layer
    positions: dict[int, LayerField]
    source: Source = Source.SURVEYED
    fields: tuple[LayerField, ...] = field(init=False)
    codes_made: bool = field(init=False)
    foreign_sources: set[str] = field(init=False, default_factory=set)
    _seen: dict[str, int] = field(init=False, default_factory=dict)
    _sources: frozenset[str] = frozenset(str(member) for member in Source)

    def __post_init__(self) -> None:
        """Decide what is staged; a sheet without a code column gets codes made from the geometry."""
        given = {found.name for found in self.positions.values()}
        self.codes_made = "code" not in given
        self.fields = tuple(
            found for found in self.layer.fields if found.name in given | {"code", "source"} or found.required
        )
        areal = self.layer.geometry != "POINT"
        self._pieces = "(同一要素被图幅切成几块时,用 --dissolve 列名 合并)" if areal else ""
        self._columns = [(position, found.name, _converter(found)) for position, found in self.positions.items()]
        self._names = [found.name for found in self.fields]
        self._validate = self.layer.record.__pydantic_validator__.validate_python
        self._texts = [
            found.name
            for found in self.fields
            if found.kind is Kind.TEXT and found.codes is None and found.pattern is None and found.name != "code"
        ]

    def read(self, number: int, cells: Sequence[object], geometry: bytes) -> tuple[list[object] | None, str, str]:
        """Return (values, code, "") of a row that is taken, or (None, code, reason) of one that is refused."""
        given = self._given(cells)
        if self.codes_made:
            given["code"] = code_from_geometry(geometry)
        code = str(given.get("code", ""))
        if not code:
            return None, "", "缺少编码:请在编码列填上这一行的编码,才能与已有数据对应。"
        if any(isinstance(value, str) and "\x00" in value for value in given.values()):
            return None, "", "文字里有空字符(NUL);请用表格软件重新导出。"
        first = self._seen.setdefault(code, number)
        if first != number:
            return None, code, f"编码 {code} 与第 {first} 行重复;请改掉其中一行的编码,或删去一行{self._pieces}。"
        try:
            record: Any = self._validate(given)
        except ValidationError as error:
            return None, code, explain(self.layer, error)
        values = [getattr(record, name) for name in self._names]
        for name in self._texts:
            text = given.get(name)
            if text is not None and IDENTITY.search(str(text)):
                title = self.layer.field(name).title
                return None, code, f"“{title}”里疑似有身份证号或手机号;请删去后再上传。"
        return values, code, ""

    def _given(self, cells: Sequence[object]) -> dict[str, object]:
        """Return what the cells give, by field; empty ones are left to the field's default."""
        given: dict[str, object] = {"source": self.source}
        for position, name, convert in self._columns:
            cell = cells[position]
            value = None if cell is None or cell == "" else convert(cell)
            if name == "source" and value is not None and value not in self._sources:
                # Other people's files have columns of this name with their own words in them.
                self.foreign_sources.add(str(cell))
            elif value is not None:
                given[name] = value
        return given

    @property
    def source_assumed(self) -> bool:
        """Whether the rows' source comes from ``source`` rather than from the sheet."""
        return bool(self.foreign_sources) or all(found.name != "source" for found in self.positions.values())


def code_from_geometry(geometry: bytes) -> str:
    """Return a code that is the same whenever the same geometry comes again."""
    return "g" + hashlib.sha1(geometry, usedforsecurity=False).hexdigest()[:15]


def explain(layer: Layer, error: ValidationError) -> str:
    """Return why a row doesn't fit the layer, in Chinese, all reasons in one line."""
    return ";".join(_explain_one(layer, detail) for detail in error.errors(include_url=False)) + "。"


def _explain_one(layer: Layer, detail: Any) -> str:
    found = layer.field(str(detail["loc"][0])) if detail["loc"] else None
    title = f"“{found.title}”" if found else "这一行"
    value, kind, context = detail.get("input"), detail["type"], detail.get("ctx", {})
    said = {
        "missing": f"缺少必填项{title}",
        "int_parsing": f"{title}的 {value!r} 不是整数",
        "int_from_float": f"{title}的 {value!r} 不是整数",
        "float_parsing": f"{title}的 {value!r} 不是数字",
        "finite_number": f"{title}的 {value!r} 不是有限的数字",
        "bool_parsing": f"{title}的 {value!r} 应写 是 或 否",
        "greater_than_equal": f"{title}的 {value} 应不小于 {context.get('ge')}",
        "greater_than": f"{title}的 {value} 应大于 {context.get('gt')}",
        "less_than_equal": f"{title}的 {value} 应不大于 {context.get('le')}",
        "string_too_long": f"{title}太长:最多 {context.get('max_length')} 个字",
        "string_too_short": f"{title}太短:至少 {context.get('min_length')} 个字",
        "string_pattern_mismatch": f"{title}的 {value!r} 格式不对",
    }
    if kind in said:
        return said[kind]
    if kind == "code_list":
        return f"{title}没有代码 {value!r},代码表见 layers/codes/{context['name']}.csv"
    if kind == "enum" and found is not None and found.codes:
        labels = list(found.codes.values())
        more = f" 等 {len(labels)} 项" if len(labels) > _SHOWN_CODES else ""
        return f"{title}没有 {value!r} 这一项,可选:{'、'.join(labels[:_SHOWN_CODES])}{more}"
    if kind.startswith("date"):
        return f"{title}的 {value!r} 不是日期,请写成 2026-11-23"
    return f"{title}的 {value!r} 不合要求"


def _converter(found: LayerField) -> Callable[[Any], object]:
    """Return what turns a cell into what the record validates: labels to codes, spellings of dates, yes and no."""
    if found.codes is not None:
        return _code_converter(found)
    return {
        Kind.TEXT: _text,
        Kind.INTEGER: _number,
        Kind.NUMBER: _number,
        Kind.BOOLEAN: _boolean,
        Kind.DATE: _date,
        Kind.TIME: _blank_to_none,
        Kind.TEXTS: _texts,
    }[found.kind]


def _code_converter(found: LayerField) -> Callable[[Any], object]:
    codes = dict(found.codes or {})
    by_label = {label.casefold(): code for code, label in codes.items()} | {code.casefold(): code for code in codes}

    def one(cell: object) -> object:
        text = _text(cell)
        return by_label.get(str(text).casefold(), text) if text is not None else None

    if found.kind is Kind.TEXTS:
        return lambda cell: [one(part) for part in _texts(cell)] or None
    return one


def _plain(text: str) -> str:
    """Return text with full-width digits, letters and punctuation, as Chinese keyboards give them, in plain ones."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def _text(cell: object) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip() or None


def _number(cell: object) -> object:
    return _plain(cell).replace(",", "") or None if isinstance(cell, str) else cell


def _boolean(cell: object) -> object:
    if isinstance(cell, bool):
        return cell
    text = _plain(str(_text(cell) or "")).casefold()
    return True if text in _YES else False if text in _NO else text or None


def _date(cell: object) -> object:
    text = _text(cell)
    found = _DATE.fullmatch(_plain(text)) if text else None
    return "{}-{:0>2}-{:0>2}".format(*found.groups()) if found else text


def _blank_to_none(cell: object) -> object:
    return _text(cell)


def _texts(cell: object) -> list[str]:
    if isinstance(cell, list):
        return [str(part) for part in cell]
    return [part for part in re.split(r"[、,\uff0c;\uff1b|/]\s*", str(cell).strip()) if part]
