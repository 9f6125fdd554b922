"""Small CSV files that people keep in Excel: read whole, within a bound, in whichever way Excel has saved them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from gis_service.errors import InputError

_MB = 1 << 20


def read_csv_rows(path: Path, kind: str, most_mb: int, *, called: str) -> list[list[str]]:
    """Return the rows of a file in UTF-8, with or without a mark, or in GB18030.

    Parameters
    ----------
    kind
        What the file is, in Chinese.
    called
        How sentences about its content name it.

    Raises
    ------
    InputError
        When it can't be opened, is larger than ``most_mb``, or is no CSV in one of these encodings.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_mb * _MB + 1)
    except OSError as error:
        raise InputError(
            f"打不开{kind} {path}({error.strerror});请核对路径和权限。", f"{path} can't be read."
        ) from error
    if len(content) > most_mb * _MB:
        raise InputError(
            f"{called} 超过 {most_mb} MB,不像是{kind.removesuffix('文件')};请核对文件。", "The file is too large."
        )
    try:
        return list(csv.reader(io.StringIO(_decoded(content, called), newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"{called} 不是完好的 CSV;请在 Excel 里另存为 CSV UTF-8。", "The file isn't CSV.") from error


def _decoded(content: bytes, called: str) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{called} 的编码看不懂;请在 Excel 里另存为 CSV UTF-8。", "The file's encoding is unknown.")
