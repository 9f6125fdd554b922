"""From one cell to what a layer's record validates: codes from labels, numbers without units, spellings of dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gis_service.surveys.columns.cells import cell_text, plain
from gis_service.surveys.columns.dates import Note, date_converter
from gis_service.surveys.columns.quantities import read_quantity
from gis_service.surveys.files.errors import UnreadableCellError
from layers.field import Kind, LayerField, fold

Convert = Callable[[Any], object]

_PLAIN_NUMBER: Final = re.compile(r"[-+]?\d+(?:\.\d+)?")
_YES: Final = frozenset({"是", "有", "对", "已", "真", "true", "yes", "y", "t", "1", "√", "✓", "✔", "☑"})
_NO: Final = frozenset({"否", "无", "不", "未", "没", "没有", "不是", "假", "false", "no", "n", "f", "0",
                        "×", "✗", "✘", "☒"})  # fmt: skip
_YES_BEFORE: Final = ("已经", "已", "是", "有")
_NO_BEFORE: Final = ("没有", "不是", "未", "无", "不", "非", "没")
_SHORTEST_PREFIX: Final = 2
_SHOWN_OPTIONS: Final = 12
_LOOSE: Final = re.compile(r"[\s_*:\-.·、,;/()\[\]【】<>«»]+")
_IN_BRACKETS: Final = re.compile(r"[(\[【<][^)\]】>]*[)\]】>]")
_SEPARATORS: Final = re.compile(r"[、,\uff0c;\uff1b|/]\s*")


def converter_of(found: LayerField, note: Note) -> Convert:
    """Return what turns a cell into a value of a field.

    Parameters
    ----------
    found
        The field.
    note
        Called with the cell and its value where more than width, case, separators and a label was read into it.

    Returns
    -------
    callable
        Takes a cell that isn't empty; None means that nothing stands in it. What it can't make sense of it returns
        as text for the record to refuse, or raises UnreadableCellError where it knows better what is wrong.
    """
    if found.codes is not None:
        return _code_converter(found, note)
    if found.kind in {Kind.INTEGER, Kind.NUMBER}:
        return _number_converter(found, note)
    if found.kind is Kind.BOOLEAN:
        return _boolean_converter(found, note)
    if found.kind is Kind.DATE:
        return date_converter(note)
    return texts_of if found.kind is Kind.TEXTS else cell_text


def texts_of(cell: object) -> list[str]:
    """Return the parts of a cell that holds a list."""
    if isinstance(cell, list):
        return [str(part) for part in cell]
    return [part for part in _SEPARATORS.split(str(cell).strip()) if part]


def _number_converter(found: LayerField, note: Note) -> Convert:
    unit = found.unit

    def convert(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        text = plain(cell).replace(",", "")
        if not text or _PLAIN_NUMBER.fullmatch(text) is not None:
            return text or None
        value = read_quantity(text, unit)
        if value is None:
            return text
        note(cell, value)
        return value

    return convert


def _boolean_converter(found: LayerField, note: Note) -> Convert:
    words = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)
    headers = [fold(header) for header in found.headers]

    def about(text: str, beginnings: Iterable[str]) -> bool:
        rests = (text.removeprefix(word) for word in beginnings if text.startswith(word))
        return any(rest and any(rest in header for header in headers) for rest in rests)

    def convert(cell: object) -> object:
        if isinstance(cell, bool):
            return cell
        known = words.get(cell) if isinstance(cell, str) else None
        if known is not None:
            return known
        text = plain(cell_text(cell) or "").casefold()
        if text in words or not text:
            return words.get(text)
        yes, no = about(text, _YES_BEFORE), about(text, _NO_BEFORE)
        if yes == no:
            return text
        note(cell, "是" if yes else "否")
        return yes

    return convert


class _Codes:
    """Which code a word stands for: exactly, nearly, by another word for it, or as the unique beginning of a label."""

    def __init__(self, codes: Mapping[str, str], words: Mapping[str, str]) -> None:
        self.exact = {label: code for code, label in codes.items()} | {code: code for code in codes}
        self.folded = {word.casefold(): code for word, code in self.exact.items()}
        self._labels = codes
        self._near: dict[str, set[str]] = {}
        for word, code in words.items():
            self._near.setdefault(_loose(word), set()).add(code)
        for code, label in codes.items():
            short = _IN_BRACKETS.sub("", plain(label))
            for word in (code, label, short, code + label, label + code, code + short, short + code):
                self._near.setdefault(_loose(word), set()).add(code)
            if code.isdigit():
                # Spreadsheets take the zeros off 01.
                self._near.setdefault(code.lstrip("0"), set()).add(code)

    def near(self, text: str) -> set[str]:
        """Return the codes that a word may mean, none when it is like no label."""
        loose = _loose(text)
        found = self._near.get(loose) or self._near.get(_loose(_IN_BRACKETS.sub("", plain(text)))) or set()
        if found or len(loose) < _SHORTEST_PREFIX or loose.isdigit():
            return found
        return {code for code, label in self._labels.items() if _loose(label).startswith(loose)}


def _loose(text: str) -> str:
    return _LOOSE.sub("", plain(text)).casefold()


def _code_converter(found: LayerField, note: Note) -> Convert:
    codes = _Codes(found.codes or {}, found.words)
    labels = found.codes or {}

    def one(cell: object) -> object:
        exact = codes.exact.get(cell) if isinstance(cell, str) else None
        if exact is not None:
            return exact
        text = cell_text(cell)
        if text is None:
            return None
        exact = codes.folded.get(text.casefold())
        if exact is not None:
            return exact
        near = codes.near(text)
        if len(near) > 1:
            options = [labels[code] for code in labels if code in near][:_SHOWN_OPTIONS]
            raise UnreadableCellError(f"的 {text!r} 可能是{'、'.join(options)};请写明其中一项")
        for code in near:
            note(cell, labels[code])
            return code
        return text

    def several(cell: object) -> object:
        parts = texts_of(cell)
        if len(parts) == 1 and parts[0] not in codes.exact:
            # Forms on phones put spaces between the codes that were ticked.
            ticked = parts[0].split()
            parts = ticked if all(part in codes.exact for part in ticked) else parts
        return [one(part) for part in parts] or None

    return several if found.kind is Kind.TEXTS else one
