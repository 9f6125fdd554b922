"""The mapping of a form's places to figures: a CSV that a clerk reads and changes in Excel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gis_service.csv_rows import read_csv_rows
from gis_service.errors import InputError, NotFoundError
from gis_service.exports.csv_table import csv_table
from gis_service.reports.figure import Catalogue, spelling_of
from gis_service.reports.files.found import Found, FoundMark

HEAD: Final = ("位置", "指标", "说明")
_MOST_SAID: Final = 5
_MOST_ROWS: Final = 10_000


@dataclass(frozen=True)
class Row:
    """One place: ``{{…}}``, a defined name or a cell; its figure's name, "" to leave it; and what is said of it."""

    place: str
    figure: str
    note: str = ""


def guessed(found: Found, catalogue: Catalogue) -> list[Row]:
    """Return a mapping of all places: the figure where a placeholder names one, or a label is its title; else empty."""
    rows: dict[str, Row] = {}
    spots: dict[str, list[FoundMark]] = {}
    for mark in found.marks:
        spots.setdefault(spelling_of(mark.asked), []).append(mark)
    for marks in spots.values():
        asked, places = marks[0].asked, [mark.at for mark in marks]
        at = "、".join(places[:_MOST_SAID]) + (f" 等 {len(places)} 处" if len(places) > _MOST_SAID else "")
        rows[f"{{{{{asked}}}}}"] = Row(f"{{{{{asked}}}}}", *_guess((asked,), catalogue, at))
    for one in found.places:
        labels = (one.place.rpartition("!")[2], *one.beside) if one.named else one.beside
        said = [one.at] if one.named else []
        said += [f"旁边写着:{'、'.join(one.beside)}"] if one.beside else []
        rows.setdefault(one.place, Row(one.place, *_guess(labels, catalogue, ";".join(said), named=one.named)))
    return list(rows.values())


def _guess(labels: Sequence[str], catalogue: Catalogue, said: str, *, named: bool = True) -> tuple[str, str]:
    for label in labels:
        figure = None
        if "/" in label:
            try:
                figure = catalogue.find(label)
            except NotFoundError:
                figure = None
        figure = figure or catalogue.titled(label)
        if figure is not None:
            return figure.name, f"{said};{figure.title},{figure.unit or '文字'}"
    similar = catalogue.similar(labels[0]) if named and labels else []
    return "", f"{said};相近的指标:{'、'.join(similar)}" if similar else said


def mapping_file(rows: Sequence[Row]) -> bytes:
    """Return a mapping as a CSV file."""
    return csv_table(HEAD, ((row.place, row.figure, row.note) for row in rows))


def read_mapping(path: Path) -> list[Row]:
    """Read a mapping, as it was written or as Excel saved it (UTF-8 or GB18030).

    Raises
    ------
    InputError
        It can't be read, has no columns 位置 and 指标, or names a place twice.
    """
    rows = read_csv_rows(path, "对照表", 2, called=f"对照表 {path.name}")
    head = [cell.strip() for cell in rows[0]] if rows else []
    if not {"位置", "指标"} <= set(head):
        raise InputError(
            f"对照表 {path.name} 的第一行应有“位置”和“指标”两列;请用 gis-service report map 生成。",
            "The mapping needs the columns 位置 and 指标.",
        )
    return _rows(rows[1:], head, path.name)


def _rows(lines: Sequence[Sequence[str]], head: Sequence[str], name: str) -> list[Row]:
    if len(lines) > _MOST_ROWS:
        raise InputError(f"对照表 {name} 超过 {_MOST_ROWS:,} 行;请删去用不到的行。", "The mapping has too many rows.")
    found: dict[str, Row] = {}
    for number, cells in enumerate(lines, 2):
        told = dict(zip(head, cells, strict=False))
        place = _unguarded(told.get("位置", "").strip())
        figure = told.get("指标", "").strip()
        if not place:
            if figure:
                raise InputError(
                    f"对照表 {name} 第 {number} 行有指标,没有位置;请补上位置。", f"Row {number} has no place."
                )
            continue
        if place in found:
            raise InputError(
                f"对照表 {name} 第 {number} 行的位置“{place[:60]}”前面已经有了;请只留一行。",
                f"Row {number} repeats a place.",
            )
        found[place] = Row(place, figure, told.get("说明", ""))
    return list(found.values())


def _unguarded(place: str) -> str:
    """Return a place without the apostrophe that keeps a spreadsheet from running it."""
    return place[1:] if place[:1] == "'" and place[1:2] in set("=+-@") else place
