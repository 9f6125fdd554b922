"""Matching a sheet's column headers to a layer's fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gis_service.errors import InputError
from gis_service.surveys.columns.personal import personal_columns
from gis_service.surveys.columns.positioning import accuracy_column, holds_numbers
from gis_service.surveys.columns.similarity import Suggestion, fitting_share, suggest
from layers.field import LayerField, fold
from layers.layer import Layer

_UNIT_IN_BRACKETS: Final = re.compile(r"[(\uff08\[【][^)\uff09\]】]*[)\uff09\]】]\s*$")
_OPEN_BRACKET: Final = re.compile(r"[(\uff08\[【][^)\uff09\]】]*$")
# Shapefiles keep 10 bytes of a column's name, which in UTF-8 may end within a sign.
_CUT_BYTES: Final = range(8, 11)
_LEAST_HANZI: Final = 4
_LEAST_LETTERS: Final = 8
_CUT_SCORE: Final = 0.9
_NOTHING: Final[Mapping[str, str | None]] = MappingProxyType({})


@dataclass(frozen=True)
class Matching:
    """Which column gives which field.

    Attributes
    ----------
    fields
        Column position to field.
    unknown
        Headers that no field knows; their columns aren't imported.
    personal
        Headers of personal columns; they aren't imported either.
    doubled
        Headers whose field another column gives already.
    suggested
        What unknown columns likely mean; they aren't imported until someone confirms it.
    left_out
        Headers of columns that someone said not to import.
    why_personal
        Header of a personal column to the reason in Chinese.
    gps_accuracy
        Position of the column that says how far off each position may be; it gives no field.
    """

    fields: dict[int, LayerField]
    unknown: tuple[str, ...]
    personal: tuple[str, ...]
    doubled: tuple[str, ...]
    suggested: tuple[Suggestion, ...] = ()
    left_out: tuple[str, ...] = ()
    why_personal: Mapping[str, str] = field(default_factory=dict)
    gps_accuracy: int | None = None


def match_headers(
    layer: Layer,
    columns: tuple[str, ...],
    sample_rows: Sequence[Sequence[object]] = (),
    confirmed: Mapping[str, str | None] = _NOTHING,
) -> Matching:
    """Match columns by name, title and survey headers; width, case, spaces and a unit in brackets don't count.

    Where several columns give one field, what a person confirmed wins, then the header that the declaration names
    first.

    Parameters
    ----------
    sample_rows
        Cells of the first rows, by which personal columns are recognised and suggestions weighed.
    confirmed
        Header to the name of the field that it gives, None for a column that isn't to be imported. Personal columns
        stay out whatever is confirmed.

    Raises
    ------
    InputError
        When what is confirmed names no field.
    """
    headers = _Headers(layer)
    known = {
        position: found
        for position, column in enumerate(columns)
        if (found := headers.find(column) or headers.find_cut(column, _cells(sample_rows, position))) is not None
    }
    why = _why_personal(columns, sample_rows, {columns[position]: found for position, (found, _) in known.items()})
    out = {position for position, column in enumerate(columns) if confirmed.get(column, "") is None or column in why}
    chosen = _confirmed_fields(layer, columns, confirmed)
    gps = _accuracy_column(columns, sample_rows, known, out | chosen.keys())
    # What a person confirmed stands before the first header of the declaration.
    ranked = known | {position: (found, -1) for position, found in chosen.items()}
    ranked = {position: pair for position, pair in sorted(ranked.items()) if position not in out | {gps}}
    fields = _best(ranked)
    unknown = [at for at in range(len(columns)) if at not in out and at != gps and at not in ranked]
    return Matching(
        fields=fields,
        unknown=tuple(columns[position] for position in unknown),
        personal=tuple(column for column in columns if column in why),
        doubled=tuple(columns[position] for position in ranked if position not in fields),
        suggested=_suggestions(headers, columns, sample_rows, unknown, {found.name for found in fields.values()}),
        left_out=tuple(columns[position] for position in sorted(out) if columns[position] not in why),
        why_personal=why,
        gps_accuracy=gps,
    )


def _best(ranked: Mapping[int, tuple[LayerField, int]]) -> dict[int, LayerField]:
    """Return for each field the column of the lowest rank, the first of equals."""
    best: dict[str, int] = {}
    for position, (found, rank) in ranked.items():
        if found.name not in best or rank < ranked[best[found.name]][1]:
            best[found.name] = position
    return {position: found for position, (found, _) in ranked.items() if best[found.name] == position}


class _Headers:
    """The headers that a layer declares."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._known = {
            fold(header): (found, rank) for found in layer.all_fields for rank, header in enumerate(found.headers)
        }
        self.words = " ".join((fold(layer.title), fold(layer.summary), *self._known))

    def find(self, column: str) -> tuple[LayerField, int] | None:
        """Return the field that a column gives for certain, and the rank of its header in the declaration."""
        for pattern in (None, _UNIT_IN_BRACKETS, _OPEN_BRACKET):
            header = column if pattern is None else pattern.sub("", column)
            if header and (found := self._known.get(fold(header))) is not None:
                return found
        return None

    def find_cut(self, column: str, cells: Sequence[object]) -> tuple[LayerField, int] | None:
        """Return the field of the only header that begins with a name that was cut off, if its cells don't disagree."""
        found = self.beginning_with(column)
        start = _uncut(column)
        letters = len(start) >= (_LEAST_LETTERS if start.isascii() else _LEAST_HANZI)
        if len(found) != 1 or not letters or not _may_be_cut(column):
            return None
        only = found[0]
        given = [cell for cell in cells if cell is not None and cell != ""]
        return None if given and not only.personal and fitting_share(only, given) < 0.5 else (only, len(only.headers))

    def beginning_with(self, column: str) -> list[LayerField]:
        """Return the fields that have a header which begins as a column's."""
        start = _uncut(column)
        if len(start) < 2:
            return []
        names = {found.name for header, (found, _) in self._known.items() if header.startswith(start)}
        return [found for found in self._layer.all_fields if found.name in names]

    def free(self, given: Collection[str]) -> list[LayerField]:
        """Return the fields that may be suggested: not personal, and given by no column."""
        return [found for found in self._layer.fields if found.name not in given]


