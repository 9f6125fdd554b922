"""Matching a sheet's column headers to a layer's fields."""

from __future__ import annotations

import re
from dataclasses import dataclass

from layers.field import LayerField, fold
from layers.layer import Layer

_UNIT_IN_BRACKETS = re.compile(r"[(\uff08\[【][^)\uff09\]】]*[)\uff09\]】]\s*$")


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
        Headers of personal fields; their columns aren't imported either.
    doubled
        Headers whose field another column gives already.
    """

    fields: dict[int, LayerField]
    unknown: tuple[str, ...]
    personal: tuple[str, ...]
    doubled: tuple[str, ...]


def match_headers(layer: Layer, columns: tuple[str, ...]) -> Matching:
    """Match columns by name, title and survey headers; width, case, spaces and a unit in brackets don't count.

    Where several columns give one field, the header that the declaration names first wins.
    """
    known = {fold(header): (field, rank) for field in layer.all_fields for rank, header in enumerate(field.headers)}
    best: dict[str, tuple[int, int]] = {}
    matched: dict[int, LayerField] = {}
    unknown, personal = [], []
    for position, column in enumerate(columns):
        found = known.get(fold(column)) or known.get(fold(_UNIT_IN_BRACKETS.sub("", column)))
        if found is None:
            unknown.append(column)
        elif found[0].personal:
            personal.append(column)
        else:
            field, rank = found
            matched[position] = field
            if field.name not in best or rank < best[field.name][0]:
                best[field.name] = (rank, position)
    chosen = {position for _, position in best.values()}
    doubled = tuple(columns[position] for position in matched if position not in chosen)
    fields = {position: field for position, field in matched.items() if position in chosen}
    return Matching(fields, tuple(unknown), tuple(personal), doubled)
