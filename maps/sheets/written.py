"""A sheet as a file: PDF with its fonts, PNG at 300 dots an inch, SVG."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl

from gis_service.errors import InputError
from maps.sheets.sheet import Sheet

_DOTS_PER_INCH = 300
PREVIEW_PIXELS = 480


def write_sheet(sheet: Sheet, path: Path, kind: str) -> None:
    """Write a sheet; nothing in its metadata tells of the machine or the person.

    Raises
    ------
    InputError
        When a sign would come out as a box after all.
    """
    metadata: dict[str, str | None] = {"Title": sheet.title}
    if kind == "pdf":
        metadata |= {"Subject": sheet.finding, "Creator": "gis_service", "Producer": "gis_service"}
    else:
        metadata |= {"Software": "gis_service"} if kind == "png" else {"Creator": "gis_service", "Date": None}
    # Type 3 embeds the outlines of the signs that occur, with what they mean, so that text can be searched; Type 42
    # would take seven seconds more to cut a font of 65,000 signs to size, and makes no smaller file.
    settings: Any = {"pdf.fonttype": 3, "svg.fonttype": "path", "svg.hashsalt": "gis_service"}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph .* missing")
        try:
            sheet.figure.savefig(path, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)
        except UserWarning as error:
            path.unlink(missing_ok=True)
            raise InputError(f"有字印不出来,没有出图:{error}", "A glyph is missing.") from error


def write_preview(sheet: Sheet, path: Path) -> None:
    """Write a small picture of a sheet, of which only the title can be read: looking at it isn't taking it."""
    sheet.figure.savefig(path, format="png", dpi=PREVIEW_PIXELS / float(sheet.figure.get_size_inches().max()))