def _uncut(column: str) -> str:
    """Return a column's header, folded, without a sign of which only some bytes are left."""
    return fold(_OPEN_BRACKET.sub("", column.rstrip("\ufffd?")))


def _may_be_cut(column: str) -> bool:
    return bool({len(column.encode("gb18030", "replace")), len(column.encode())} & set(_CUT_BYTES))


def _confirmed_fields(
    layer: Layer, columns: tuple[str, ...], confirmed: Mapping[str, str | None]
) -> dict[int, LayerField]:
    """Return the confirmed fields by position; of columns with one header the first is meant.

    A field may be named by its title. What was remembered of several columns may be one field: the first is taken.
    """
    chosen: dict[int, LayerField] = {}
    fields = {one: found for found in layer.fields for one in (found.title, found.name)}
    for column, name in confirmed.items():
        if name is None or column not in columns:
            continue
        if name not in fields:
            raise InputError(
                f"图层“{layer.title}”没有字段 {name!r},列“{column}”无法对应;请从图层的字段里选一个。",
                f"The layer {layer.name} has no field {name!r}.",
            )
        chosen[columns.index(column)] = fields[name]
    return chosen


def _why_personal(
    columns: tuple[str, ...], sample_rows: Sequence[Sequence[object]], known: Mapping[str, LayerField]
) -> dict[str, str]:
    """Return the personal columns: those that the layer declares so, and those that look so."""
    declared = {column: f"“{found.title}”是个人信息" for column, found in known.items() if found.personal}
    others = {column: found for column, found in known.items() if not found.personal}
    return personal_columns(columns, sample_rows, others) | declared


def _accuracy_column(
    columns: tuple[str, ...], sample_rows: Sequence[Sequence[object]],
    known: Mapping[int, tuple[LayerField, int]], settled: Collection[int],
) -> int | None:  # fmt: skip
    """Find the column of accuracies in metres; 定位精度 is one when numbers stand in it instead of classes."""
    found = accuracy_column(columns, settled)
    if found is not None:
        return found
    for position, (declared, _) in known.items():
        if declared.name == "accuracy" and position not in settled and holds_numbers(_cells(sample_rows, position)):
            return position
    return None


def _suggestions(
    headers: _Headers, columns: tuple[str, ...], sample_rows: Sequence[Sequence[object]],
    unknown: Sequence[int], given: Collection[str],
) -> tuple[Suggestion, ...]:  # fmt: skip
    free = headers.free(given)
    found = []
    for position in unknown:
        column, cells = columns[position], _cells(sample_rows, position)
        cut = [one for one in headers.beginning_with(column) if one in free] if _may_be_cut(column) else []
        if cut:
            options = tuple((one.name, _CUT_SCORE / len(cut), f"列名像是“{one.title}”被截短") for one in cut[:3])
            found.append(Suggestion(column, options))
        elif (likely := suggest(column, cells, free, headers.words)) is not None:
            found.append(likely)
    return tuple(found)


def _cells(rows: Sequence[Sequence[object]], position: int) -> list[object]:
    return [row[position] for row in rows if position < len(row)]
