"""A map book: sheets bound into one PDF, with a bookmark for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pypdf import PdfWriter


def bind(pages: Sequence[tuple[str, Path]], target: Path, title: str) -> None:
    """Bind PDF files of one page each into a book.

    Parameters
    ----------
    pages
        What each bookmark says, and its file.
    """
    book = PdfWriter()
    for number, (name, path) in enumerate(pages):
        book.append(path, import_outline=False)
        book.add_outline_item(title=name, page_number=number)
    book.page_mode = "/UseOutlines"
    # Each page has come with its own fonts and symbols; what is the same is kept once.
    book.compress_identical_objects(remove_duplicates=True, remove_unreferenced=True)
    book.add_metadata({"/Title": title, "/Creator": "gis_service", "/Producer": "gis_service"})
    with target.open("wb") as file:
        book.write(file)
    book.close()
