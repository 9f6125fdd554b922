"""The uploader's own workbook with its bad cells marked; runs in the child, since the file is a stranger's."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from gis_service.surveys.files.archives import check_workbook
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import ReadLimits

REASON_HEADING: Final = "上传检查"
_HEADER_WITHIN_ROWS: Final = 10
REFUSED_COLOUR, WARNED_COLOUR = "F8CBAD", "FFE699"
_AUTHOR: Final = "上传检查"

Marks = Mapping[str, Sequence[tuple[str | None, str, bool]]]
"""Row number as text to (column or None for the whole row, Chinese sentence, whether the row is refused)."""


def mark_workbook(path: Path, sheet: str | None, columns: Sequence[str], marks: Marks, limits: ReadLimits) -> bytes:
    """Return the workbook with marked cells, a comment at each, and a column of reasons.

    Parameters
    ----------
    sheet
        The sheet that was read.
    columns
        Its headers, as they were read.
    marks
        What is to be marked; rows are counted from 1 below the header.

    Raises
    ------
    SurveyError
        When the sheet or its header isn't found again.
    """
    check_workbook(path, limits)
    tempfile.tempdir = str(Path.cwd())
    book = openpyxl.load_workbook(path, keep_links=False)
    found = book[sheet] if sheet in book.sheetnames else book.worksheets[0]
    header, places = _header(found, columns)
    last = max(places.values()) + 1
    found.cell(header, last, REASON_HEADING).font = Font(bold=True)
    found.column_dimensions[get_column_letter(last)].width = 50
    for number, said in marks.items():
        row = header + int(number)
        refused = any(one[2] for one in said)
        for column, sentence, is_refused in said:
            cell = found.cell(row, places[column]) if column in places else found.cell(row, last)
            cell.fill = _fill(refused=is_refused)
            if column in places:
                cell.comment = Comment(sentence, _AUTHOR, height=90, width=260)
        reasons = found.cell(row, last, "".join(dict.fromkeys(sentence for _, sentence, _ in said)))
        reasons.fill = _fill(refused=refused)
        # A sentence that quotes a cell is a text, whatever the cell began with.
        reasons.data_type = "s"
    made = BytesIO()
    book.save(made)
    return made.getvalue()


def _fill(*, refused: bool) -> PatternFill:
    return PatternFill("solid", fgColor=REFUSED_COLOUR if refused else WARNED_COLOUR)


def _header(sheet: Any, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
    wanted = [name for name in columns if name]
    for number, row in enumerate(sheet.iter_rows(min_row=1, max_row=_HEADER_WITHIN_ROWS), start=1):
        titles = {" ".join(str(cell.value).split()): cell.column for cell in row if cell.value is not None}
        if all(name in titles for name in wanted):
            return number, {name: titles[name] for name in wanted}
    msg = "工作簿里找不到原来的表头;请重新上传"
    raise SurveyError(msg)
