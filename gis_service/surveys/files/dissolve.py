"""Pieces of one thing put together again: map tiles cut features at their edges and repeat the id."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import shapely

from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.geometry import TAKEN_TYPES
from gis_service.surveys.files.source import Chunk, Source


def dissolved(source: Source, column: str, geometry: str) -> tuple[Source, list[int]]:
    """Merge rows that have the same value in a column; the values of the first row that fits stand.

    Parameters
    ----------
    column
        The column that says what belongs together; rows without a value stay alone.
    geometry
        The layer's declared type. Where some pieces fit it and others don't (a label point beside its polygon), only
        those that fit are merged; where none fits, the row is kept and refused later. A point layer takes the first.

    Returns
    -------
    tuple
        The source with one chunk, and for each of its rows the number of the first source row, from 1.

    Raises
    ------
    SurveyError
        There is no such column.
    """
    if column not in source.columns:
        msg = f"没有可供合并的列“{column[:60]}”;有:{'、'.join(name[:30] for name in source.columns[:30])}"
        raise SurveyError(msg)
    at = source.columns.index(column)
    chunks = list(source.chunks)
    rows = list(chain.from_iterable(chunk.rows for chunk in chunks))
    pieces = np.concatenate([chunk.geometries for chunk in chunks])
    starts = np.cumsum([0, *(len(chunk.rows) for chunk in chunks)])
    broken = {int(start) + position: why for start, chunk in zip(starts, chunks, strict=False)
              for position, why in chunk.reasons.items()}  # fmt: skip
    mended = {int(start) + position: what for start, chunk in zip(starts, chunks, strict=False)
              for position, what in chunk.repairs.items()}  # fmt: skip
    members: dict[object, list[int]] = {}
    for number, row in enumerate(rows):
        alone = row[at] is None or (isinstance(row[at], str) and not str(row[at]).strip())
        members.setdefault(("alone", number) if alone else row[at], []).append(number)
    fits = np.isin(shapely.get_type_id(pieces), TAKEN_TYPES[geometry])
    merged: list[object] = []
    reasons: dict[int, str] = {}
    repairs: dict[int, str] = {}
    firsts: list[int] = []
    left_out = 0
    for position, numbers in enumerate(members.values()):
        taken = [number for number in numbers if fits[number]] or numbers[:1]
        if geometry == "POINT":
            taken = taken[:1]
        left_out += len(numbers) - len(taken)
        firsts.append(taken[0])
        if (first_mended := next((number for number in taken if number in mended), None)) is not None:
            repairs[position] = mended[first_mended]
        try:
            merged.append(_union([pieces[number] for number in taken]))
        except shapely.errors.GEOSException:
            merged.append(None)
            reasons[position] = f"{len(taken)} 个同“{column[:30]}”的碎片合不起来(其中有自相交等错误)"
        # A feature with a missing piece is not taken as if it were whole.
        damaged = next((number for number in numbers if number in broken or pieces[number] is None), None)
        if damaged is not None:
            reasons[position] = broken.get(damaged, f"第 {damaged + 1} 行的碎片没有几何")
    notes = (*source.notes, f"按“{column[:60]}”把 {len(rows)} 行合并成 {len(firsts)} 行,属性取每组第一个并入的行")
    if left_out:
        why = "每组只取第一个点" if geometry == "POINT" else "几何类型不符,例如面旁边的标注点"
        notes = (*notes, f"合并时有 {left_out} 个同组的碎片没有并入({why})")
    geometries = np.empty(len(merged), dtype=object)
    geometries[:] = merged
    chunk = Chunk([rows[number] for number in firsts], geometries, reasons, repairs)
    settled = replace(source, chunks=iter([chunk]), row_count=len(firsts), notes=notes)
    return settled, [number + 1 for number in firsts]


def _union(pieces: list[object]) -> object:
    if len(pieces) == 1:
        return pieces[0]
    union = shapely.union_all(np.array(pieces, dtype=object))
    # Cut lines meet end to end: joined again they are one line.
    return shapely.line_merge(union) if shapely.get_dimensions(union) == 1 else union
