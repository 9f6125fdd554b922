"""How a field is filled in, in Chinese for every form: its place, what may be written, an example, what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.record import Record

BETWEEN: Final = "、"
"""What stands between the values of a field that takes several."""
YES_NO: Final = {"yes": "是", "no": "否"}

Example = str | int | float | date | datetime

_FIRST: Final = ("code", "name")
_DAY: Final = date(2026, 11, 23)
_MOMENT: Final = datetime.combine(_DAY, time(8))
_RUN: Final = re.compile(r"\[([^\]]+)\]\{(\d+)(?:,(\d+))?\}")


@dataclass(frozen=True)
class Run:
    """Characters of one kind in a row, in a text with a pattern: ``[0-9]{2,4}`` are 2 to 4 digits."""

    letters: str
    least: int
    most: int

    @property
    def said(self) -> str:
        """The run in Chinese: 15 位数字."""
        digits, capitals = "0-9" in self.letters, bool(re.search("[A-Z]", self.letters))
        kind = "数字或大写字母" if digits and capitals else "大写字母" if capitals else "数字" if digits else "字符"
        return f"{self.least} 位{kind}" if self.least == self.most else f"{self.least} 至 {self.most} 位{kind}"


def form_fields(layer: Layer) -> tuple[LayerField, ...]:
    """Return what a form asks for, in the order of filling in: code and name, the layer's own, what every layer has.

    Personal fields are left out: an upload doesn't import them, so nobody is to write them down.
    """
    common = set(Record.model_fields)

    def rank(field: LayerField) -> int:
        return _FIRST.index(field.name) if field.name in _FIRST else 3 if field.name in common else 2

    return tuple(sorted(layer.fields, key=rank))


def heading(field: LayerField) -> str:
    """Return the header of a field's column: required ones with a star, the unit in brackets; uploads know it again."""
    unit = f"({field.unit})" if field.unit else ""
    return f"{field.title}{'*' if field.required else ''}{unit}"


def taken(field: LayerField) -> str:
    """Return what may be written, as words that continue 要填: 0 到 500 之间的整数."""
    several = "一项或几项" if field.kind is Kind.TEXTS else "一项"
    if field.codes is not None:
        return f"列表里的{several}"
    if field.kind in {Kind.INTEGER, Kind.NUMBER}:
        return _number_taken(field)
    return {
        Kind.TEXT: _text_taken(field),
        Kind.BOOLEAN: "是或否",
        Kind.DATE: f"日期,例如 {_DAY}",
        Kind.TIME: f"日期和时刻,例如 {_MOMENT:%Y-%m-%d %H:%M}",
        Kind.TEXTS: "一项或几项文字",
    }[field.kind]


def refusal(field: LayerField) -> str:
    """Return the sentence that somebody reads who wrote something else."""
    unit = f"(单位:{field.unit})" if field.unit else ""
    return f"“{field.title}”{to_fill('要填', taken(field))}{unit},请改正。"


def to_fill(verb: str, said: str) -> str:
    """Return a verb with what may be written after it; Chinese and figures stand apart."""
    return f"{verb} {said}" if said[0].isascii() else f"{verb}{said}"


def left_empty(field: LayerField) -> str:
    """Return what an empty cell means: 必填, or the value that is then taken; empty when it means nothing."""
    if field.required:
        return "必填"
    return "" if field.default is None else f"不填就是“{field.show(field.default)}”"


def example(field: LayerField) -> Example:
    """Return a value that is accepted, and that nobody takes for a real one: nothing in it comes from data."""
    if field.codes is not None:
        labels = list(field.codes.values())
        return BETWEEN.join(labels[:2]) if field.kind is Kind.TEXTS else field.show(field.default) or labels[0]
    if field.kind in {Kind.INTEGER, Kind.NUMBER}:
        return _number_example(field)
    examples: dict[Kind, Example] = {
        Kind.TEXT: _text_example(field),
        Kind.BOOLEAN: YES_NO["yes"],
        Kind.DATE: _DAY,
        Kind.TIME: _MOMENT,
        Kind.TEXTS: f"示例一{BETWEEN}示例二",
    }
    return examples[field.kind]


def runs(pattern: str) -> list[Run]:
    """Return a pattern as runs of characters; none when it says more than that."""
    body = pattern.removeprefix("^").removesuffix("$")
    # One character of its own is a run of one.
    body = re.sub(r"(\[[^\]]+\])(?!\{)", r"\1{1}", body)
    if not re.fullmatch(f"(?:{_RUN.pattern})+", body):
        return []
    return [Run(found[1], int(found[2]), int(found[3] or found[2])) for found in _RUN.finditer(body)]


def plain(number: float) -> str:
    """Return a bound without a needless fraction or exponent."""
    return str(int(number)) if float(number).is_integer() else f"{number:f}".rstrip("0")


def _number_taken(field: LayerField) -> str:
    kind = "整数" if field.kind is Kind.INTEGER else "数字"
    low, high = field.minimum, field.maximum
    if low is None and high is None:
        return kind
    least = "" if low is None else f"{'大于' if field.exclusive_minimum else '不小于'} {plain(low)}"
    most = "" if high is None else f"不大于 {plain(high)}"
    if low is not None and high is not None and not field.exclusive_minimum:
        return f"{plain(low)} 到 {plain(high)} 之间的{kind}"
    return f"{'、'.join(part for part in (least, most) if part)} 的{kind}"


def _text_taken(field: LayerField) -> str:
    if field.pattern is not None:
        parts = runs(field.pattern)
        return "加 ".join(part.said for part in parts) if parts else f"合乎格式 {field.pattern} 的文字"
    return f"文字,最多 {field.max_length} 个字" if field.max_length else "文字"


def _number_example(field: LayerField) -> int | float:
    low = 1 if field.minimum is None else max(1, field.minimum + field.exclusive_minimum)
    number = low if field.maximum is None else min(low, field.maximum)
    return int(number) if float(number).is_integer() else float(number)


def _text_example(field: LayerField) -> str:
    if field.pattern is not None:
        return "".join(part.letters[0] * part.least for part in runs(field.pattern))
    if field.identifies:
        return "示例001"
    return f"示例{field.title}"[: field.max_length]
