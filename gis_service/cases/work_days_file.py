"""A year's holidays as a CSV file: what a clerk writes down from the notice of the State Council's General Office."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from gis_service.cases.work_calendar import WorkDay
from gis_service.csv_rows import read_csv_rows
from gis_service.errors import InputError

COLUMNS = ("日期", "类型", "名称", "依据")
_KINDS = {"休": False, "班": True}
_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_YEARS = range(1900, 2200)
_MOST_ROWS, _MOST_SIGNS = 2_000, 200


def read_days_file(path: Path) -> list[WorkDay]:
    """Read the days of a file, UTF-8 with or without a mark, or as Excel saves it in Chinese (GB18030).

    Raises
    ------
    InputError
        It can't be read, lacks a column, has no rows, or a row is wrong; the sentence names the row.
    """
    rows = read_csv_rows(path, "日历文件", 1, called=path.name)
    head = [_plain(cell) for cell in rows[0]] if rows else []
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise InputError(
            f"{path.name} 的第一行缺少列“{'、'.join(missing)}”;四列是:{'、'.join(COLUMNS)}。",
            f"The columns {missing} are missing.",
        )
    return _days(rows[1:], head, path.name)


def _days(rows: list[list[str]], head: list[str], name: str) -> list[WorkDay]:
    if len(rows) > _MOST_ROWS:
        raise InputError(f"{name} 超过 {_MOST_ROWS:,} 行,不像是日历;请核对文件。", "The file has too many rows.")
    found: dict[date, int] = {}
    days = []
    for number, cells in enumerate(rows, 2):
        told = {column: _plain(cell) for column, cell in zip(head, cells, strict=False)}
        if not any(told.values()):
            continue
        day = _work_day(told, f"{name} 第 {number} 行")
        if day.day in found:
            raise InputError(
                f"{name} 第 {number} 行的日期 {day.day} 与第 {found[day.day]} 行重复;请只留一行。",
                f"Row {number} repeats a day.",
            )
        found[day.day] = number
        days.append(day)
    if not days:
        raise InputError(f"{name} 里没有日期;请每天写一行。", "The file has no days.")
    return days


def _work_day(told: Mapping[str, str], where: str) -> WorkDay:
    kind = told.get("类型", "")
    if kind not in _KINDS:
        raise InputError(f"{where}的类型 {kind[:20]!r} 不对;请写“休”或“班”。", f"{where}: the type is wrong.")
    for column in ("名称", "依据"):
        text = told.get(column, "")
        if not (0 < len(text) <= _MOST_SIGNS and text.isprintable()):
            raise InputError(
                f"{where}的“{column}”为空、太长或有看不见的字符;请写明,最多 {_MOST_SIGNS} 个字。",
                f"{where}: {column} can't be used.",
            )
    return WorkDay(_date(told.get("日期", ""), where), _KINDS[kind], told["名称"], told["依据"], own=True)


def _date(text: str, where: str) -> date:
    parts = _DAY.fullmatch(text)
    try:
        day = date(*(int(part) for part in parts.groups())) if parts else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise InputError(f"{where}的日期 {text[:20]!r} 看不懂;请写成 2027-01-01。", f"{where}: the date can't be read.")
    return day


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()
