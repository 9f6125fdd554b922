"""Which layer a file is for, where its sender doesn't say: the one whose fields its headers name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gis_service.errors import InputError
from gis_service.surveys.columns.headers import match_headers
from gis_service.surveys.files.reading import Sheet, SurveyError, read_survey
from gis_service.surveys.proposal import Reading
from gis_service.surveys.questions import OpenQuestionError, Option, Question
from layers.layer import Layer
from layers.record import Record
from layers.registry import LAYERS

_ENOUGH: Final = 3
"""Headers of a layer's own fields that a file must have to be taken for it without asking."""
_AHEAD: Final = 2
_MOST_OPTIONS: Final = 6


def layer_of_file(path: Path, reading: Reading) -> Layer:
    """Return the layer of a file.

    Raises
    ------
    OpenQuestionError
        When several are possible.
    InputError
        When the file can't be read.
    """
    try:
        with read_survey(
            path, geometry="GEOMETRY", crs=reading.crs, layer=reading.sheet, limits=reading.limits, name=reading.name,
            ledgers=True,
        ) as (sheet, _):  # fmt: skip
            names = {layer.name: _own_headers(layer, sheet) for layer in LAYERS.values()}
            titled = next((one for one in LAYERS.values() if sheet.layer in {one.name, one.title}), None)
    except SurveyError as error:
        raise InputError(str(error), "The survey file can't be used.") from error
    if titled is not None:
        return titled
    ranked = sorted(
        names, key=lambda name: (-len(names[name]), -_words_in_common(reading.name or "", LAYERS[name].title))
    )
    best, second = (len(names[name]) for name in ranked[:2])
    if best >= _ENOUGH and best >= _AHEAD * second:
        return LAYERS[ranked[0]]
    options = tuple(
        Option(
            name, LAYERS[name].title, float(len(names[name])),
            f"{LAYERS[name].summary}" + (f"列名对上 {'、'.join(names[name][:5])}" if names[name] else "没有列名对上"),
        )
        for name in (ranked[:_MOST_OPTIONS] if best else ranked)
    )  # fmt: skip
    raise OpenQuestionError(
        [Question("layer", "这份文件是哪个图层?", options)],
        f"看不出文件是哪个图层,可能是:{'、'.join(one.title for one in options)};请指明图层。",
        "The file's layer is open.",
    )


def _own_headers(layer: Layer, sheet: Sheet) -> list[str]:
    """Return the columns that give fields of this layer, those left aside that every layer has."""
    found = match_headers(layer, sheet.columns).fields
    return [sheet.columns[at] for at, field in sorted(found.items()) if field.name not in Record.model_fields]


def _words_in_common(file_name: str, title: str) -> int:
    """Count the pairs of signs of a layer's title that stand in a file's name, such as 垃圾 in 垃圾点普查.csv."""
    return sum(title[at : at + 2] in file_name for at in range(len(title) - 1))
