"""The uploader's rows back as a workbook, with marked cells and reasons, ready to be mended and sent again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import xlsxwriter

from gis_service.coordinates import has_code
from gis_service.errors import InputError
from gis_service.surveys.desk import Desk, Waiting, find_proposal
from gis_service.surveys.files.marking import REASON_HEADING, REFUSED_COLOUR, WARNED_COLOUR
from gis_service.surveys.files.reading import JOB, Batch, SurveyError, mark_survey, read_survey
from gis_service.surveys.proposal_rows import list_rows

_OWN_BYTES = 3 * 1024 * 1024
"""Workbooks up to this size come back as they are; opening larger ones with all their formats takes too long."""
_PAGE_ROWS = 1000
_MOST_ROWS = 1_048_000
_TOLD = {"unplaced": "待落图", "conflict": "冲突", "refused": "拒收"}


def marked_workbook(desk: Desk, identifier: uuid.UUID) -> tuple[bytes, str]:
    """Return a workbook with what is wrong marked, and its file name.

    An XLSX file comes back as the sender made it; of other formats the rows are written into a new workbook.

    Raises
    ------
    NotFoundError
        When there is no such upload, or its file was deleted.
    InputError
        When the file can't be read again.
    """
    with desk.database.read(desk.scope) as conn:
        waiting = find_proposal(conn, identifier)
        marks = dict(_marks(conn, waiting))
    path = desk.originals.find(identifier)
    stem = PurePosixPath(waiting.row["file_name"]).stem
    try:
        if waiting.row["report"]["driver"] == "XLSX" and waiting.row["bytes"] <= _OWN_BYTES:
            made = mark_survey(
                path, name=waiting.row["file_name"], layer=waiting.row["report"]["sheet"],
                columns=[*waiting.row["report"]["all_columns"]], marks=marks,
            )  # fmt: skip
        else:
            made = _new_workbook(path, waiting, marks)
    except SurveyError as error:
        raise InputError(str(error), "The file can't be read again.") from error
    return made, f"{stem}-检查.xlsx"


def _marks(conn: Any, waiting: Waiting) -> Iterator[tuple[int, list[tuple[str | None, str, bool]]]]:
    """Yield the rows with something to tell: (row, [(column, sentence, refused)])."""
    column_of = {one["field"]: one["column"] for one in waiting.row["report"]["columns"]}
    after: int | None = 0
    while after is not None:
        page = list_rows(conn, waiting.kept, waiting.layer, after=after, limit=_PAGE_ROWS, flagged=True)
        for row in page:
            bad = row["step"] in {"refused", "conflict"}
            prefix = f"{_TOLD[row['step']]}:" if row["step"] in _TOLD else "提醒:"
            yield (
                row["row"],
                [(column_of.get(one["field"]), f"{prefix}{one['message']}", bad) for one in row["problems"]],
            )
        after = page[-1]["row"] if len(page) == _PAGE_ROWS else None


def _new_workbook(path: Path, waiting: Waiting, marks: dict[int, list[tuple[str | None, str, bool]]]) -> bytes:
    answers, report = waiting.row["answers"], waiting.row["report"]
    made = BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    with (
        read_survey(
            path, geometry="GEOMETRY", crs=report["crs"] if has_code(report["crs"]) else None,
            layer=answers.get("sheet"), limits=JOB, name=waiting.row["file_name"], ledgers=True,
        ) as (sheet, batches),
        xlsxwriter.Workbook(made, options) as book,
    ):  # fmt: skip
        page = book.add_worksheet("数据")
        bold = book.add_format({"bold": True, "bg_color": "#DCE6EE"})
        fills = {True: book.add_format({"bg_color": f"#{REFUSED_COLOUR}"}),
                 False: book.add_format({"bg_color": f"#{WARNED_COLOUR}"})}  # fmt: skip
        page.freeze_panes(1, 0)
        page.set_column(len(sheet.columns), len(sheet.columns), 50)
        for at, name in enumerate((*sheet.columns, REASON_HEADING)):
            page.write_string(0, at, name, bold)
        for number, cells in _rows(batches):
            if number > _MOST_ROWS:
                break
            said = marks.get(number, [])
            colour = {column: fills[refused] for column, _, refused in said}
            for at, cell in enumerate(cells):
                _write(page, number, at, cell, colour.get(sheet.columns[at]))
            if said:
                reasons = "".join(dict.fromkeys(sentence for _, sentence, _ in said))
                page.write_string(number, len(sheet.columns), reasons, fills[any(one[2] for one in said)])
    return made.getvalue()


def _rows(batches: Iterator[Batch]) -> Iterator[tuple[int, list[object]]]:
    for batch in batches:
        yield from zip(batch.row_numbers, batch.rows, strict=True)


def _write(page: Any, row: int, column: int, cell: object, colour: Any) -> None:
    if isinstance(cell, bool):
        page.write_boolean(row, column, cell, colour)
    elif isinstance(cell, int | float) and abs(cell) < 1e15:
        page.write_number(row, column, cell, colour)
    elif cell is not None:
        # Texts stay texts: codes keep their zeros, and what begins like a formula isn't one.
        page.write_string(row, column, str(cell)[:32_767], colour)
    elif colour is not None:
        page.write_blank(row, column, None, colour)
